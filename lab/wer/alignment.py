"""What was heard beside what was said, word by word."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lab.wer.normalise import Token, by_word, placed
from lab.wer.stm import Reference, Segment
from schemas.speech import Utterance, Word
from schemas.values import Seconds

_NEAR: Seconds = 1.0
"""How far from its segment a word may be heard, by the edges of either."""


@dataclass(frozen=True)
class Heard:
    """A word as recognised, its speaker, and the utterance that it stands in."""

    word: Word
    speaker: str
    utterance: int

    @property
    def middle(self) -> Seconds:
        """The word's place in time."""
        return (self.word.start + self.word.end) / 2

    def is_kept(self, threshold: float) -> bool:
        """Whether it is sure enough to be shown; a recogniser without scores is always sure."""
        return self.word.score is None or self.word.score >= threshold


@dataclass(frozen=True)
class Judged:
    """A word that the normaliser leaves something of: its score, kept or not, right or not."""

    score: float | None
    kept: bool
    right: bool


@dataclass(frozen=True)
class Pair:
    """A place of an alignment: a token of the reference, one that was heard, or both."""

    told: Token | None
    heard: Token | None

    @property
    def right(self) -> bool:
        """Whether both are there and the same."""
        return (
            self.told is not None and self.heard is not None and (self.told.text == self.heard.text)
        )


def align(reference: Reference, heard: Sequence[Heard]) -> list[Pair]:
    """Words, normalised one by one, side by side with the fewest edits.

    `Token.source` of what was heard is its number in `heard`. Numbers may differ here from the
    figures of `Tally.words`, whose texts are normalised as a whole ("twenty one" is 21), and the
    words of people who speak at once are ordered by where they were heard: whether a word is
    right must not hang on an order that the reference does not tell.
    """
    from rapidfuzz.distance import Levenshtein

    said = by_word([h.word.word for h in heard], [h.middle for h in heard])
    segments = [_as_heard(segment, said) for segment in reference.segments]
    told = sorted(itertools.chain.from_iterable(segments), key=lambda token: token.time)
    codes = Levenshtein.opcodes([t.text for t in told], [t.text for t in said])
    return [
        Pair(*pair)
        for code in codes
        for pair in itertools.zip_longest(
            told[code.src_start : code.src_end], said[code.dest_start : code.dest_end]
        )
    ]


def _as_heard(segment: Segment, said: Sequence[Token]) -> list[Token]:
    """The tokens of a segment at the times of those heard near it, the others between them."""
    from rapidfuzz.distance import Levenshtein

    words = segment.text.split()
    told = by_word(words, placed(words, segment.start, segment.end))
    near = [t for t in said if segment.start - _NEAR <= t.time <= segment.end + _NEAR]
    blocks = Levenshtein.opcodes([t.text for t in told], [t.text for t in near])
    matched = {
        block.src_start + n: near[block.dest_start + n].time
        for block in blocks
        if block.tag == "equal"
        for n in range(block.src_end - block.src_start)
    }
    if not matched:
        return told
    known = {-1: min(segment.start, *matched.values()), **matched}
    known[len(told)] = max(segment.end, *matched.values())
    times = np.interp(np.arange(len(told)), list(known), list(known.values()))
    return [replace(t, time=float(time)) for t, time in zip(told, times, strict=True)]


def heard_in(utterances: Iterable[Utterance], reference: Reference) -> list[Heard]:
    """The words of utterances, ordered by time, but those in stretches that are left out."""
    heard = [Heard(w, u.speaker, u.index) for u in utterances for w in u.words]
    counted = [h for h in heard if not any(s <= h.middle < e for s, e in reference.ignored)]
    return sorted(counted, key=lambda h: (h.word.start, h.word.end))


def judge(reference: Reference, heard: Sequence[Heard], threshold: float) -> Iterator[Judged]:
    """Judge each word: right where all that it normalises to is aligned with its like."""
    right: dict[int, bool] = {}
    for pair in align(reference, heard):
        if pair.heard is not None:
            right[pair.heard.source] = right.get(pair.heard.source, True) and pair.right
    for number, is_right in sorted(right.items()):
        yield Judged(heard[number].word.score, heard[number].is_kept(threshold), is_right)
