"""A report as one value: sections of sentences, tables, drawings and lines of text.

What is measured builds it, and `render.py` writes it for the terminal, as markdown and as a page.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from schemas.values import Json


@dataclass(frozen=True)
class Table:
    """Formatted cells; the first column names the row. `caption` explains the columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True)
class Drawing:
    """A PNG file and the sentence that describes it."""

    says: str
    path: Path

    @property
    def source(self) -> str:
        """The PNG as a `data:` address."""
        return "data:image/png;base64," + base64.b64encode(self.path.read_bytes()).decode("ascii")


@dataclass(frozen=True)
class Section:
    """A part of a report; `lines` are shown in a fixed width. `is_detail`: not for a terminal."""

    title: str
    sentences: Sequence[str] = ()
    tables: Sequence[Table] = ()
    drawings: Sequence[Drawing] = ()
    lines: Sequence[str] = ()
    is_detail: bool = False


@dataclass(frozen=True)
class Report:
    """A whole report.

    `facts` (weights, data, how many samples could not be judged) come first, `warnings` before
    them, `footer` last. `record` holds the figures as JSON values, for `measures.json`.
    """

    title: str
    sections: Sequence[Section]
    record: Json
    facts: Mapping[str, str | int] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    footer: str = ""
