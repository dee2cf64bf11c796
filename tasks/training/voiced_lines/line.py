"""A line that an actor spoke and a game prints, and what makes it fit for training."""

import re
from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from models.protocols import Samples
from schemas.values import SAMPLE_RATE, Seconds
from tasks.training.spoken_text import spoken

_DIRECTION = re.compile(r"\([^)]*\)|\[[^\]]*\]|<[^>]*>|\{[^}]*\}")
_LOUD_WORD = re.compile(r"\b[A-Z]+(?:'[A-Z]+)*\b")
_QUIET_WORD = re.compile(r"\b[a-z][a-z']*\b|(?<=[a-z,] )[A-Z][a-z']+\b")
_NOISE = re.compile(r"\b[b-df-hj-np-tv-xz]{4,}\b", re.IGNORECASE)
_SENTENCE_ENDS = re.compile(r"(?:^|[.?!]\s+)$")
_SURELY_ABBREVIATED = 20
"""A word that is so often in capitals and never otherwise is an abbreviation."""

_SHORTEST_LOUD = 3
"""Shorter words in capitals, where they are not known otherwise, are abbreviations."""

_LETTERS_PER_SECOND = 3.0, 24.0
_LEAST_PEAK = 0.02
_LOUD_SHARE = 0.05
"""Sound above this share of the peak counts as speech when its pace is judged."""


class VoicedLine(NamedTuple):
    """`samples`: float32 mono at 16 kHz in [-1, 1]; `text`: what a transcript of it shows.

    `name` is the line's stable id within `game`. `speaker` is the role, "" where it is not known.
    Names of neighbouring parts of one speech sort next to each other.
    """

    samples: Samples
    text: str
    game: str
    name: str
    speaker: str


def printed(text: str, words: Collection[str], game: str) -> str:
    """What a transcript shows of a line as the game prints it; "" for what it cannot be known of.

    Stage directions are left out. `words` are those of `known_words`: what is in capitals because
    it is said loudly is written as it is elsewhere.
    """
    if _NOISE.search(text):
        return ""
    turn = spoken(_calmed(_DIRECTION.sub(" ", text), words), game)
    return turn.written if turn else ""


def known_words(texts: Collection[str]) -> frozenset[str]:
    """Words as they are written when nobody shouts: `the`, `Faye`; abbreviations in capitals."""
    quiet = {word for text in texts for word in _QUIET_WORD.findall(text)}
    loud = Counter(word for text in texts for word in _LOUD_WORD.findall(text))
    names = {
        word
        for word, count in loud.items()
        if count >= _SURELY_ABBREVIATED and not {word.lower(), word.capitalize()} & quiet
    }
    return frozenset(quiet | names)


def is_usable(samples: Samples, text: str) -> bool:
    """Whether the sound is no silence and the text is said in it at a human pace."""
    peak = float(np.abs(samples).max(initial=0.0))
    if not text or peak < _LEAST_PEAK:
        return False
    loud = np.flatnonzero(np.abs(samples) > _LOUD_SHARE * peak)
    seconds: Seconds = float(loud[-1] - loud[0] + 1) / SAMPLE_RATE
    letters = sum(character.isalpha() for character in text)
    slowest, fastest = _LETTERS_PER_SECOND
    return slowest * seconds <= letters + slowest and letters <= fastest * seconds + 2


def _calmed(text: str, words: Collection[str]) -> str:
    def calm(found: re.Match[str]) -> str:
        word, low, name = found[0], found[0].lower(), found[0].capitalize()
        if word == "I" or word.startswith("I'"):
            return "I" + low[1:]
        if low in words:
            return name if _SENTENCE_ENDS.search(text, 0, found.start()) else low
        if name in words or word in words:
            return name if name in words else word
        return low if len(word) >= _SHORTEST_LOUD else word

    return _LOUD_WORD.sub(calm, text.strip())
