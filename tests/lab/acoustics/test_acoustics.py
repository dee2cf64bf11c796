"""Voices sent through a meeting's conditions, and sounds in which nobody speaks."""

import numpy as np
import pytest

from lab.acoustics import (
    CONDITIONS,
    apply,
    drops,
    measure_abstention,
    measure_conditions,
    no_voice_sounds,
)
from lab.acoustics.augmentation import babble
from lab.acoustics.rooms import reverberation_time, shoebox
from models.registry import load_engine
from schemas.errors import SettingsError
from schemas.settings import Settings, WeightSettings


def voice(hertz: float, seconds: float = 2.0) -> np.ndarray:
    """A tone in syllables after half a second of silence."""
    times = np.arange(int(seconds * 16_000)) / 16_000
    syllables = (np.sin(2 * np.pi * 3 * times) > -0.3) * (times > 0.5)
    return (0.1 * syllables * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def power(samples: np.ndarray) -> float:
    return float((samples.astype(np.float64) ** 2).mean())


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_gives_the_same_sound_for_the_same_seed_and_leaves_the_clip(
    condition: str,
) -> None:
    clips, speakers = [voice(200), voice(350, 1.5)], ["a", "b"]
    kept = [clip.copy() for clip in clips]
    first = apply(condition, clips, speakers, seed=3)
    second = apply(condition, clips, speakers, seed=3)
    for made, again, clip, before in zip(first, second, clips, kept, strict=True):
        np.testing.assert_array_equal(made, again)
        np.testing.assert_array_equal(clip, before)
        assert made.dtype == np.float32
        assert np.isfinite(made).all()
        expected = 8_000 if condition == "short-0.5s" else len(clip)
        assert abs(len(made) - expected) <= 1_000
        assert (condition == "clean") == np.array_equal(made, clip)


def test_babble_lies_ten_decibels_under_the_voice_and_is_never_of_its_own_speaker() -> None:
    clip, other = voice(200), voice(900)
    noise = babble(clip, [other], 10.0, np.random.default_rng(0)) - clip
    spoken = clip[np.abs(clip) > 0]
    assert 10 * np.log10(power(spoken) / power(noise)) == pytest.approx(10.0, abs=1.0)
    crowd = [clip, voice(200, 1.0), other], ["a", "a", "b"]
    (heard,) = apply("babble-10db", [clip], ["a"], 1, crowd)
    spectrum = np.abs(np.fft.rfft(heard - clip))
    assert spectrum[1_600:2_000].max() > 20 * spectrum[300:500].max()
    with pytest.raises(SettingsError, match="two speakers or more"):
        apply("babble-10db", [clip, clip], ["a", "a"])


def test_a_telephone_carries_300_to_3400_hertz_in_256_steps() -> None:
    white = np.random.default_rng(0).standard_normal(32_000).astype(np.float32) * 0.1
    (heard,) = apply("telephone", [white], ["a"])
    spectrum = np.abs(np.fft.rfft(heard)) ** 2
    inside = spectrum[2 * 500 : 2 * 3_000].mean()
    assert spectrum[: 2 * 120].mean() < 0.01 * inside
    assert spectrum[2 * 4_500 :].mean() < 0.01 * inside
    assert len(np.unique(heard[::2].round(6))) < 3_000


def test_a_room_sounds_for_the_time_that_it_was_made_for() -> None:
    room, talker, microphone = np.array([5.0, 4.0, 2.8]), np.array([1, 1.5, 1.2]), np.ones(3) * 2
    response = shoebox(room, talker, microphone, 0.3)
    assert reverberation_time(response.astype(np.float64)) == pytest.approx(0.3, abs=0.01)
    assert int(np.abs(response).argmax()) == 0
    (heard,) = apply("room", [voice(300)], ["a"])
    assert power(heard[:8_000]) < 1e-6 * power(heard)


def test_a_short_cut_is_of_a_voice_and_not_of_the_pause_before_it() -> None:
    clip = np.concatenate([np.zeros(80_000, dtype=np.float32), voice(300, 1.0)])
    for seed in range(8):
        (cut,) = apply("short-0.5s", [clip], ["a"], seed)
        assert len(cut) == 8_000
        assert power(cut[2_000:6_000]) > 1e-4


def test_an_unknown_condition_is_named() -> None:
    with pytest.raises(SettingsError, match="no condition 'underwater'; known are clean"):
        apply("underwater", [], [])


def test_the_drop_is_of_the_same_clips() -> None:
    clips = [voice(200 + 50 * i) for i in range(4)]
    labels, speakers = [0, 1, 0, 1], ["a", "a", "b", "b"]

    def long_ones_are_right(samples: list[np.ndarray]) -> np.ndarray:
        scores = np.full((len(samples), 2), 0.1, dtype=np.float32)
        for row, clip in enumerate(samples):
            scores[row, labels[row] if len(clip) > 8_000 else 0] = 0.9
        return scores

    found = measure_conditions(
        long_ones_are_right, clips.__getitem__, labels, speakers, ("low", "high")
    )
    assert list(found) == list(CONDITIONS)
    fall = drops(found)
    assert fall["short-0.5s"] == pytest.approx(0.5)
    assert fall["clean"] == fall["opus-24k"] == fall["room"] == 0.0
    alone = measure_conditions(long_ones_are_right, clips.__getitem__, labels, ["a"] * 4, "lh")
    assert "babble-10db" not in alone


def test_sounds_without_a_voice_are_of_many_kinds_lengths_and_levels() -> None:
    sounds = no_voice_sounds(2)
    assert len({kind for kind, _ in sounds}) == 9
    assert all(16_000 <= len(samples) <= 96_000 for _, samples in sounds)
    assert {kind for kind, samples in sounds if not samples.any()} == {"silence"}
    levels = [10 * np.log10(power(samples)) for _, samples in sounds if samples.any()]
    assert -40.5 < min(levels) < -30
    assert -25 < max(levels) < -14.5
    again = no_voice_sounds(2)
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(sounds, again, strict=True))


def test_silence_and_noise_get_no_emotion_from_the_shipped_voice_network() -> None:
    branch = load_engine("audio", "embedded", WeightSettings())
    found = measure_abstention(branch.score, Settings().judge.min_confidence)
    assert found.n == 54
    steady = ("white noise", "pink noise", "brown noise", "quiet room", "silence")
    assert all(found.by_kind[kind] == 0.0 for kind in steady)
