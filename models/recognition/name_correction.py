"""Correct near-misses of participants' names, such as "Daven part" for Davenport.

The network writes a name that it never met as it sounds. What is unsure, no common word, and both
spelled and sounding much like a told name becomes that name (figures in docs/decisions/010).
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from schemas.errors import WeightsError
from schemas.speech import Word
from schemas.values import Probability, Seconds

_SHORTEST_NAME = 5
"""Letters; shorter names resemble too much."""
_MOST_WORDS = 3
"""Most words that a misrecognised name may have become."""
_LONGEST_PAUSE: Seconds = 0.5
_SURE: Probability = 0.6
"""What is this likely to be right stays."""
_ALIKE, _ALIKE_COMMON = 0.65, 0.75
"""Least similarity, and the same where all words are common ones."""
_MOST: Probability = 0.95
"""No name that was put in is surer than this."""
_WORD_BEGINS = "Ġ"
_PARTS = re.compile(r"(\W*)(.*?)((?:['’]s)?\W*)", re.DOTALL)
"""What stands before a word, the word, what stands behind it."""
_SENTENCE_GOES_ON = re.compile(r".*\w")

_SOUNDS = tuple(
    (re.compile(letters), sound)
    for letters, sound in (
        ("^kn", "n"),
        ("^wr", "r"),
        ("^ps", "s"),
        ("ph", "f"),
        ("gh(?=[tsw]|$)", ""),
        ("gh", "g"),
        ("sch|tch|ch", "C"),
        ("sh|ti(?=o)|ci(?=a)", "S"),
        ("th", "T"),
        ("c(?=[eiy])", "s"),
        ("ck|c|q", "k"),
        ("x", "ks"),
        ("dg(?=[eiy])|g(?=[eiy])", "j"),
        ("z", "s"),
        ("v", "f"),
        ("[wh](?![aeiouy])", ""),
        ("mb$", "m"),
        ("d$", "t"),
        ("[aeiouy]+", "a"),
        (r"(.)\1+", r"\1"),
    )
)
"""English spelling to sounds, roughly and in this order; all vowels are one."""


@dataclass(frozen=True)
class _Guess:
    """Words `first` to `end` (exclusive) may have been a name."""

    first: int
    end: int
    name: str
    similarity: float


def common_words(folder: Path) -> frozenset[str]:
    """Small-letter words that are one token of the recogniser in `folder`: it has met them often.

    Raises `WeightsError` where `tokenizer.json` is missing or no tokenizer.
    """
    path = folder / "tokenizer.json"
    try:
        tokens = json.loads(path.read_text(encoding="utf-8"))["model"]["vocab"]
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{path} cannot be read: {error}; fetch the recogniser again."
        ) from error
    whole = (str(token) for token in tokens if str(token).startswith(_WORD_BEGINS))
    return frozenset(_letters(token[len(_WORD_BEGINS) :]) for token in whole)


def mend_names(words: Sequence[Word], told: Sequence[str], common: frozenset[str]) -> list[Word]:
    """Replace near-misses of given names; all other words stay.

    `told` are names or phrases of several words, of which those of five letters and more that are
    not `common` count. Of one to three words of at most .5 s apart one becomes; it lasts from the
    first's start to the last's end, and is as sure as it is similar, at most .95. A single common
    word is never replaced. A name heard letter by letter is only spelled as told.
    """
    names = _names(told, common)
    if not names:
        return list(words)
    heard = [_letters(_split(word.word)[1]) for word in words]
    guesses = sorted(
        _guesses(words, heard, names, common), key=lambda guess: (-guess.similarity, guess.first)
    )
    taken: dict[int, _Guess] = {}
    for guess in guesses:
        if not any(number in taken for number in range(guess.first, guess.end)):
            taken |= dict.fromkeys(range(guess.first, guess.end), guess)
    mended = []
    for number, word in enumerate(words):
        if number not in taken:
            spelled = names.get(heard[number])
            mended.append(word if spelled is None else _spell(word, word, spelled))
        elif taken[number].first == number:
            mended.append(_mended(words, taken[number]))
    return mended


def _names(told: Sequence[str], common: frozenset[str]) -> dict[str, str]:
    """Return the candidates by their letters."""
    parts = [_split(part)[1] for phrase in told for part in phrase.split()]
    by_letters = {_letters(part): part for part in reversed(parts)}
    return {
        letters: part
        for letters, part in by_letters.items()
        if len(letters) >= _SHORTEST_NAME and letters.isascii() and letters not in common
    }


def _guesses(
    words: Sequence[Word], heard: Sequence[str], names: dict[str, str], common: frozenset[str]
) -> Iterator[_Guess]:
    for first in range(len(words)):
        for end in range(first + 1, min(first + _MOST_WORDS, len(words)) + 1):
            parts = heard[first:end]
            if parts[-1] in names or not parts[-1] or not _belongs(words, first, end):
                break
            are_common = all(part in common for part in parts)
            unsure = min(word.score or 0.0 for word in words[first:end]) < _SURE
            if not unsure or (are_common and end - first == 1):
                continue
            least = _ALIKE_COMMON if are_common else _ALIKE
            joined = "".join(parts)
            for letters, name in names.items():
                similarity = _similarity(joined, letters)
                if similarity >= least:
                    yield _Guess(first, end, name, similarity)


def _belongs(words: Sequence[Word], first: int, end: int) -> bool:
    """Whether the last of the words follows the one before without comma or pause."""
    if end - first == 1:
        return True
    before, last = words[end - 2], words[end - 1]
    goes_on = _SENTENCE_GOES_ON.fullmatch(before.word) is not None
    return goes_on and last.start - before.end <= _LONGEST_PAUSE


def _similarity(heard: str, name: str) -> float:
    """Mean similarity of letters and of sounds, in [0, 1]: one less the edits by the length."""
    from rapidfuzz.distance import Levenshtein

    letters = Levenshtein.normalized_similarity(heard, name)
    sounds = Levenshtein.normalized_similarity(_sounds(heard), _sounds(name))
    return (letters + sounds) / 2


@lru_cache(maxsize=4096)
def _sounds(letters: str) -> str:
    for pattern, sound in _SOUNDS:
        letters = pattern.sub(sound, letters)
    return letters


def _mended(words: Sequence[Word], guess: _Guess) -> Word:
    first, last = words[guess.first], words[guess.end - 1]
    score = min(_MOST, guess.similarity)
    return _spell(first, last, guess.name).model_copy(update={"end": last.end, "score": score})


def _spell(first: Word, last: Word, name: str) -> Word:
    """Return the first word with the name in it, and what stands behind the last."""
    return first.model_copy(update={"word": _split(first.word)[0] + name + _split(last.word)[2]})


def _split(text: str) -> tuple[str, str, str]:
    found = _PARTS.fullmatch(text)
    assert found is not None, "the pattern matches any text"
    before, word, behind = found.groups()
    return before, word, behind


def _letters(text: str) -> str:
    """Small letters without accents and marks."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(filter(str.isalpha, plain)).casefold()
