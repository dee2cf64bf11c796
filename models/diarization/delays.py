"""Find when and how fast a participant's track runs against the recording of all.

Recorders start a track when somebody joins, and clocks of two computers differ by some parts in a
hundred thousand. Pieces of the track are looked for in the recording by cross-correlation; the line
through where they are found is the track's start and drift.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.diarization.placing import LOW_RATE, Signal, best_part, lowered
from models.protocols import Waveform
from schemas.values import Seconds

_PIECE: Seconds = 8.0
_PIECES = 12
"""Pieces of a track that are looked for: the loudest in each twelfth."""

_NEAR: Seconds = 3.0
"""Most tracks begin within this time of the recording; only others are looked for everywhere."""

_BLOCK: Seconds = 120.0
_FOUND = 0.25
"""Correlation from which a piece is found: two voices reach 0.1 over 8 s at their best delay."""

_AGREE: Seconds = 0.3
_MOST_DRIFT = 1e-3
_EXACT: Seconds = 0.0006
"""Within this time of the line a piece is explained by it: the sound of 4 kHz is placed to an
eighth of that."""

_SURER = 4
"""Power of the correlation by which pieces count: bleed through a room is less alike."""

_STEADY = 1.0
"""Pieces, of the surest, that a drift must explain beyond a clock without one."""

_SILENT = 1e-4


@dataclass(frozen=True)
class Clock:
    """Second `t` of a track is second `start + rate * t` of the recording."""

    start: Seconds = 0.0
    rate: float = 1.0


@dataclass(frozen=True)
class Placed:
    """A piece of a track: its second there, the one in the recording, and how alike they are."""

    at: Seconds
    found: Seconds
    alike: float


def find_clock(track: Waveform, whole: Waveform) -> Clock | None:
    """Return a track's clock; None where the recording does not hold the track's sound.

    A track without any sound has the recording's clock.
    """
    pieces = list(_loud_pieces(track))
    if not pieces:
        return Clock()
    near = [_search(piece, whole, at - _NEAR, at + _PIECE + _NEAR) for at, piece in pieces]
    placed = _agreeing([(at, found) for (at, _), found in zip(pieces, near, strict=True)])
    if len(placed) < min(2, len(pieces)):
        start = _anywhere(pieces, whole)
        if start is None:
            return None
        near = [
            _search(piece, whole, at + start - _NEAR, at + start + _PIECE + _NEAR)
            for at, piece in pieces
        ]
        placed = _agreeing([(at, found) for (at, _), found in zip(pieces, near, strict=True)])
    return _line(placed) if placed else None


def _loud_pieces(track: Waveform) -> Iterator[tuple[Seconds, Signal]]:
    """Yield the loudest piece of each part of a track, as far as it has any sound."""
    part = max(_PIECE, track.duration / _PIECES)
    for begin in np.arange(0.0, max(track.duration - _PIECE / 2, 1e-3), part):
        sound = lowered(track.read(float(begin), float(begin) + part))
        size = min(len(sound), round(_PIECE * LOW_RATE))
        if not size:
            continue
        sums = np.concatenate(([0.0], np.cumsum(np.square(sound, dtype=np.float64))))
        energies = sums[size:] - sums[:-size]
        first = int(energies.argmax())
        if energies[first] / size > _SILENT**2:
            yield float(begin) + first / LOW_RATE, sound[first : first + size]


def _search(piece: Signal, whole: Waveform, start: Seconds, end: Seconds) -> tuple[Seconds, float]:
    """Return where in a stretch of the recording a piece fits best, and its correlation there."""
    at, alike = best_part(piece, lowered(whole.read(start, end)))
    return start + at / LOW_RATE, alike


def _anywhere(pieces: Sequence[tuple[Seconds, Signal]], whole: Waveform) -> Seconds | None:
    """Return the start on which at least two of the loudest pieces agree (one, if it is alone)."""
    loudest = sorted(pieces, key=lambda piece: -float(np.square(piece[1]).mean()))[:4]
    placed = []
    for at, piece in loudest:
        found = [
            _search(piece, whole, float(begin), float(begin) + _BLOCK + _PIECE)
            for begin in np.arange(0.0, max(whole.duration, 1e-3), _BLOCK)
        ]
        placed.append((at, max(found, key=lambda each: each[1])))
    agreeing = _agreeing(placed)
    if len(agreeing) < min(2, len(pieces)):
        return None
    return float(np.median([each.found - each.at for each in agreeing]))


def _agreeing(
    placed: Sequence[tuple[Seconds, tuple[Seconds, float]]],
) -> list[Placed]:
    """Return the largest set of found pieces that one clock explains."""
    sure = [Placed(at, found, alike) for at, (found, alike) in placed if alike >= _FOUND]
    sets = [
        [
            each
            for each in sure
            if abs(each.found - each.at - first.found + first.at)
            <= _AGREE + _MOST_DRIFT * abs(each.at - first.at)
        ]
        for first in sure
    ]
    return max(sets, key=len, default=[])


def _line(placed: Sequence[Placed]) -> Clock:
    """Return the line that explains the most pieces, the surer ones before others.

    A piece that holds another participant's bleed lies beside the line of the track's own voice,
    later by the way from one to the other, and is less alike. A clock drifts where that
    explains clearly more than a clock that does not.
    """
    times, found, alike = np.array([(p.at, p.found, p.alike) for p in placed]).T
    weights = alike**_SURER
    a, b = np.triu_indices(len(times), 1)
    apart = times[b] - times[a] > _PIECE
    a, b = a[apart], b[apart]
    slopes = (found[b] - found[a]) / (times[b] - times[a])
    likely = np.abs(slopes - 1) <= _MOST_DRIFT / 2
    rates = np.concatenate((np.ones(len(times)), slopes[likely]))
    through = np.concatenate((np.arange(len(times)), a[likely]))
    starts = found[through] - rates * times[through]
    fits = np.abs(found - starts[:, None] - rates[:, None] * times) <= _EXACT
    scores = fits @ weights
    scores[: len(times)] += _STEADY * weights.max()
    best = int(scores.argmax())
    held = fits[best]
    rate = 1.0
    if best >= len(times):
        rate = float(np.polyfit(times[held], found[held], 1, w=np.sqrt(weights[held]))[0])
    return Clock(float(np.median(found[held] - rate * times[held])), rate)
