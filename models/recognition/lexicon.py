"""Look words up in lists by language and in the recogniser's vocabulary.

The lists are pyspellchecker's (MIT): English, German, French, Italian, Spanish, Dutch, Portuguese
and others. In a language without a list every word counts as known.
"""

import functools
import re
from collections.abc import Collection
from typing import Any

_PARTS = re.compile(r"[^\W\d_]+")
_MARKS = ".,;:!?\"'()[]…“”„»«¿¡-–"
_LEAST = 3
"""Letters; shorter pieces are endings such as "ll" in "we'll"."""


def is_known(word: str, language: str, extra: Collection[str]) -> bool:
    """Whether a word, or every part of it, is in the lexicon of a language or among `extra`.

    Case does not matter; digits and parts of fewer than three letters count as known.
    """
    words = _lexicon(language)
    if words is None:
        return True
    if word.strip(_MARKS).casefold() in words:
        return True
    parts = [part.casefold() for part in _PARTS.findall(word)]
    return all(len(part) < _LEAST or part in words or part in extra for part in parts)


def has_lexicon(language: str) -> bool:
    """Whether there is a list of words of a language."""
    return _lexicon(language) is not None


@functools.cache
def _lexicon(language: str) -> Any:
    """Words of a language with their counts; None where there is no list."""
    from spellchecker import SpellChecker

    try:
        return SpellChecker(language=language).word_frequency.dictionary
    except ValueError:
        return None
