"""Tracks that begin late and run fast are placed on the recording's time line."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.diarization.delays import find_clock
from tests.material.sounds import InMemory

RATE = 16_000


def babble(seed: int, seconds: float) -> NDArray[np.float32]:
    """Noise with the pauses and the spectrum of speech."""
    random = np.random.default_rng(seed)
    sound = np.convolve(random.normal(size=round(seconds * RATE)), np.ones(12) / 12, mode="same")
    bursts = np.repeat(random.random(round(seconds * 2)) < 0.4, RATE // 2)[: len(sound)]
    return (0.3 * sound * bursts).astype(np.float32)


@pytest.mark.parametrize(("late", "rate"), [(0.0, 1.0), (1.25, 1.0), (40.0, 1.0), (2.0, 1.0002)])
def test_start_and_drift_are_found(late: float, rate: float) -> None:
    own = babble(1, 120)
    whole = 0.7 * babble(2, 180) + 0.001 * babble(3, 180)
    times = np.arange(round((len(own) / RATE * rate) * RATE)) / RATE / rate
    heard = np.interp(times, np.arange(len(own)) / RATE, own)
    first = round(late * RATE)
    whole[first : first + len(heard)] += heard.astype(np.float32)
    clock = find_clock(InMemory(own), InMemory(whole))
    assert clock is not None
    assert clock.start == pytest.approx(late, abs=0.01)
    assert clock.rate == pytest.approx(rate, abs=3e-5)


def test_a_track_of_another_meeting_is_found_nowhere() -> None:
    assert find_clock(InMemory(babble(1, 60)), InMemory(babble(2, 60))) is None


def test_a_silent_track_has_the_recordings_clock() -> None:
    clock = find_clock(InMemory(np.zeros(RATE * 20, np.float32)), InMemory(babble(2, 20)))
    assert clock is not None
    assert (clock.start, clock.rate) == (0.0, 1.0)


def test_the_bleed_of_others_does_not_bend_a_clock() -> None:
    """Somebody speaks in a third of the time and hears two others, 3 ms and then 12 ms later."""
    own, first, second = babble(1, 120), babble(2, 120), babble(3, 120)
    own[40 * RATE :] = first[: 40 * RATE] = first[80 * RATE :] = second[: 80 * RATE] = 0
    heard = np.roll(first, round(0.003 * RATE)) + np.roll(second, round(0.012 * RATE))
    track = own + 0.2 * heard + 0.005 * babble(4, 120)
    clock = find_clock(InMemory(track), InMemory(own + first + second))
    assert clock is not None
    assert clock.rate == 1.0
    assert clock.start == pytest.approx(0.0, abs=0.0125)
