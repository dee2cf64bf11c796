"""Flight of the Amazon Queen, the English talkie as ScummVM packs it: `queen.1c`.

All game content is (C) John Passfield and Steven Stamatiadis.
Licence: may be distributed for free and modified, with its notices intact and changes marked.

One archive: a table of names, then files. Every speech is a string with commands after stars;
each part between commands has a sound of its own, numbered from one. Speeches are in dialogues
(`.DOG`), in scenes (`.CUT`) and in the list of what Joe remarks (`QUEEN2.JAS`).
"""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from models.protocols import Samples
from schemas.errors import InputError
from schemas.values import Hertz
from tasks.training.voiced_lines.line import VoicedLine, is_usable, known_words, printed
from tasks.training.voiced_lines.reading import Reader, decode, from_bytes

GAME = "flight-of-the-amazon-queen"
ARCHIVE = "queen.1c"

_MAGIC = b"QTBL"
_ENGLISH_TALKIE = b"CE"
_LAYOUTS = {1: "mp3", 2: "ogg", 3: "flac"}
_BYTES_RATE: Hertz = 11025
_BYTES_HEADER = {104: 110, 110: 122}
"""Version of an uncompressed sound -> bytes before its samples."""

_FILE_HEADER = 20
_LEVEL_BYTES = 96
_RESPONSES = 40
"""Joe's general responses are numbered first, then what he says of things."""

_VERBS = 12
_OBJECT_WORDS, _RECORD_WORDS, _FRAME_WORDS = 8, 17, 10
_PEOPLE = (-3, -4)
_LAST_FRAME = -2
_NEWEST_PART = 15
_COMMAND = re.compile(r"\*(?:XY\d\d\(\d+,\d+\)|[A-Z0-9]{2})")
_JOE = "joe"


class _Speech(NamedTuple):
    """What is said from the sound `prefix` + "1" on: parts with a sound each."""

    prefix: str
    parts: tuple[str, ...]
    speaker: str


