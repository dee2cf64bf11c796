"""Align the hypothesis with the reference, word by word."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lab.wer.normalise import Token, by_word, placed
from lab.wer.stm import Reference, Segment
from schemas.speech import Utterance, Word
from schemas.values import Seconds

_NEAR: Seconds = 1.0
"""How far from its segment a word of the hypothesis may be, by the edges of either."""


@dataclass(frozen=True)
class HypothesisWord:
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
    """A place of an alignment: a token of the reference, of the hypothesis, or both."""

    reference: Token | None
    hypothesis: Token | None

    @property
    def right(self) -> bool:
        """Whether both are there and the same."""
        return (
            self.reference is not None
            and self.hypothesis is not None
            and (self.reference.text == self.hypothesis.text)
        )


def align(reference: Reference, hypothesis: Sequence[HypothesisWord]) -> list[Pair]:
    """Words, normalised one by one, side by side with the fewest edits.

    `Token.source` of what was heard is its number in `heard`. Numbers may differ here from the
    figures of `Tally.words`, whose texts are normalised as a whole ("twenty one" is 21), and the
    words of people who speak at once are ordered by where they were heard: whether a word is
    right must not hang on an order that the reference does not tell.
    """
    from rapidfuzz.distance import Levenshtein

    hyp = by_word([h.word.word for h in hypothesis], [h.middle for h in hypothesis])
    segments = [_placed_near(segment, hyp) for segment in reference.segments]
    ref = sorted(itertools.chain.from_iterable(segments), key=lambda token: token.time)
    codes = Levenshtein.opcodes([t.text for t in ref], [t.text for t in hyp])
    return [
        Pair(*pair)
        for code in codes
        for pair in itertools.zip_longest(
            ref[code.src_start : code.src_end], hyp[code.dest_start : code.dest_end]
        )
    ]


def _placed_near(segment: Segment, hyp: Sequence[Token]) -> list[Token]:
    """Return the tokens of a segment at the times of matching ones near it, others in between."""
    from rapidfuzz.distance import Levenshtein

    words = segment.text.split()
    ref = by_word(words, placed(words, segment.start, segment.end))
    near = [t for t in hyp if segment.start - _NEAR <= t.time <= segment.end + _NEAR]
    blocks = Levenshtein.opcodes([t.text for t in ref], [t.text for t in near])
    matched = {
        block.src_start + n: near[block.dest_start + n].time
        for block in blocks
        if block.tag == "equal"
        for n in range(block.src_end - block.src_start)
    }
    if not matched:
        return ref
    known = {-1: min(segment.start, *matched.values()), **matched}
    known[len(ref)] = max(segment.end, *matched.values())
    times = np.interp(np.arange(len(ref)), list(known), list(known.values()))
    return [replace(t, time=float(time)) for t, time in zip(ref, times, strict=True)]


def hypothesis_words(utterances: Iterable[Utterance], reference: Reference) -> list[HypothesisWord]:
    """Return the words of utterances, ordered by time, but those in stretches that are left out."""
    hypothesis = [HypothesisWord(w, u.speaker, u.index) for u in utterances for w in u.words]
    counted = [h for h in hypothesis if not any(s <= h.middle < e for s, e in reference.ignored)]
    return sorted(counted, key=lambda h: (h.word.start, h.word.end))


def judge(
    reference: Reference, hypothesis: Sequence[HypothesisWord], threshold: float
) -> Iterator[Judged]:
    """Judge each word: right where all that it normalises to is aligned with its like."""
    right: dict[int, bool] = {}
    for pair in align(reference, hypothesis):
        if pair.hypothesis is not None:
            right[pair.hypothesis.source] = right.get(pair.hypothesis.source, True) and pair.right
    for number, is_right in sorted(right.items()):
        yield Judged(hypothesis[number].word.score, hypothesis[number].is_kept(threshold), is_right)
