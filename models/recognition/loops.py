"""Find loops, in which a lost recogniser repeats itself."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_MOST_REPEATS: tuple[tuple[range, int], ...] = (
    (range(1, 2), 5),
    (range(2, 3), 4),
    (range(3, 8), 3),
    (range(8, 33), 2),
)
"""Words of a phrase, and how often in a row it must occur to be a loop.

People say "no, no, no, no" and "I don't, I don't, I don't know"; nobody says eight words twice.
"""

_STUTTER = re.compile(r"(.{1,6}?)\1{6,}", re.IGNORECASE | re.DOTALL)
"""Letters that go round inside a word at least seven times."""


class Loop(NamedTuple):
    """Words `first` to `end` (exclusive) say again and again what the first `length` said."""

    first: int
    length: int
    end: int


def find_loops(texts: Sequence[str]) -> list[Loop]:
    """Phrases that follow themselves too often, in order, none inside another.

    Case and punctuation do not matter. Of several readings the shortest phrase counts.
    """
    words = ["".join(filter(str.isalnum, text)).casefold() for text in texts]
    found: list[Loop] = []
    at = 0
    while at < len(words):
        loop = _loop_at(words, at)
        if loop is None:
            at += 1
        else:
            found.append(loop)
            at = loop.end
    return found


def has_loop(texts: Sequence[str]) -> bool:
    """Whether a phrase follows itself too often, or a word stutters."""
    return bool(find_loops(texts)) or any(shorten(text) != text for text in texts)


def _loop_at(words: Sequence[str], first: int) -> Loop | None:
    for lengths, enough in _MOST_REPEATS:
        for length in lengths:
            phrase = words[first : first + length]
            end = first + length
            while len(phrase) == length and words[end : end + length] == phrase:
                end += length
            if end - first >= enough * length:
                return Loop(first, length, end)
    return None


def shorten(text: str) -> str:
    """Return a word without its stutter."""
    return _STUTTER.sub(r"\1", text)
