"""Parse caption files into cues: times and lines, whatever their encoding."""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import InputError
from schemas.values import Seconds
from tasks.ingest.storage import shown
from tasks.transcript.timed_text import is_ttml, parse_ttml

_CLOCK = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})(?:[.,](\d{1,9}))?"
_TIMING = re.compile(rf"\s*{_CLOCK}\s*-->\s*{_CLOCK}")
INLINE_TIME = re.compile(rf"<{_CLOCK}>")
_LANGUAGE = re.compile(r"^Language:\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*)\s*$", re.MULTILINE)
_SBV_TIMING = re.compile(rf"^\s*({_CLOCK}),({_CLOCK})\s*$", re.MULTILINE)
_IDENTIFIER = re.compile(r"\d+\s*")
_NO_CUE = ("NOTE", "STYLE", "REGION")
_MOST_BYTES = 16 << 20
_MOST_CUES = 50_000
_MOST_LETTERS = 2_000
"""Longer lines are cut at spaces: what looks for markup in a line may take the square of it."""
_LEAST_READABLE = 0.95
_MOST_BAD_SHARE = 0.2
"""Share of bad bytes among letters beyond ASCII, up to which a text is still UTF-8."""
_ENCODINGS = ["cp1252", "cp1251", "shift_jis", "gb18030", "euc_kr"]


@dataclass(frozen=True)
class Cue:
    """One caption: its times in seconds and its lines, still with their markup."""

    start: Seconds
    end: Seconds
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Cues:
    """The captions of a file in the order of the file, and the language that its header names."""

    cues: tuple[Cue, ...]
    language: str | None = None


def read_cues(path: Path) -> Cues:
    """Read a WebVTT, SubRip, SBV or TTML file; its content decides which one it is.

    Raises `InputError` where it is none of them.
    """
    text = decode(_content(path))
    if max(text.count(mark) for mark in ("-->", "\n\n", "<p")) > _MOST_CUES:
        raise InputError(f"The captions {shown(str(path))} have over {_MOST_CUES} cues.")
    if sum(c.isprintable() or c.isspace() for c in text) < _LEAST_READABLE * len(text):
        raise InputError(f"The captions {shown(str(path))} are no text; save them as UTF-8.")
    if is_ttml(text):
        return _parse_ttml(text)
    if text.lstrip().startswith("WEBVTT"):
        header = text.lstrip().split("\n\n", 1)[0]
        language = _LANGUAGE.search(header)
        return Cues(tuple(_parse_webvtt(text)), language[1] if language else None)
    cues = tuple(_parse_sbv(text) or _parse_subrip(text))
    if not cues and text.strip():
        raise InputError(
            f"The captions {shown(str(path))} hold no times; "
            "they must be WebVTT, SubRip, SBV or TTML."
        )
    return Cues(cues)


def _parse_ttml(text: str) -> Cues:
    lines, language = parse_ttml(text)
    cues = (Cue(float(a), float(b), tuple(_cut(said.split("\n")))) for a, b, said in lines)
    return Cues(tuple(cues), language)


def _parse_sbv(text: str) -> tuple[Cue, ...]:
    """Parse YouTube's SBV: as WebVTT but for a comma between the times and `[br]` in a text."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    if not _SBV_TIMING.fullmatch(first):
        return ()
    as_webvtt = _SBV_TIMING.sub(lambda match: f"{match[1]} --> {match[6]}", text)
    return tuple(_parse_webvtt(as_webvtt.replace("[br]", "\n")))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"The captions {shown(str(path))} cannot be read: {error.strerror}."
        ) from error
    if len(content) > _MOST_BYTES:
        raise InputError(f"The captions {shown(str(path))} are over 16 MiB; that is no text.")
    return content


def decode(content: bytes) -> str:
    """Decode by byte order mark, as UTF-8, as UTF-16, else by letter statistics.

    UTF-16 without a mark is known by its zeros. A few bad bytes in UTF-8 cost those letters and no
    others. All line ends become line feeds.
    """
    return _decoded(content).lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _decoded(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    for encoding, zeros in (("utf-16-le", content[1::2]), ("utf-16-be", content[::2])):
        if content and zeros.count(0) > len(content) // 4:
            return content.decode(encoding, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return _guessed(content)


def _guessed(content: bytes) -> str:
    """Decode what is not quite UTF-8: with gaps where it nearly is, else by its statistics."""
    leniently = content.decode("utf-8", "replace")
    beyond_ascii = sum(not c.isascii() for c in leniently)
    if leniently.count("\N{REPLACEMENT CHARACTER}") <= _MOST_BAD_SHARE * beyond_ascii:
        return leniently
    from charset_normalizer import from_bytes

    best = from_bytes(content, cp_isolation=_ENCODINGS).best()
    if best is not None:
        return str(best)
    return "".join(_western(byte) for byte in content)


def _western(byte: int) -> str:
    try:
        return bytes((byte,)).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


def clock_seconds(groups: tuple[str | None, ...]) -> Seconds:
    """Seconds of the four groups of a clock: hours or None, minutes, seconds, fraction."""
    hours, minutes, seconds, fraction = groups
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole + float(f"0.{fraction or 0}")


def _parse_webvtt(text: str) -> Iterator[Cue]:
    """Parse after the grammar of the W3C's WebVTT, section 4, but as leniently as players do.

    Cues may follow each other without a blank line, and begin after one. Not pysubs2: it takes
    the identifier of a cue for a line of the one before, and a line with two inline times
    (YouTube's) for a cue of its own.
    """
    lines = text.split("\n")
    found = ((number, _TIMING.match(line)) for number, line in enumerate(lines))
    timings = [(number, match) for number, match in found if match]
    ends = [*(number for number, _ in timings), len(lines)][1:]
    for (number, match), end in zip(timings, ends, strict=True):
        times = match.groups()
        payload = _payload(lines[number + 1 : end], followed=end < len(lines))
        yield Cue(clock_seconds(times[:4]), clock_seconds(times[4:]), tuple(_cut(payload)))


def _payload(lines: list[str], *, followed: bool) -> list[str]:
    """Return the lines of a cue out of all lines up to the next time."""
    first = next((n for n, line in enumerate(lines) if line), len(lines))
    rest = lines[first:]
    if first and rest and rest[0].split(" ")[0] in _NO_CUE:
        return []
    length = next((n for n, line in enumerate(rest) if not line), len(rest))
    runs_on = followed and length == len(rest)
    if runs_on and rest and _IDENTIFIER.fullmatch(rest[-1]):
        length -= 1  # the identifier of the next cue, which no blank line parts
    return rest[:length]


def _parse_subrip(text: str) -> Iterator[Cue]:
    import pysubs2

    for event in pysubs2.SSAFile.from_string(text, format_="srt", keep_html_tags=True):
        lines = event.text.split(r"\N")
        yield Cue(event.start / 1000, event.end / 1000, tuple(_cut(lines)))


def _cut(lines: Iterable[str]) -> Iterator[str]:
    """Cut overlong lines at spaces, and what has no space at the limit."""
    for line in lines:
        rest = line
        while len(rest) > _MOST_LETTERS:
            at = rest.rfind(" ", 1, _MOST_LETTERS)
            at = at if at > 0 else _MOST_LETTERS
            yield rest[:at]
            rest = rest[at:].lstrip(" ")
        yield rest
