"""Read turns from RTTM (NIST RT-09), every field checked: a shifted field is a wrong name."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import InputError
from schemas.values import Seconds

MOST_BYTES = 16 << 20
_KINDS = frozenset(
    (
        *("SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER"),
        *("EDIT", "IP", "SU", "CB", "A/P", "SPEAKER", "SPKR-INFO"),
    )
)
_NOTHING = "<NA>"
_FEWEST, _MOST = 9, 10
_CHANNEL = re.compile(r"\d{1,3}|<NA>")
_TYPES = frozenset(("<NA>", "adult_male", "adult_female", "child", "unknown"))
_SYNTAX = "SPEAKER FILE CHANNEL START SECONDS <NA> <NA> NAME CONFIDENCE <NA>"


@dataclass(frozen=True)
class GivenTurn:
    """One SPEAKER line: `confidence` is None where the file does not say."""

    start: Seconds
    end: Seconds
    label: str
    confidence: float | None


def read_rttm(path: Path) -> list[GivenTurn]:
    """Return the turns of an RTTM file in the order of its lines.

    Raises `InputError` with the line where a field is not what it must be, where lines differ in
    their number of fields (a name with a space), or where they speak of several recordings.
    """
    lines = _lines(path)
    turns: list[GivenTurn] = []
    recordings: set[str] = set()
    shapes: set[int] = set()
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields or fields[0].startswith(";"):
            continue
        where = f"Line {number} of the turns {path.name}"
        if fields[0] not in _KINDS:
            raise InputError(f"{where} is no line of RTTM; it must be {_SYNTAX}.")
        if fields[0] != "SPEAKER":
            continue
        turns.append(_turn(fields, where))
        recordings.add(fields[1])
        shapes.add(len(fields))
    if len(recordings) > 1:
        raise InputError(
            f"The turns {path.name} are of {len(recordings)} recordings; keep the lines of one."
        )
    if len(shapes) > 1:
        raise InputError(
            f"The lines of the turns {path.name} have 9 and 10 fields; write names without spaces "
            "(Ana_Lee), and all lines alike."
        )
    if not turns and any(line.strip() for line in lines):
        raise InputError(f"The turns {path.name} hold no SPEAKER line; is it an RTTM file?")
    return turns


def _lines(path: Path) -> Sequence[str]:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise InputError(f"The turns {path.name} are larger than {MOST_BYTES >> 20} MB.")
        return content.decode("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The turns {path.name} cannot be read as text: {error}.") from error


def _turn(fields: Sequence[str], where: str) -> GivenTurn:
    if not _FEWEST <= len(fields) <= _MOST:
        raise InputError(
            f"{where} has {len(fields)} fields instead of 9 or 10; it must be {_SYNTAX}, and names "
            "are written without spaces (Ana_Lee)."
        )
    start, seconds = _number(fields[3]), _number(fields[4])
    confidence = _number(fields[8])
    rules = {
        "channel": bool(_CHANNEL.fullmatch(fields[2])),
        "start": start is not None,
        "duration": seconds is not None and seconds >= 0,
        "sixth field": fields[5] == _NOTHING,
        "seventh field": fields[6] in _TYPES,
        "name": any(c.isalnum() for c in fields[7]) and fields[7].isprintable(),
        "confidence": fields[8] == _NOTHING or (confidence is not None and 0 < confidence <= 1),
        "tenth field": len(fields) < _MOST
        or fields[9] == _NOTHING
        or _number(fields[9]) is not None,
    }
    wrong = next((name for name, holds in rules.items() if not holds), None)
    if wrong or start is None or seconds is None:
        raise InputError(f"{where} has a wrong {wrong}; it must be {_SYNTAX}.")
    label = fields[7] if fields[7] != _NOTHING else ""
    return GivenTurn(start, start + seconds, label, confidence)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
