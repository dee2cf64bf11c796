"""Normalise words with Whisper's normalisers, as published tables do.

After Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision",
appendix C: case, punctuation, contractions, spelling and numbers do not count, nor do fillers.
"""

import contextlib
import contextvars
import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lab.wer.stm import Segment
from schemas.values import Seconds, base_language

_MARKED_LETTERS = re.compile(r"(?<!\w)(?:[A-Za-z]_)+")
"""AMI's spelled letters: `T_V_` is written TV."""

_UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages without spaces between words: letters are compared."""

_DIVIDED_LETTERS = re.compile(r"(?<![\w.-])[A-Za-z](?:[.-][A-Za-z])+(?![\w-])\.?")
"""The same as recognisers write them: `T.V.`, `N-E-Z`; `I-I` is a stutter."""


_LANGUAGE = contextvars.ContextVar("language of the texts", default="en")


@contextlib.contextmanager
def normalising(language: str | None) -> Iterator[None]:
    """Normalise texts of a BCP 47 language inside this context; English where it is unknown.

    Contractions, spelling, numbers and fillers are English matters; in other languages case,
    punctuation and symbols do not count.
    """
    token = _LANGUAGE.set(base_language(language) or "en")
    try:
        yield
    finally:
        _LANGUAGE.reset(token)


@dataclass(frozen=True)
class Token:
    """A normalised word, its time (seconds) where one is known, and which word it came of."""

    text: str
    time: Seconds
    source: int


def normalise(text: str) -> list[str]:
    """Return the words of a text that count, in their common form; fillers leave nothing.

    Spelled letters are joined first, however they are marked, as they are in one reference and
    not in another: `T_V_`, `T.V.` and `TV` are one word.
    """
    if (language := _LANGUAGE.get()) not in ("en", "eng"):
        plain: str = _basic_normaliser(language in _UNSPACED)(text)
        return plain.split()
    marked = _MARKED_LETTERS.sub(lambda found: found[0].replace("_", ""), text)
    normalised: str = _normaliser()(_DIVIDED_LETTERS.sub(_join, marked))
    return normalised.split()


def placed(words: Sequence[str], start: Seconds, end: Seconds) -> list[Seconds]:
    """Return the middles of a stretch's words, each as long as its letters."""
    edges = [0, *itertools.accumulate(len(word) for word in words)]
    per_letter = (end - start) / max(edges[-1], 1)
    return [start + (low + high) / 2 * per_letter for low, high in itertools.pairwise(edges)]


def in_order(segments: Iterable[Segment]) -> list[str]:
    """All the words of segments, each normalised as a whole, ordered by their time."""
    timed: list[tuple[Seconds, str]] = []
    for segment in segments:
        words = normalise(segment.text)
        timed += zip(placed(words, segment.start, segment.end), words, strict=True)
    return [word for _, word in sorted(timed, key=lambda pair: pair[0])]


def by_word(words: Sequence[str], times: Sequence[Seconds]) -> list[Token]:
    """Normalise words one by one: "don't" gives two tokens, "um" none."""
    return [
        Token(text, time, source)
        for source, (word, time) in enumerate(zip(words, times, strict=True))
        for text in normalise(word)
    ]


def _join(found: re.Match[str]) -> str:
    letters = re.sub(r"[.-]", "", found[0])
    return letters if len(set(letters.lower())) > 1 else found[0]


@functools.cache
def _normaliser() -> Any:
    from whisper_normalizer.english import EnglishTextNormalizer

    return EnglishTextNormalizer()


@functools.cache
def _basic_normaliser(split_letters: bool) -> Any:
    from whisper_normalizer.basic import BasicTextNormalizer

    return BasicTextNormalizer(split_letters=split_letters)
