"""Export a transcript as captions, turns, or rows for other programs."""

import csv
import html
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from schemas.dataset import Dataset, page_path
from schemas.emotions import EMOTIONS
from schemas.errors import InputError
from schemas.tables import Row

Exporter = Callable[[Row, Sequence[Row], Dataset], str]


def to_vtt(_recording: Row, rows: Sequence[Row], _dataset: Dataset) -> str:
    """WebVTT with a voice tag per cue; the emotion stands in a class of the voice."""
    cues = ["WEBVTT", ""]
    for row in rows:
        who = html.escape(_who(row), quote=False)
        who += " " if who.endswith("-") else ""  # with the tag's end it would be an arrow
        tag = f"v.{row['emotion']}" if row["emotion"] else "v"
        said = html.escape(_said(row), quote=False)
        cues += [f"{_time(row['start'], '.')} --> {_time(row['end'], '.')}"]
        cues += [f"<{tag} {who}>{said}</v>", ""]
    return "\n".join(cues)


def to_srt(_recording: Row, rows: Sequence[Row], _dataset: Dataset) -> str:
    """SubRip, `Name: text`."""
    cues = []
    for number, row in enumerate(rows, start=1):
        times = f"{_time(row['start'], ',')} --> {_time(row['end'], ',')}"
        # SubRip has no escapes, and a line with an arrow begins a cue
        said = f"{_who(row)}: {_said(row)}".replace("-->", "→")
        cues += [str(number), times, said, ""]
    return "\n".join(cues)


def to_rttm(recording: Row, rows: Sequence[Row], _dataset: Dataset) -> str:
    """NIST Rich Transcription Time Marked, one SPEAKER line per utterance."""
    name = recording["recording_id"]
    lines = [
        f"SPEAKER {name} 1 {row['start']:.3f} {row['end'] - row['start']:.3f} "
        f"<NA> <NA> {row['speaker']} <NA> <NA>"
        for row in rows
    ]
    return "".join(line + "\n" for line in lines)


def to_json(recording: Row, rows: Sequence[Row], _dataset: Dataset) -> str:
    """One object: the recording, and its utterances."""
    document = {"recording": _plain(recording), "utterances": [_plain(row) for row in rows]}
    return json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n"


def to_csv(_recording: Row, rows: Sequence[Row], _dataset: Dataset) -> str:
    """One line per utterance; structs become columns, lists become JSON."""
    flat = [{name: safe_cell(value) for name, value in _flat(row).items()} for row in rows]
    buffer = io.StringIO()
    columns = list(dict.fromkeys(name for row in flat for name in row))
    writer = csv.DictWriter(buffer, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return buffer.getvalue()


def to_html(recording: Row, _rows: Sequence[Row], dataset: Dataset) -> str:
    """Return the review page as it was published."""
    content = dataset.read_bytes(page_path(recording["recording_id"]))
    if content is None:
        raise InputError(f"The page of {recording['recording_id']} is missing; annotate it again.")
    return content.decode()


EXPORTERS: dict[str, Exporter] = {
    "vtt": to_vtt,
    "srt": to_srt,
    "rttm": to_rttm,
    "json": to_json,
    "csv": to_csv,
    "html": to_html,
}


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: such texts get an apostrophe.

    After OWASP, "CSV injection". Numbers stay numbers. A carriage return becomes a line feed:
    the writer quotes no other line break than its own, and the row would be cut there.
    """
    if not isinstance(value, str):
        return value
    mark = "'" if value.lstrip().startswith(_FORMULA) else ""
    return mark + value.replace("\r\n", "\n").replace("\r", "\n")


def printable(text: str) -> str:
    """Return a text on one line without control characters, which a terminal would obey."""
    kept = (c if c.isprintable() else " " for c in text)
    return " ".join("".join(kept).split())


def _said(row: Row) -> str:
    """Return the text on one line; nothing in it can end a cue."""
    return printable(row["text"] or "…")


def _who(row: Row) -> str:
    return printable(row["speaker_name"] or row["speaker"])


def _time(seconds: float, mark: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{mark}{rest % 1000:03}"


def _plain(row: Row) -> Row:
    """Return a row with its maps (lists of pairs, as Arrow gives them) as objects."""
    return {
        name: dict(value) if name in ("models", "stage_seconds") else value
        for name, value in row.items()
    }


def _flat(row: Row) -> Row:
    flat: Row = {}
    for name, value in _plain(row).items():
        if name.endswith("scores"):
            for emotion in EMOTIONS:
                flat[f"{name}.{emotion}"] = value[emotion] if value else None
        elif isinstance(value, (list, dict)):
            flat[name] = json.dumps(value, ensure_ascii=False)
        else:
            flat[name] = value
    return flat
