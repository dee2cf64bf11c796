"""Any labelled set as a CSV: `path` (relative to the CSV) or `text`, `label`, `speaker`."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS, Emotion
from schemas.errors import SettingsError
from schemas.suggestions import suggestion

_EMOTIONS: dict[str, Emotion] = {emotion: emotion for emotion in EMOTIONS}


def read_labelled_csv(table: Path, classes: Sequence[str] = EMOTIONS) -> tuple[LabelledClip, ...]:
    """Read a CSV with the columns `label`, `path` or `text`, and optional `speaker`, `language`.

    Without a speaker each row is its own. Raises `SettingsError` that names the row and what is
    wrong in it: a missing file or column, or a label that is none of the `classes` nor of the
    seven.
    """
    if not table.is_file():
        raise SettingsError(
            f"There is no file or folder {table}; give a CSV with path or text, and label, "
            "or a folder that holds one folder per class."
        )
    try:
        content = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{table} is not UTF-8; save it as UTF-8.") from error
    with io.StringIO(content, newline="") as file:
        reader = csv.DictReader(file)
        columns = set(reader.fieldnames or ())
        if "label" not in columns or not columns & {"path", "text"}:
            raise SettingsError(f"{table} needs the columns label, and path or text.")
        clips = tuple(
            _clip(table, number, row, classes) for number, row in enumerate(reader, start=2)
        )
    if not clips:
        raise SettingsError(f"{table} has no rows; add labelled samples.")
    return clips


def _clip(
    table: Path, number: int, row: dict[str, str | None], classes: Sequence[str]
) -> LabelledClip:
    cells = {name: (cell or "").strip() for name, cell in row.items() if isinstance(name, str)}
    source = table.parent / cells["path"] if cells.get("path") else None
    if source is not None and not source.exists():
        raise SettingsError(f"Row {number} of {table} names {cells['path']}, which is not there.")
    if source is None and not cells.get("text"):
        raise SettingsError(f"Row {number} of {table} has neither path nor text.")
    return LabelledClip(
        corpus=table.stem,
        source=None if source is None else str(source),
        text=cells.get("text") or None,
        label=cells.get("label", ""),
        emotion=_emotion(table, number, cells.get("label", ""), classes),
        speaker=cells.get("speaker") or f"row {number}",
        language=cells.get("language") or None,
    )


def _emotion(table: Path, number: int, label: str, classes: Sequence[str]) -> Emotion | None:
    if label in _EMOTIONS:
        return _EMOTIONS[label]
    if label.lower() in classes:
        return None
    names = dict.fromkeys((*classes, *EMOTIONS))
    remedy = suggestion(label, names, otherwise="use one of")
    raise SettingsError(f"Row {number} of {table} has the label '{label}'; {remedy}")
