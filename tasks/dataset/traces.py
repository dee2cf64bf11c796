"""Search a dataset for what is to be forgotten: every file, by name and by content.

Tables are searched value by value, all else as text. This is the proof that nothing is left, so it
asks no index and no manifest where to look.
"""

import gzip
import html
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from schemas.dataset import FORGOTTEN, Dataset
from schemas.names import name_key
from schemas.tables import TABLES

Matches = Callable[[str], bool]
"""Whether a text holds what is searched."""

ADDRESSES = frozenset({"uri", "uris"})
"""Fields that say where a recording lies in the source."""

WORDS = frozenset({"text", "words", "word"})
"""Fields that hold what somebody said."""


def all_files(dataset: Dataset) -> list[str]:
    """Return the paths of all files of a dataset, hidden ones too, but for its tombstones."""
    if not dataset.fs.exists(dataset.root):
        return []
    names = (PurePosixPath(n).relative_to(dataset.root) for n in dataset.fs.find(dataset.root))
    return sorted(str(name) for name in names if name.parts[0] != FORGOTTEN)


def is_of_layout(path: str) -> bool:
    """Whether a file lies where a table's rows do."""
    return PurePosixPath(path).parts[0] in TABLES


def names_in(text: str, name: str) -> bool:
    """Whether a text holds a name, whatever its case, accents and spaces."""
    return f" {name_key(name)} " in f" {_words(name_key(html.unescape(text)))} "


def _words(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text).split())


def texts_of(dataset: Dataset, path: str) -> Iterator[tuple[str, str]]:
    """Yield (field, text) of a file: the values of a table by column, all else under ""."""
    content = dataset.read_bytes(path)
    if content is None:
        return
    if path.endswith(".parquet"):
        import pyarrow.parquet as pq

        for row in pq.read_table(io.BytesIO(content)).to_pylist():
            for column, value in row.items():
                for text in _texts(value):
                    yield column, text
        return
    yield "", _unpacked(path, content).decode("utf-8", "replace")


def _unpacked(path: str, content: bytes) -> bytes:
    """Return what a compressed file or a Word document holds; one that is damaged as it is."""
    try:
        if path.endswith(".docx"):
            with zipfile.ZipFile(io.BytesIO(content)) as document:
                return _TAG.sub(b"", document.read("word/document.xml"))
        return gzip.decompress(content) if path.endswith(".gz") else content
    except (OSError, EOFError, KeyError, zlib.error, zipfile.BadZipFile):
        return content


_TAG = re.compile(rb"<[^>]*>")


def whole_text(dataset: Dataset, path: str) -> str:
    """Return all that a file holds as one text."""
    return "\n".join(text for _, text in texts_of(dataset, path))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)


def files_with(
    dataset: Dataset, matches: Matches, fields: Callable[[str], bool] = lambda _: True
) -> list[str]:
    """Return the files whose path or content matches; `fields` chooses the columns of tables."""
    return [
        path
        for path in all_files(dataset)
        if matches(path)
        or any(fields(field) and matches(text) for field, text in texts_of(dataset, path))
    ]
