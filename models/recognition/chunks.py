"""Cut the stretches of speech into pieces that a recogniser takes at once."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas.speech import Turn
from schemas.values import Seconds

_PAD_SECONDS = 0.2


@dataclass(frozen=True)
class Window:
    """A piece of the recording to be read at once, and the chunks of speech in it."""

    start: Seconds
    end: Seconds
    chunks: tuple[tuple[Seconds, Seconds], ...]


def speech_chunks(
    turns: Sequence[Turn], duration: Seconds, longest: Seconds = 30.0
) -> list[tuple[Seconds, Seconds]]:
    """Join turns to chunks of at most `longest` seconds; who speaks does not matter.

    Neighbouring stretches of speech share a chunk as long as they fit; one that is longer than a
    chunk is cut into equal parts.
    """
    chunks: list[tuple[Seconds, Seconds]] = []
    for start, end in _speech(turns, duration):
        if chunks and end - chunks[-1][0] <= longest:
            chunks[-1] = (chunks[-1][0], end)
            continue
        parts = max(1, -int(-(end - start) // longest))
        edges = [start + (end - start) * part / parts for part in range(parts + 1)]
        chunks += itertools.pairwise(edges)
    return chunks


def windows(
    chunks: Sequence[tuple[Seconds, Seconds]], longest: Seconds = 300.0
) -> Iterator[Window]:
    """Group chunks into windows of at most `longest` seconds (a longer chunk stands alone)."""
    group: list[tuple[Seconds, Seconds]] = []
    for chunk in chunks:
        if group and chunk[1] - group[0][0] > longest:
            yield Window(group[0][0], group[-1][1], tuple(group))
            group = []
        group.append(chunk)
    if group:
        yield Window(group[0][0], group[-1][1], tuple(group))


def _speech(turns: Sequence[Turn], duration: Seconds) -> list[tuple[Seconds, Seconds]]:
    joined: list[tuple[Seconds, Seconds]] = []
    for turn in sorted(turns, key=lambda turn: turn.start):
        start, end = max(0.0, turn.start - _PAD_SECONDS), min(duration, turn.end + _PAD_SECONDS)
        if end <= start:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
