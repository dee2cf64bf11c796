"""How mouths and voices keep time over a recording.

After the observation that lips and voice keep time (Hershey and Movellan 1999, "Audio Vision").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from schemas.values import Seconds

Series = NDArray[np.float64]
Mask = NDArray[np.bool_]

RATE = 25.0
"""Values a second of the sound's level and of who speaks."""

LEAST_PICTURES = 6
"""Pictures from which a correlation means anything."""

_DELAYS = np.arange(-15, 16) / RATE
"""By how much the sound may be late, in seconds."""

_LEAST_AGREEMENT = 0.1
_DOUBT = 0.5
"""A delay of a second is believed this much less than none."""

_MANY_PICTURES = 40

_CHANGE_WEIGHT, _OPENING_WEIGHT = 5.0, 0.5
"""What the change of gray levels and the opening of the mouth weigh against the speed of the lips:
about as much as each is smaller or larger than it while people talk."""


@dataclass(frozen=True)
class Person:
    """Where one person was seen: times in order, shape (n,), and motion of the mouth, (n, 4).

    The columns are the parts of `MouthMotion`.
    """

    times: Series
    motion: Series

    @cached_property
    def strength(self) -> Series:
        """How much the mouth moves in each picture, evened out over three; NaN: not known."""
        change, lips, opening = self.motion[:, 0], self.motion[:, 1], self.motion[:, 2]
        moves = _CHANGE_WEIGHT * np.maximum(change, 0.0) + lips + _OPENING_WEIGHT * opening
        return _evened(moves)


@dataclass(frozen=True)
class Heard:
    """The sound on a grid of `RATE`: `level` in [0, 1], shape (n,), and when each voice speaks."""

    level: Series
    active: Mapping[str, Mask]

    def places(self, times: Series, delay: Seconds) -> NDArray[np.intp]:
        """Return the places of pictures on the grid, where the sound is late by `delay`."""
        places = np.round((times + delay) * RATE).astype(np.intp)
        clipped: NDArray[np.intp] = np.clip(places, 0, len(self.level) - 1)
        return clipped

    @cached_property
    def n_active(self) -> NDArray[np.int64]:
        """How many voices speak at each place."""
        total = np.zeros(len(self.level), np.int64)
        for active in self.active.values():
            total += active
        return total

    def voice(self, speaker: str, places: NDArray[np.intp]) -> Series:
        """Return the level where the speaker speaks, also together with others, 0 elsewhere."""
        level: Series = np.where(self.active[speaker][places], self.level[places], 0.0)
        return level


def _evened(series: Series) -> Series:
    padded = np.pad(series, 1, constant_values=np.nan)
    three = np.stack([padded[:-2], padded[1:-1], padded[2:]])
    known = np.isfinite(three)
    total = np.where(known, three, 0.0).sum(axis=0)
    count = known.sum(axis=0)
    even: Series = np.divide(total, count, out=np.full(len(series), np.nan), where=count > 0)
    return even


def correlation(first: Series, second: Series) -> float:
    """Return Pearson's correlation where both are known; 0 where that is too little or constant."""
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < LEAST_PICTURES:
        return 0.0
    a, b = first[known], second[known]
    if a.std() < 1e-9 or b.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def find_delay(people: Mapping[int, Person], heard: Heard) -> Seconds:
    """Return by how much the sound is late: where mouths follow voices best, in [-.6, .6] s.

    0 where nobody's mouth follows any voice.
    """
    trust = 1 - _DOUBT * np.abs(_DELAYS)
    agreement = trust * [_agreement(people, heard, float(delay)) for delay in _DELAYS]
    best = int(np.argmax(agreement))
    return float(_DELAYS[best]) if agreement[best] > _LEAST_AGREEMENT else 0.0


def _agreement(people: Mapping[int, Person], heard: Heard, delay: Seconds) -> float:
    """Sum over the voices of the squared correlation of the mouth that follows each best."""
    following: dict[str, float] = dict.fromkeys(heard.active, 0.0)
    for person in people.values():
        if len(person.times) < _MANY_PICTURES:
            continue
        places = heard.places(person.times, delay)
        for speaker, best in following.items():
            now = correlation(person.strength, heard.voice(speaker, places))
            following[speaker] = max(best, now)
    return sum(best**2 for best in following.values())
