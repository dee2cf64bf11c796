"""Turn active frames into turns."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.speech import Diarization, Turn, speaker_label
from schemas.values import Seconds, to_grid


def runs(active: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the runs of true values of shape (n,) as (first, one past the last), shape (k, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], active, [False])).astype(np.int8)))
    return edges.reshape(-1, 2)


def bridge(active: NDArray[np.bool_], longest: int) -> NDArray[np.bool_]:
    """Fill the gaps of at most `longest` frames inside a speaker's activity of shape (n,)."""
    filled = active.copy()
    for first, last in runs(~active):
        if first > 0 and last < len(active) and last - first <= longest:
            filled[first:last] = True
    return filled


def turns_of(
    active: NDArray[np.bool_],
    confidence: NDArray[np.float32],
    step: Seconds,
    offset: Seconds,
    names: Sequence[str],
) -> tuple[Turn, ...]:
    """Make turns of frame activity, sorted by start.

    `active` has shape (frames, speakers), `confidence` the same shape with values in [0, 1];
    a turn's confidence is the mean over its frames. Frame `i` begins at `offset + i * step`.
    """
    turns = []
    for column, name in enumerate(names):
        for first, last in runs(active[:, column]):
            start = max(0.0, to_grid(offset + first * step))
            end = to_grid(offset + last * step)
            if start < end:
                certain = float(confidence[first:last, column].mean())
                turns.append(Turn(start=start, end=end, speaker=name, confidence=round(certain, 4)))
    return tuple(sorted(turns, key=lambda turn: (turn.start, turn.end, turn.speaker)))


def first_appearance(active: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Order the columns of activity, shape (frames, speakers), by their first active frame.

    Columns that are never active are left out.
    """
    seen = np.flatnonzero(active.any(axis=0))
    return seen[np.argsort(active[:, seen].argmax(axis=0), kind="stable")]


def speaker_names(count: int) -> list[str]:
    """Names of that many speakers: SPEAKER_00, SPEAKER_01, …."""
    return [speaker_label(number) for number in range(count)]


def diarization_of(
    active: NDArray[np.bool_],
    exclusive: NDArray[np.bool_],
    confidence: NDArray[np.float32],
    step: Seconds,
    offset: Seconds = 0.0,
) -> Diarization:
    """Make both tracks of turns from arrays of shape (frames, speakers), speakers in order."""
    order = first_appearance(active)
    names = speaker_names(len(order))
    both = (
        turns_of(track[:, order], confidence[:, order], step, offset, names)
        for track in (active, exclusive & active)
    )
    return Diarization(turns=next(both), exclusive=next(both))
