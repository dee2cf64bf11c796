"""Read delimited files into labelled texts."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from schemas.errors import InputError

SPLIT_NAMES = {
    "train": "train",
    "trn": "train",
    "training": "train",
    "dev": "dev",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "test": "test",
    "tst": "test",
}
"""What corpora call their splits, in the names of files and folders."""


@dataclass(frozen=True)
class TextRow:
    """One labelled text of a corpus, in the corpus's own labels.

    `split` is "none" where the corpus has none; `turn` is the place in the dialogue; `context`
    the utterances before as (speaker, text) where the corpus states them with each row.
    """

    text: str
    labels: tuple[str, ...]
    language: str
    split: str = "none"
    speaker: str = ""
    dialogue: str | None = None
    turn: int | None = None
    context: tuple[tuple[str, str], ...] = ()


def delimited(
    path: Path, delimiter: str, quoted: bool = True, names: tuple[str, ...] = ()
) -> Iterator[dict[str, str]]:
    """Read the rows of a delimited file by lower-case column names, white space evened out.

    `names` are the columns of a file without a heading. A row that is too short is left out.
    Raises `InputError` where the file is not UTF-8.
    """
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, quoting=quoting)
            columns = list(names) or [name.strip().lower() for name in next(reader, [])]
            for cells in reader:
                if len(cells) >= len(columns):
                    yield {name: _even(cell) for name, cell in zip(columns, cells, strict=False)}
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8; save it as UTF-8.") from error


def _even(cell: str) -> str:
    """Even out white space; bytes of Windows-1252 that were read as Latin-1 are set right."""
    if any("\x80" <= character <= "\x9f" for character in cell):
        cell = "".join(
            bytes([ord(c)]).decode("cp1252", errors="replace") if "\x80" <= c <= "\x9f" else c
            for c in cell
        )
    return " ".join(cell.split())


def split_of(path: Path) -> str:
    """Return the split that a file's name or its folder's states, else "none"."""
    for name in (path.stem, path.parent.name):
        for word in name.lower().replace("-", "_").split("_"):
            if word in SPLIT_NAMES:
                return SPLIT_NAMES[word]
    return "none"
