"""Export a transcript to be read and shared: Markdown and Word.

Both hold the same: facts, who spoke how long, and the words by turns with what was expressed.
"""

import io
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.dataset import Dataset
from schemas.tables import Row
from schemas.values import Seconds, clock
from tasks.dataset.lines import as_words, printable, who

if TYPE_CHECKING:
    from docx.table import _Row

CAUTION = (
    "Emotions are what voice, face and words express as a model judges them, never what somebody "
    "felt. Without a label the model was unsure."
)


@dataclass(frozen=True)
class Said:
    """One utterance of a turn; `tone` is empty where the model was unsure."""

    text: str
    tone: str


@dataclass(frozen=True)
class SpokenTurn:
    """What one speaker said until somebody else did."""

    start: Seconds
    speaker: str
    said: Sequence[Said]


@dataclass(frozen=True)
class Minutes:
    """What minutes hold. `shares` are (speaker, seconds of speech, share of all speech)."""

    title: str
    facts: str
    shares: Sequence[tuple[str, Seconds, float]]
    turns: Sequence[SpokenTurn]

    @classmethod
    def of(cls, recording: Row, rows: Sequence[Row]) -> "Minutes":
        """Make minutes of the rows of a recording."""
        ordered = sorted(rows, key=lambda row: (row["start"], row["end"]))
        turns = [
            SpokenTurn(own[0]["start"], speaker, [Said(as_words(r), _tone(r)) for r in own])
            for speaker, own in (
                (speaker, list(group)) for speaker, group in itertools.groupby(ordered, key=who)
            )
        ]
        seconds: dict[str, Seconds] = {}
        for row in ordered:
            seconds[who(row)] = seconds.get(who(row), 0.0) + row["end"] - row["start"]
        whole = sum(seconds.values()) or 1.0
        shares = [(name, s, s / whole) for name, s in seconds.items()]
        shares.sort(key=lambda share: -share[1])
        day = recording["meeting_date"]
        facts = [day.isoformat()] if day else []
        facts += [f"{clock(recording['duration'])} long", f"{recording['n_speakers']} speakers"]
        return cls(printable(recording["title"]), " · ".join(facts), shares, turns)


def _tone(row: Row) -> str:
    return f"{row['emotion']} {row['confidence']:.0%}" if row["emotion"] else ""


def to_md(recording: Row, rows: Sequence[Row], _dataset: Dataset) -> str:
    """Markdown (CommonMark with a table)."""
    minutes = Minutes.of(recording, rows)
    lines = [f"# {escape_markdown(minutes.title)}", "", minutes.facts, "", f"*{CAUTION}*", ""]
    lines += ["| speaker | spoke | share |", "|---|---|---|"]
    lines += [
        f"| {escape_markdown(name)} | {clock(seconds)} | {share:.0%} |"
        for name, seconds, share in minutes.shares
    ]
    for turn in minutes.turns:
        said = " ".join(
            escape_markdown(part.text) + (f" *({part.tone})*" if part.tone else "")
            for part in turn.said
        )
        lines += ["", f"**{escape_markdown(turn.speaker)}** {clock(turn.start)}  ", said]
    return "\n".join(lines) + "\n"


_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~!&])")
_LIST_START = re.compile(r"^(\d+)([.)])|^([-+=])")


def escape_markdown(text: str) -> str:
    """Return a text that Markdown shows letter by letter."""
    marked = _MARKS.sub(r"\\\1", text)
    return _LIST_START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", marked)


def to_docx(recording: Row, rows: Sequence[Row], _dataset: Dataset) -> bytes:
    """Word (Office Open XML), with headings and a table."""
    import docx

    minutes = Minutes.of(recording, rows)
    document = docx.Document()
    document.core_properties.author = "tonescribe"
    document.core_properties.title = minutes.title[:255]
    document.add_heading(minutes.title, level=0)
    document.add_paragraph(minutes.facts)
    document.add_paragraph().add_run(CAUTION).italic = True
    document.add_heading("Who spoke how long", level=1)
    table = document.add_table(rows=1, cols=3, style="Light List")
    _fill(table.rows[0], ("Speaker", "Spoke", "Share"))
    for name, seconds, share in minutes.shares:
        _fill(table.add_row(), (name, clock(seconds), f"{share:.0%}"))
    document.add_heading("Transcript", level=1)
    for turn in minutes.turns:
        paragraph = document.add_paragraph()
        paragraph.add_run(turn.speaker).bold = True
        paragraph.add_run(f"  {clock(turn.start)}")
        paragraph.add_run().add_break()
        for part in turn.said:
            paragraph.add_run(f"{part.text} ")
            if part.tone:
                paragraph.add_run(f"({part.tone}) ").italic = True
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _fill(row: "_Row", texts: Sequence[str]) -> None:
    for cell, text in zip(row.cells, texts, strict=True):
        cell.text = text
