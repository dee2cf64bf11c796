"""What one participant's camera shows and their microphone hears, picture by picture.

A turn is a chain of pieces of the person's own talking clip, picture and sound together. Between
turns the pictures in which they are silent are played forth and back, with pauses, and the whole
picture sways. Composed listeners cannot prove how real ones behave: nobody swallows, laughs,
whispers to somebody beside them or mouths words; the mouth of a talker closes within a picture
instead of over some; what they do repeats within seconds; and a turn jumps where its pieces meet.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lab.meetings.people import RATE, Person, Sound
from schemas.values import SAMPLE_RATE

Manner = Literal["calm", "nods", "chews"]

_STEP = SAMPLE_RATE // RATE
_FADE = SAMPLE_RATE // 200
_DWELL, _TURN_BACK, _JUMP = 0.35, 0.08, 0.02
"""Chances per picture that a listener keeps still, turns back, goes on elsewhere in the clip."""

_SWAY = 0.035
"""Standard deviation of the sway across, in face heights; up, down and in size it is half."""

_SWAY_SECONDS = 2.5
_NOD, _NOD_HERTZ, _NODS_PER_SECOND = 0.05, 1.6, 0.12
_CHEW, _CHEW_HERTZ, _CHEWS_PER_SECOND = 0.07, 1.3, 0.06
_BURST = (1.0, 2.5)
"""Seconds that somebody nods; chewing lasts four times as long."""


@dataclass(frozen=True)
class Script:
    """One entry per picture at `RATE`.

    `shown` is the clip's picture, `before` another that is blended in (itself where none is).
    `sway` (n, 3) moves right and down in face heights, and scales by 1 + its last. `chew` (n,)
    stretches the chin, in face heights. `still` says where the picture froze.
    """

    shown: NDArray[np.int64]
    before: NDArray[np.int64]
    sway: NDArray[np.float64]
    chew: NDArray[np.float64]
    still: NDArray[np.bool_]

    def frozen(self, first: int, last: int) -> "Script":
        """Return the script with the picture frozen from `first` to before `last`."""
        arrays = {}
        for name in ("shown", "before", "sway", "chew"):
            array = getattr(self, name).copy()
            array[first:last] = array[first]
            arrays[name] = array
        still = self.still.copy()
        still[first:last] = True
        return replace(self, still=still, **arrays)


def act(
    person: Person,
    turns: Sequence[tuple[int, int]],
    n: int,
    manner: Manner,
    random: np.random.Generator,
) -> tuple[Script, Sound]:
    """Return a participant's script and sound; `turns` are spans of picture numbers."""
    shown = _listening(person, n, random)
    sound = np.zeros(n * _STEP, np.float32)
    for first, last in turns:
        at = first
        while at < last:
            begin, length = _piece(person, last - at, random)
            shown[at : at + length] = np.arange(begin, begin + length)
            said = person.sound[begin * _STEP : (begin + length) * _STEP].copy()
            sound[at * _STEP : at * _STEP + len(said)] = _faded(said)
            at += length
    before = np.concatenate([shown[:1], shown[:-1]])
    jumps = np.abs(shown - before) > 2
    before = np.where(jumps, before, shown)
    sway = _sway(n, random)
    if manner == "nods":
        sway[:, 1] += _NOD * _bursts(n, _NODS_PER_SECOND, _NOD_HERTZ, 1.0, random)
    chew = np.zeros(n)
    if manner == "chews":
        chew = _CHEW * np.abs(_bursts(n, _CHEWS_PER_SECOND, _CHEW_HERTZ, 4.0, random))
        for first, last in turns:
            chew[first:last] = 0.0
    return Script(shown, before, sway, chew, np.zeros(n, bool)), sound


def _piece(person: Person, wanted: int, random: np.random.Generator) -> tuple[int, int]:
    """Choose where a piece of talk begins and how many pictures it has."""
    spans = list(person.talk)
    weights = np.array([last - first for first, last in spans], float)
    first, last = spans[int(random.choice(len(spans), p=weights / weights.sum()))]
    room = last - first - wanted
    begin = first + (int(random.integers(0, room + 1)) if room > 0 else 0)
    return begin, min(wanted, last - begin)


def _listening(person: Person, n: int, random: np.random.Generator) -> NDArray[np.int64]:
    shown = np.empty(n, np.int64)
    first, last = person.quiet[0]
    at, way = first, 1
    for picture in range(n):
        chance = random.random()
        if chance < _JUMP:
            first, last = person.quiet[int(random.integers(len(person.quiet)))]
            at = int(random.integers(first, last))
        elif chance < _JUMP + _TURN_BACK:
            way = -way
        elif chance > 1 - _DWELL:
            shown[picture] = at
            continue
        if not first <= at + way < last:
            way = -way
        at = int(np.clip(at + way, first, last - 1))
        shown[picture] = at
    return shown


def _sway(n: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Draw a slow random walk around the middle, (n, 3)."""
    keep = np.exp(-1 / (_SWAY_SECONDS * RATE))
    pushes = random.normal(size=(n, 3)) * np.array([_SWAY, _SWAY / 2, _SWAY / 2])
    pushes *= np.sqrt(1 - keep**2)
    walk = np.zeros((n, 3))
    for at in range(1, n):
        walk[at] = keep * walk[at - 1] + pushes[at]
    width = RATE // 2
    window = np.hanning(width + 2)[1:-1]
    window /= window.sum()
    smooth = [np.convolve(np.pad(w, width, mode="edge"), window, mode="same") for w in walk.T]
    return np.stack(smooth, axis=1)[width:-width]


def _bursts(
    n: int, per_second: float, hertz: float, lasts: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Draw bursts of a swing, in [-1, 1]."""
    swing = np.zeros(n)
    for _ in range(random.poisson(per_second * n / RATE)):
        length = max(2, round(lasts * random.uniform(*_BURST) * RATE))
        first = int(random.integers(0, max(1, n - 2)))
        length = min(length, n - first)
        times = np.arange(length) / RATE
        pace = hertz * random.uniform(0.8, 1.25)
        swing[first : first + length] = np.sin(2 * np.pi * pace * times) * np.hanning(length)
    return swing


def _faded(sound: Sound) -> Sound:
    fade = min(len(sound) // 2, _FADE)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    sound[:fade] *= ramp
    sound[len(sound) - fade :] *= ramp[::-1]
    return sound
