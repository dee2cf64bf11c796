"""Sound made like a meeting's stays the sound it was."""

import numpy as np
import pytest

from lab.acoustics.augmentation import (
    add_noise,
    change_speed,
    crop,
    like_a_meeting,
    narrow_band,
    no_voice,
    reverberate,
    through_opus,
)


@pytest.fixture
def voice() -> np.ndarray:
    times = np.arange(32_000) / 16_000
    return (0.2 * np.sin(2 * np.pi * 300 * times) * (1 + np.sin(8 * times))).astype(np.float32)


def spectrum_peak(samples: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * 16_000 / len(samples))


def test_the_same_seed_gives_the_same_room(voice: np.ndarray) -> None:
    first = like_a_meeting(voice, np.random.default_rng(5))
    np.testing.assert_array_equal(first, like_a_meeting(voice, np.random.default_rng(5)))
    assert not np.array_equal(first, like_a_meeting(voice, np.random.default_rng(6)))


def test_nothing_changes_the_clip_it_was_given(voice: np.ndarray) -> None:
    before = voice.copy()
    for change in (change_speed, reverberate, add_noise, narrow_band, like_a_meeting):
        made = change(voice, np.random.default_rng(0))
        assert made.dtype == np.float32
        assert np.isfinite(made).all()
    np.testing.assert_array_equal(voice, before)


def test_another_tempo_changes_length_and_pitch_alike(voice: np.ndarray) -> None:
    changed = change_speed(voice, np.random.default_rng(1))
    ratio = len(voice) / len(changed)
    assert 0.9 <= ratio <= 1.11
    assert abs(ratio - 1) > 0.001
    assert spectrum_peak(changed) == pytest.approx(300 * ratio, rel=0.02)


def test_noise_lies_between_5_and_35_decibels_under_the_voice(voice: np.ndarray) -> None:
    for seed in range(5):
        noise = add_noise(voice, np.random.default_rng(seed)) - voice
        ratio = 10 * np.log10((voice**2).mean() / (noise**2).mean())
        assert 4.9 <= ratio <= 35.1


def test_a_telephone_carries_nothing_above_its_band() -> None:
    random = np.random.default_rng(0)
    white = random.standard_normal(16_000).astype(np.float32)
    heard = np.abs(np.fft.rfft(narrow_band(white, random))) ** 2
    assert heard[7_200:].mean() < 0.001 * heard[1_000:3_000].mean()


def test_opus_keeps_length_and_pitch(voice: np.ndarray) -> None:
    back = through_opus(voice)
    assert abs(len(back) - len(voice)) < 1_000
    assert spectrum_peak(back) == pytest.approx(300, rel=0.02)


def test_a_crop_is_a_piece_and_a_short_clip_stays_whole(voice: np.ndarray) -> None:
    assert len(crop(voice, 8_000, np.random.default_rng(0))) == 8_000
    assert crop(voice, 64_000, np.random.default_rng(0)) is voice


def test_sounds_without_a_voice_are_of_all_kinds_and_lengths() -> None:
    made = no_voice(12, (0.5, 2.0), np.random.default_rng(0))
    assert len(made) == 12
    assert all(8_000 <= len(clip) <= 32_000 for clip in made)
    assert len({round(float(np.abs(clip).max()), 4) for clip in made}) == 12
