"""Export a transcript as captions, turns, rows, tiers or minutes for other programs.

Formats for annotation are in `tasks/dataset/export_tiers.py`, minutes in `minutes.py`.
"""

import csv
import html
import io
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from schemas.dataset import Dataset, page_path
from schemas.emotions import EMOTIONS
from schemas.errors import InputError
from schemas.tables import Row
from tasks.dataset.export_tiers import to_ctm, to_eaf, to_emotionml, to_textgrid
from tasks.dataset.lines import as_words, who
from tasks.dataset.minutes import to_docx, to_md

Exporter = Callable[[Row, Sequence[Row], Dataset], str | bytes]


def to_vtt(_recording: Row, rows: Sequence[Row], _dataset: Dataset) -> str:
    """WebVTT with a voice tag per cue; the emotion stands in a class of the voice."""
    cues = ["WEBVTT", ""]
    for row in rows:
        name = html.escape(who(row), quote=False)
        name += " " if name.endswith("-") else ""  # with the tag's end it would be an arrow
        tag = f"v.{row['emotion']}" if row["emotion"] else "v"
        said = html.escape(as_words(row), quote=False)
        cues += [f"{_time(row['start'], '.')} --> {_time(row['end'], '.')}"]
        cues += [f"<{tag} {name}>{said}</v>", ""]
    return "\n".join(cues)


def to_srt(_recording: Row, rows: Sequence[Row], _dataset: Dataset) -> str:
    """SubRip, `Name: text`."""
    cues = []
    for number, row in enumerate(rows, start=1):
        times = f"{_time(row['start'], ',')} --> {_time(row['end'], ',')}"
        # SubRip has no escapes, and a line with an arrow begins a cue
        said = f"{who(row)}: {as_words(row)}".replace("-->", "→")
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
    "ctm": to_ctm,
    "textgrid": to_textgrid,
    "eaf": to_eaf,
    "emotionml": to_emotionml,
    "json": to_json,
    "csv": to_csv,
    "md": to_md,
    "docx": to_docx,
    "html": to_html,
}
"""Every format: its name, which ends the names of files, and what writes it."""


def as_bytes(written: str | bytes) -> bytes:
    """Return what an exporter wrote as it stands in a file."""
    return written if isinstance(written, bytes) else written.encode()


def file_name(recording: Row, output_format: str) -> str:
    """Return a name for an exported file: title, id, format.

    The id tells recordings of one title apart, and is what `forget` searches for.
    """
    title = re.sub(r"[^\w.-]+", "-", recording["title"]).strip("-.")[:80].rstrip("-.")
    return f"{title}-{recording['recording_id']}.{output_format}".lstrip("-")


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
