"""Times for words that an aligner left without, such as digits and symbols."""

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.speech import Word
from schemas.values import Seconds, to_grid

_SHORTEST_WORD = 0.001


@dataclass(frozen=True)
class HeardWord:
    """A word as an aligner gives it: its times and score are there or not."""

    word: str
    start: Seconds | None = None
    end: Seconds | None = None
    score: float | None = None


def fill_in_times(words: Sequence[HeardWord], start: Seconds, end: Seconds) -> list[Word]:
    """Give every word of a segment its times.

    Words without times share the gap between their timed neighbours (or the segment's ends) by
    their length, and are marked `timing="interpolated"`. Times never run backwards.
    """
    timed: list[Word] = []
    waiting: list[HeardWord] = []
    reached = start
    for word in words:
        if word.start is None or word.end is None:
            waiting.append(word)
            continue
        first = max(word.start, reached)
        timed += _share(waiting, reached, first)
        timed.append(_word(word, first, max(word.end, first), is_aligned=True))
        waiting, reached = [], timed[-1].end
    return timed + _share(waiting, reached, max(end, reached))


def _share(words: Sequence[HeardWord], start: Seconds, end: Seconds) -> list[Word]:
    letters = sum(len(word.word) for word in words)
    shared, at = [], start
    for word in words:
        until = at + (end - start) * len(word.word) / max(1, letters)
        shared.append(_word(word, at, until, is_aligned=False))
        at = until
    return shared


def _word(word: HeardWord, start: Seconds, end: Seconds, *, is_aligned: bool) -> Word:
    score = None if word.score is None else min(1.0, max(0.0, word.score))
    return Word(
        word=word.word,
        start=to_grid(start),
        end=to_grid(max(end, start + _SHORTEST_WORD)),
        score=score,
        timing="aligned" if is_aligned else "interpolated",
    )
