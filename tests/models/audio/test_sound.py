"""What the audio network hears."""

import numpy as np
import pytest

from models.audio.sound import (
    at_tempo,
    batches_by_length,
    has_no_voice,
    is_silent,
    log_mel,
    normalise_loudness,
    trim_silence,
    windows,
)


def hum(seconds: float, level: float = 0.1, hertz: float = 200.0) -> np.ndarray:
    times = np.arange(int(seconds * 16_000)) / 16_000
    return (level * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


@pytest.mark.parametrize("gain", [0.01, 0.1, 8.0])
def test_loudness_says_nothing_any_more(gain: float) -> None:
    np.testing.assert_allclose(
        normalise_loudness(gain * hum(1.0)), normalise_loudness(hum(1.0)), rtol=1e-3, atol=1e-6
    )


def test_pauses_do_not_count_as_quiet_speech() -> None:
    paused = np.concatenate([hum(1.0), np.zeros(48_000, np.float32)])
    loud = normalise_loudness(paused)[:16_000]
    np.testing.assert_allclose(loud, normalise_loudness(hum(1.0)), rtol=1e-3, atol=1e-6)


def test_silence_is_not_amplified() -> None:
    hiss = (1e-5 * np.random.default_rng(0).standard_normal(16_000)).astype(np.float32)
    assert is_silent(hiss)
    np.testing.assert_array_equal(normalise_loudness(hiss), hiss)
    assert is_silent(np.zeros(0, np.float32))
    assert not is_silent(hum(0.5, 0.001))


def test_fans_and_hums_hold_no_voice_but_swelling_sounds_may() -> None:
    random = np.random.default_rng(0)
    fan = (0.05 * random.standard_normal(32_000)).astype(np.float32)
    swell = (1 + 0.9 * np.sin(2 * np.pi * 4 * np.arange(32_000) / 16_000)).astype(np.float32)
    assert has_no_voice(fan)
    assert has_no_voice(hum(2.0, hertz=50.0))
    assert has_no_voice(np.zeros(16_000, np.float32))
    assert not has_no_voice(fan * swell)


def test_the_frames_are_those_that_whisper_hears() -> None:
    from transformers import WhisperFeatureExtractor

    random = np.random.default_rng(0)
    clip = (hum(2.0) + 0.02 * random.standard_normal(32_000)).astype(np.float32)
    theirs = WhisperFeatureExtractor()(clip, sampling_rate=16_000, return_tensors="np")
    mine = log_mel(clip).numpy()
    assert mine.shape == (80, 200)
    # the last frames differ: theirs see the padding to 30 seconds, these the clip's own mirror
    np.testing.assert_allclose(mine[:, :197], theirs["input_features"][0, :, :197], atol=2e-3)


def test_a_clip_shorter_than_a_frame_is_heard_all_the_same() -> None:
    assert log_mel(np.ones(10, np.float32)).shape[0] == 80


def test_windows_are_even_and_hold_everything() -> None:
    long = hum(25.0)
    pieces = windows(long, 10.0)
    assert [len(piece) for piece in pieces] == [133_334, 133_333, 133_333]
    np.testing.assert_array_equal(np.concatenate(pieces), long)
    assert len(windows(hum(10.0), 10.0)) == 1
    assert len(windows(np.zeros(0, np.float32), 10.0)) == 1


def test_batches_hold_each_clip_once_and_stay_small() -> None:
    lengths = [5, 100, 7, 60, 58, 3, 500]
    batches = batches_by_length(lengths, 120)
    assert sorted(i for batch in batches for i in batch) == list(range(7))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= 120


def test_silence_around_a_voice_is_cut_and_pauses_in_it_stay() -> None:
    pause = np.zeros(16_000, np.float32)
    voice = hum(0.5)
    trimmed = trim_silence(np.concatenate([pause, voice, pause, voice, pause]))
    assert len(trimmed) == pytest.approx(2.0 * 16_000 + 0.3 * 16_000, abs=800)
    np.testing.assert_array_equal(trim_silence(pause), pause)
    np.testing.assert_array_equal(trim_silence(voice), voice)


def test_another_tempo_changes_length_and_pitch_together() -> None:
    fast = at_tempo(hum(1.0, hertz=200.0), 1.25)
    assert len(fast) == pytest.approx(16_000 / 1.25, abs=2)
    spectrum = np.abs(np.fft.rfft(fast))
    assert spectrum.argmax() * 16_000 / len(fast) == pytest.approx(250, abs=3)