class _Archive:
    """Files of `queen.1c` by name; raises `InputError` for another file or one cut off."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = path.read_bytes()
        reader = Reader(self._data, str(path))
        if reader.take(4) != _MAGIC or not reader.take(8).startswith(_ENGLISH_TALKIE):
            raise InputError(f"{path} is no archive of the English talkie of Amazon Queen.")
        self._compression = reader.unsigned(1)
        self._files: dict[str, tuple[int, int]] = {}
        for _ in range(reader.unsigned(2)):
            name = reader.take(12).rstrip(b"\0").decode("latin-1")
            reader.take(1)
            self._files[name] = reader.unsigned(4), reader.unsigned(4)

    def names(self, ending: str) -> list[str]:
        """Names of the files that end so, in order."""
        return sorted(name for name in self._files if name.endswith(ending))

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def read(self, name: str) -> bytes:
        if name not in self._files:
            raise InputError(f"{self._path} has no file {name}.")
        start, size = self._files[name]
        return Reader(self._data, str(self._path), start).take(size)

    def body(self, name: str) -> bytes:
        """A file without the header that all but text and sound have."""
        return self.read(name)[_FILE_HEADER:]

    def sound(self, name: str) -> Samples:
        data = self.read(name)
        if self._compression == 0:
            header = _BYTES_HEADER.get(int.from_bytes(data[2:4], "little"), _BYTES_HEADER[104])
            return from_bytes(data[header:], _BYTES_RATE)
        layout = _LAYOUTS.get(self._compression, "mp3")
        return decode(data, layout, f"{name} in {self._path}")


def lines(folder: Path) -> Iterator[VoicedLine]:
    """Yield the usable lines of `folder / GAME`, nothing where the game is not there.

    Raises `InputError` where the archive is cut off or another game's.
    """
    path = folder / GAME / ARCHIVE
    if not path.is_file():
        return
    archive = _Archive(path)
    speeches = [*_dialogues(archive), *_scenes(archive), *_remarks(archive)]
    texts = _texts_of_sounds(speeches)
    words = known_words([text for text, _ in texts.values()])
    for name, (text, speaker) in sorted(texts.items()):
        written = printed(text, words, GAME)
        if written and f"{name}.SB" in archive:
            samples = archive.sound(f"{name}.SB")
            if is_usable(samples, written):
                yield VoicedLine(samples, written, GAME, name, speaker)


def _texts_of_sounds(speeches: list[_Speech]) -> Mapping[str, tuple[str, str]]:
    """Sound -> its text and speaker; sounds that two different texts claim are left out."""
    found: dict[str, tuple[str, str]] = {}
    claimed: set[str] = set()
    for speech in speeches:
        for number, text in enumerate(speech.parts[:_NEWEST_PART], 1):
            name = f"{speech.prefix}{number:X}"
            if name in found and found[name][0] != text:
                claimed.add(name)
            found[name] = text, speech.speaker
    return {name: said for name, said in found.items() if name not in claimed}


def _parts(speech: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in _COMMAND.split(speech))


def _string(reader: Reader, start: int, align: int = 2) -> str:
    """A string after its length; what follows stands at a multiple of `align` from `start`."""
    text = reader.take(reader.unsigned(1)).decode("cp437")
    if text:
        reader.take(-(reader.at - start) % align)
    return text


def _dialogues(archive: _Archive) -> Iterator[_Speech]:
    """Speeches of the dialogues: Joe's, the other's, and the greetings when they meet again."""
    people = {name for name, image in _object_names(archive).values() if image in _PEOPLE}
    for name in archive.names(".DOG"):
        data = archive.body(name)
        reader = Reader(data, name)
        levels = abs(reader.signed())
        reader.signed()
        key = f"{reader.signed():02}"
        n_joe, n_other = reader.signed(), reader.signed()
        reader.take(12)
        other_at, _, again_at = (reader.unsigned(2) for _ in range(3))
        other = _full_name(re.sub(r"\d*\.DOG$", "", name).lower(), people)
        joe_at = 2 * 16 + levels * _LEVEL_BYTES
        for at, count, role, who in ((joe_at, n_joe, "J", _JOE), (other_at, n_other, "P", other)):
            for number, text in _numbered(data, name, at, count):
                yield _Speech(f"{key}{number}{role}", _parts(text), who)
        reader.at = again_at
        yield _Speech(f"{key}XXXXP", _parts(_string(reader, 0)), other)
        yield _Speech(f"{key}XXXXJ", _parts(_string(reader, 0)), _JOE)


def _full_name(short: str, people: Collection[str]) -> str:
    """The one person in whose name a word begins so; `short` where there are more or none."""
    found = [name for name in people if any(word.startswith(short) for word in name.split())]
    return found[0] if len(found) == 1 else short


def _numbered(data: bytes, name: str, at: int, count: int) -> Iterator[tuple[str, str]]:
    """Strings with their numbers as sounds spell them: four places, SSSS for the first."""
    reader = Reader(data, name, at)
    for _ in range(count):
        reader.take(2)
        number = reader.unsigned(2)
        yield f"{number:04X}" if number else "SSSS", _string(reader, 0, 4)


def _scenes(archive: _Archive) -> Iterator[_Speech]:
    """Speeches of the scenes: a string for every step, the first one for the entry."""
    names = _object_names(archive)
    for file in archive.names(".CUT"):
        data = archive.body(file)
        reader = Reader(data, file)
        reader.signed()
        n_steps = abs(reader.signed())
        reader.signed()
        steps_end = reader.unsigned(2)
        reader_of_texts = Reader(data, file, reader.unsigned(2))
        reader.unsigned(2)
        who = _who_acts(reader, n_steps, steps_end, names)
        _string(reader_of_texts, 0)
        stem = f"{file.removesuffix('.CUT')[:5]:_<5}"
        for number in range(1, min(n_steps, 99) + 1):
            text = _string(reader_of_texts, 0)
            if text.strip("*") and not text.startswith("#"):
                yield _Speech(f"{stem}{number:02}", _parts(text), who.get(number, ""))


def _who_acts(
    reader: Reader, n_steps: int, end: int, names: Mapping[int, tuple[str, int]]
) -> dict[int, str]:
    """Step -> who acts in it; nobody is known where the steps do not add up."""
    who: dict[int, str] = {}
    try:
        for number in range(1, n_steps + 1):
            record = [reader.signed() for _ in range(_RECORD_WORDS)]
            subject, has_list, executes, copied = record[0], record[4], record[5], record[12]
            reader.take(2 * max(reader.signed(), 0))
            subject = 0 if subject == -1 else subject
            name, image = names.get(subject, ("", 0))
            is_person = not has_list and (subject == 0 or image in _PEOPLE)
            if subject >= 0:
                who[number] = name
            if not is_person and executes and copied <= 0 and subject >= 0:
                while reader.signed() != _LAST_FRAME:
                    reader.take(2 * (_FRAME_WORDS - 1))
    except InputError:
        return {}
    return who if reader.at + 2 == end else {}


def _object_names(archive: _Archive) -> dict[int, tuple[str, int]]:
    """Number of an object -> its name in lower case, and its image; 0 is Joe."""
    reader = Reader(archive.body("QUEEN.JAS"), "QUEEN.JAS")
    _, n_names, n_objects, n_descriptions = (reader.unsigned(2) for _ in range(4))
    strings = _strings(archive)[n_descriptions : n_descriptions + n_names]
    found = {0: (_JOE, _PEOPLE[0])}
    for number in range(1, n_objects + 1):
        name, *_, image = (reader.signed() for _ in range(_OBJECT_WORDS))
        if 0 < abs(name) <= len(strings):
            found[number] = strings[abs(name) - 1].lower(), image
    return found


def _strings(archive: _Archive) -> list[str]:
    return archive.read("QUEEN2.JAS").decode("cp437").replace("\r", "").split("\n")


def _remarks(archive: _Archive) -> Iterator[_Speech]:
    """What Joe says of things and when a command makes no sense."""
    reader = Reader(archive.body("QUEEN.JAS"), "QUEEN.JAS")
    n_rooms, n_names, _, n_descriptions = (reader.unsigned(2) for _ in range(4))
    strings = _strings(archive)
    first = n_descriptions + n_names + n_rooms + _VERBS
    numbered = [*strings[first : first + _RESPONSES], *strings[:n_descriptions]]
    for number, text in enumerate(numbered, 1):
        if not re.search(r"\.(?:DOG|CUT)$", text, re.IGNORECASE):
            yield _Speech(f"JOE{number:04}", _parts(text), _JOE)
