"""Beneath a Steel Sky, the English talkie: `sky.dsk` and its table `sky.dnr`.

All game content is (C) Revolution Software Ltd.
Licence: may be distributed for free and modified, with its notices intact and changes marked.

Texts come in sections of messages, every letter by a code of its own length; the message's number
tells the file of its sound, bytes at 11025 Hz that Rob Northen's method 1 has mostly packed. Who
speaks is known to the game's scripts alone.
"""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import InputError
from schemas.values import Hertz
from tasks.training.voiced_lines.line import VoicedLine, is_usable, known_words, printed
from tasks.training.voiced_lines.northen import is_packed, unpack
from tasks.training.voiced_lines.reading import Reader, from_bytes

GAME = "beneath-a-steel-sky"
ARCHIVE, TABLE = "sky.dsk", "sky.dnr"

_RATE: Hertz = 11025
_FIRST_TEXT, _FIRST_SOUND = 60600, 50000
_SOUNDS_PER_SECTION = (600, 500, 1330, 950, 1150, 550, 150)
"""How many files are kept for the sounds of each section's messages."""

_HEADER = 22
_PACKED_FLAG = 0x80
_OFFSET_BITS, _SIZE_BITS = 23, 22
_IN_PARAGRAPHS = 4
"""Offsets that are marked so count 16 bytes."""

_LONG, _LONG_UNIT = 0x80, 3
_UNITS_PER_BYTE = 4
"""Lengths of messages count two bits each."""

_QUOTED = re.compile(r"`([^`]*?)'(?!\w)")
_END, _SPACE = "$", "_"
_SPELLED = """
_000 e0010 a0011 r0111 o01000 s01001 t01010 n01011 .01100 i01101 u10001 m10010 A10011 T10111
$100000 E100001 l101000 I101001 d101010 R101011 N101100 S101101 c110001 D110010 g110011 M110111
O1100000 h1100001 L1101000 C1101001 p1101010 U1101011 !1101100 y1101101 H1110001 ?1110010
b1110011 ,1110101 G1110110 B1110111 P11100000 v11100001 '11101000 f11101001 F11110001 q11110010
w11110011 W11110101 J11110110 V111100000 k111100001 K111101000 -111101001 z111110000 Y111110001
j111110010 Q1111101000 Z1111101100 :1111110011 x11111101100 X11111101101 `111111100001
"""
_CODES = {spelled[1:]: spelled[0] for spelled in _SPELLED.split()}
"""Code -> letter, `_` for a space and `$` for the end of a message.

Found in the data: four messages are the words on the panel for options (Text only, Speech only,
Text and speech, Music Volume), which one code of likely lengths can spell; the other letters are
those that English needs in their places. Digits and accents were not looked for.
"""


class _Archive:
    """Files of `sky.dsk` by number; raises `InputError` where one of the two files is cut off."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ARCHIVE
        self._data = self._path.read_bytes()
        table = Reader((folder / TABLE).read_bytes(), str(folder / TABLE), order="little")
        self._files: dict[int, tuple[int, int, bool]] = {}
        for _ in range(table.unsigned(4)):
            number, entry = table.unsigned(2), table.unsigned(6)
            offset = entry & (1 << _OFFSET_BITS) - 1
            if entry >> _OFFSET_BITS & 1:
                offset <<= _IN_PARAGRAPHS
            size = entry >> 24 & (1 << _SIZE_BITS) - 1
            self._files[number] = offset, size, not entry >> 47

    def __contains__(self, number: int) -> bool:
        return number in self._files

    def read(self, number: int) -> bytes:
        """The content of a file as it is stored."""
        if number not in self._files:
            raise InputError(f"{self._path} has no file {number}: it is no talkie of {GAME}.")
        offset, size, _ = self._files[number]
        return Reader(self._data, str(self._path), offset).take(size)

    def sound(self, number: int) -> bytes:
        """Unsigned bytes of a sound, without its header."""
        data = self.read(number)
        body = data[_HEADER:]
        may_be_packed = self._files[number][2] and data[0] & _PACKED_FLAG
        if may_be_packed and is_packed(body):
            return unpack(body, f"{self._path}, file {number}")
        return body


def lines(folder: Path) -> Iterator[VoicedLine]:
    """Yield the usable lines of `folder / GAME`, nothing where the game is not there.

    Raises `InputError` where the files are cut off, damaged or those of the silent version.
    """
    home = folder / GAME
    if not ((home / ARCHIVE).is_file() and (home / TABLE).is_file()):
        return
    archive = _Archive(home)
    sections = [_messages(archive, section) for section in range(len(_SOUNDS_PER_SECTION))]
    words = known_words(list(itertools.chain.from_iterable(sections)))
    firsts = itertools.accumulate(_SOUNDS_PER_SECTION, initial=_FIRST_SOUND)
    for section, (messages, first) in enumerate(zip(sections, firsts, strict=False)):
        for number, message in enumerate(messages[: _SOUNDS_PER_SECTION[section]]):
            written = printed(_QUOTED.sub(r"\1", message), words, GAME)
            if written and first + number in archive:
                samples = from_bytes(archive.sound(first + number), _RATE)
                if is_usable(samples, written):
                    yield VoicedLine(samples, written, GAME, f"{section}-{number:04}", "")


def _messages(archive: _Archive, section: int) -> list[str]:
    """The messages of a section, "" for those with letters that are not known."""
    name = f"text {section} of {GAME}"
    data = archive.read(_FIRST_TEXT + section)
    reader = Reader(data, name, order="little")
    lengths_at, texts_at = reader.unsigned(2), reader.unsigned(2)
    reader.at = lengths_at
    found: list[str] = []
    at = texts_at * _UNITS_PER_BYTE
    for _ in range(texts_at - lengths_at):
        length = reader.unsigned(1)
        if length & _LONG:
            length = (length ^ _LONG) << _LONG_UNIT
        found.append(_message(data, at, at + length, name))
        at += length
    if 2 * found.count("") > len(found):
        raise InputError(f"The {name} is spelled by another code: only version 0.0372 can be read.")
    return found


def _message(data: bytes, start: int, end: int, name: str) -> str:
    """The message between two places, in units of two bits from the start of `data`."""
    first, last = start // _UNITS_PER_BYTE, -(-end // _UNITS_PER_BYTE)
    stored = Reader(data, name, first).take(last - first)
    skipped = start - first * _UNITS_PER_BYTE
    bits = "".join(f"{byte:08b}" for byte in stored)[2 * skipped : 2 * (skipped + end - start)]
    letters: list[str] = []
    code = ""
    for place, bit in enumerate(bits, 1):
        code += bit
        letter = _CODES.get(code)
        if letter == _END:
            return "" if "1" in bits[place:] else "".join(letters).replace(_SPACE, " ")
        if letter is not None:
            letters.append(letter)
            code = ""
    return ""
