"""Drascula: The Vampire Strikes Back, the English version: `en/*.ALS` and `en/drascula.dat`.

All game content is (C) Alcachofa Soft S.L.
Licence: may be distributed for free and modified, with its notices intact and changes marked.

Every voice has a list of texts, all in capitals, in each language; the sound of a text is a file
named after the voice and the text's place in the list: bytes at 11025 Hz.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import InputError
from schemas.values import Hertz
from tasks.training.voiced_lines.line import VoicedLine, is_usable, printed
from tasks.training.voiced_lines.reading import Reader, from_bytes

GAME = "drascula"
TEXTS = "drascula.dat"

_MAGIC = b"DRASCULA"
_VERSION = 6
_RATE: Hertz = 11025
_HEADER, _TAIL = 32, 32
_TABLES = (4, 4, 4, 2, 4, 2, 4, 2, 2, 20, 20, 10, 8)
"""Bytes of a row of each table before the texts."""

_VOICES = {
    "": "john hacker",
    "D": "dracula",
    "B": "drunkard",
    "BJ": "billie jean",
    "E": "frankenstein",
    "I": "igor",
    "L": "werewolf",
    "P": "pianist",
    "T": "bartender",
    "VB": "von braun",
}
"""Voices in the order of their lists, as their sounds' names begin."""

_MOST_OF_DRACULA = 40
"""Later places in his list are other people's."""

_NAMES = re.compile(
    r"\b(?:alucard|america|billie|braun|dracula|drascula|evaristo|frankenstein|frank|ganimedes"
    r"|god|hacker|igor|jean|john|london|spain|transylvania|von|yoda)\b"
)
_BEGINS = re.compile(r"(?:^\W*|[.?!]\W*\s)[a-z]|\bi\b")
_PADDING = 4
"""Before the entries of a list: how many bytes they take, and two bytes of nothing."""


def lines(folder: Path) -> Iterator[VoicedLine]:
    """Yield the usable lines of `folder / GAME`, nothing where the game is not there.

    Raises `InputError` where the texts are cut off or of another version.
    """
    home = folder / GAME / "en"
    if not (home / TEXTS).is_file():
        return
    for voice, texts in _texts(home / TEXTS):
        for place, text in enumerate(texts):
            sound = home / f"{voice}{place}.ALS"
            written = printed(_in_small_letters(text), (), GAME)
            if written and sound.is_file():
                samples = from_bytes(sound.read_bytes()[_HEADER:-_TAIL], _RATE)
                if is_usable(samples, written):
                    is_other = voice == "D" and place > _MOST_OF_DRACULA
                    speaker = "" if is_other else _VOICES[voice]
                    yield VoicedLine(samples, written, GAME, sound.stem, speaker)


def _in_small_letters(text: str) -> str:
    low = _NAMES.sub(lambda found: found[0].capitalize(), text.lower())
    return _BEGINS.sub(lambda found: found[0].upper(), low)


def _texts(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Voice -> its texts in English, the first of the languages."""
    reader = Reader(path.read_bytes(), str(path))
    if reader.take(len(_MAGIC)) != _MAGIC or reader.unsigned(1) != _VERSION:
        raise InputError(f"{path} holds no texts of Drascula in version {_VERSION}.")
    for size in _TABLES:
        reader.take(reader.unsigned(2) * size)
    n_languages = reader.unsigned(2)
    for voice in _VOICES:
        n_texts = reader.unsigned(2)
        lists = [_list(reader, n_texts) for _ in range(n_languages)]
        yield voice, lists[0]


def _list(reader: Reader, n_texts: int) -> list[str]:
    reader.take(_PADDING)
    texts = []
    for _ in range(n_texts):
        entry = reader.take(reader.unsigned(2) - 2)
        texts.append(entry.split(b"\0")[0].decode("cp850"))
    return texts
