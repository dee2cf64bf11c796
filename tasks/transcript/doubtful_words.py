"""Show words that a recogniser is unsure of, and decide when a text is too doubtful to judge.

Only scores that are calibrated are looked at: a word's score is then the probability that it is
right.
"""

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from schemas.speech import Stretch, Transcript, Utterance, Word
from schemas.values import Seconds

UNSURE = "..."
"""What stands in a text for words that may be wrong."""

FEWEST_SURE_WORDS = 2
"""The text branch is given no utterance with fewer words to go by."""


class Doubts:
    """Doubtful parts of a transcript: words under `least`, loops, and words outside speech."""

    def __init__(self, transcript: Transcript, least: float) -> None:
        self._is_calibrated = transcript.scores_are_calibrated
        self._least = least if self._is_calibrated else 0.0
        self._looped = _Stretches.of(transcript.looped)
        self._heard = None if transcript.heard is None else _Stretches.of(transcript.heard)

    def texts(self, words: Sequence[Word]) -> list[str]:
        """Return the words as shown: a run of unsure ones is one `...`."""
        return [
            text
            for is_unsure, run in itertools.groupby(words, self._doubts)
            for text in ([UNSURE] if is_unsure else [word.word.strip() for word in run])
        ]

    def sure_words(self, words: Sequence[Word]) -> int | None:
        """How many words are sure; None where the scores say nothing about it."""
        if not self._is_calibrated:
            return None
        return sum(not self._doubts(word) for word in words)

    def is_suspect(self, words: Sequence[Word], start: Seconds, end: Seconds) -> bool:
        """Whether most words are unsure, some are a loop, or no speech was detected."""
        return (
            2 * sum(map(self._doubts, words)) > len(words)
            or self._looped.touch(start, end)
            or (self._heard is not None and not self._heard.touch(start, end))
        )

    def _doubts(self, word: Word) -> bool:
        return word.score is not None and word.score < self._least


class _Stretches(NamedTuple):
    starts: list[Seconds]
    ends: list[Seconds]

    @classmethod
    def of(cls, stretches: Sequence[Stretch]) -> "_Stretches":
        ordered = sorted(stretches, key=lambda stretch: stretch.end)
        return cls([stretch.start for stretch in ordered], [stretch.end for stretch in ordered])

    def touch(self, start: Seconds, end: Seconds) -> bool:
        """Whether one of the stretches, which do not overlap each other, shares time."""
        first = bisect_right(self.ends, start)
        return first < len(self.starts) and self.starts[first] < end


def has_enough_words(utterance: Utterance) -> bool:
    """Whether there are enough sure words to judge an utterance by."""
    return utterance.sure_words is None or utterance.sure_words >= FEWEST_SURE_WORDS


def sure_text(utterance: Utterance) -> str:
    """Return an utterance's text without its gaps."""
    text = utterance.text or ""
    if utterance.sure_words is None:
        return text
    return " ".join(part for part in text.split() if part != UNSURE)
