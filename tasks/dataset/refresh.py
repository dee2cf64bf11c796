"""Rewrite the rows and the page of a recording from the rows themselves, without its media.

What was judged stays as it is. Needed where a column or the page changes but no result does.
"""

import dataclasses
import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from schemas.corrections import Correction
from schemas.dataset import Dataset, is_of_table, manifest_path, page_path
from schemas.emotions import EmotionScores
from schemas.errors import InputError
from schemas.manifest import Manifest, Marks
from schemas.speech import AnnotatedUtterance, Reaction, Utterance, Word
from schemas.tables import COLUMNS, SCHEMA_VERSION, Row
from tasks.dataset import page, publish
from tasks.dataset.insights import insight_rows
from tasks.dataset.manifests import manifest_bytes
from tasks.dataset.page import PageContent, render
from tasks.dataset.rows import parquet_bytes
from tasks.dataset.store import digest, storing, write_together

ADDED: dict[str, dict[str, Callable[[Row], object]]] = {table: {} for table in COLUMNS}
"""Table -> column -> its value in a row that was written before the column was there."""

REWRITABLE: dict[str, frozenset[str]] = {"schema": frozenset({"3"}), "publish": frozenset()}
"""Earlier versions whose rows can be written as today's: every column since then is in `ADDED`."""


_DERIVED = "insights"
"""The table that is made of the others."""


def current_versions() -> dict[str, str]:
    """Return the versions of what writes results down: the tables, their rows, the page."""
    return {
        "schema": SCHEMA_VERSION,
        "publish": str(publish.STAGE_VERSION),
        "page": str(page.STAGE_VERSION),
    }


def is_rewritable(versions: Mapping[str, str]) -> bool:
    """Whether what was written in these versions can be written anew without its media."""
    now = current_versions()
    return versions.keys() == now.keys() and all(
        versions[name] == now[name] or versions[name] in earlier
        for name, earlier in REWRITABLE.items()
    )


def refresh(dataset: Dataset, manifest: Manifest, marks: Marks | None = None) -> Manifest:
    """Rewrite a recording's tables and page; return its new manifest.

    `marks` are those of the settings, where they are known. Raises `InputError` where a column is
    missing that only annotating can fill, or a file is not there.
    """
    tables = {table: _rows(dataset, manifest, table) for table in COLUMNS if table != _DERIVED}
    tables[_DERIVED] = insight_rows(tables["utterances"], tables["reactions"])
    (recording,) = tables["recordings"]
    corrections = dataset.corrections(manifest.recording_id)
    contents = {
        page_path(manifest.recording_id): render(
            _page(recording, tables["utterances"], tables["reactions"], manifest, corrections)
        ).encode()
    }
    for table in sorted(tables, key=lambda name: name == "utterances"):
        name = _file(manifest, "utterances").replace("utterances", table, 1)
        contents[name] = parquet_bytes(table, tables[table])
    updated = manifest.model_copy(
        update={
            "files": {name: digest(content) for name, content in contents.items()},
            "versions": current_versions(),
            "fingerprint": marks.fingerprint if marks else manifest.fingerprint,
        }
    )
    contents[manifest_path(manifest.recording_id)] = manifest_bytes(updated)
    write_together(dataset, contents, replaced=tuple(contents))
    return updated


def draw_page(dataset: Dataset, manifest: Manifest, is_hidden: Callable[[str], bool]) -> bytes:
    """Return the page of a recording, made from its rows as they are now.

    Its notes stay, but for those that are hidden.
    """
    notes = tuple(note for note in manifest.notes or () if not is_hidden(note))
    return render(_content(dataset, manifest.model_copy(update={"notes": notes}))).encode()


def page_from_rows(dataset: Dataset, manifest: Manifest, media: str) -> str:
    """Return the page of a recording as its rows give it; `media` is its address, or empty."""
    return render(dataclasses.replace(_content(dataset, manifest), media=media))


def _content(dataset: Dataset, manifest: Manifest) -> PageContent:
    recordings, utterances, reactions = (
        _read(dataset, _file(manifest, table), table)
        for table in ("recordings", "utterances", "reactions")
    )
    corrections = dataset.corrections(manifest.recording_id)
    return _page(recordings[0], utterances, reactions, manifest, corrections)


def _file(manifest: Manifest, table: str) -> str:
    for name in manifest.files:
        if is_of_table(name, table):
            return name
    raise InputError(
        f"The recording {manifest.recording_id} has no table '{table}'; annotate it again."
    )


def _rows(dataset: Dataset, manifest: Manifest, table: str) -> list[Row]:
    """Return the rows of a table with today's columns, if they are those that were published."""
    name = _file(manifest, table)
    content = storing(dataset, lambda: dataset.read_bytes(name))
    if content is None or digest(content) != manifest.files[name]:
        raise InputError(
            f"The file {PurePosixPath(name).name} of '{table}' is missing or not what was "
            "published; annotate the recording again."
        )
    return _parsed(content, table)


def _read(dataset: Dataset, name: str, table: str) -> list[Row]:
    content = storing(dataset, lambda: dataset.read_bytes(name))
    if content is None:
        raise InputError(f"The file {PurePosixPath(name).name} of '{table}' is missing.")
    return _parsed(content, table)


def _parsed(content: bytes, table: str) -> list[Row]:
    import pyarrow.parquet as pq

    rows: list[Row] = pq.read_table(io.BytesIO(content)).to_pylist()
    return [_today(row, table) for row in rows]


def _today(row: Row, table: str) -> Row:
    made: Row = {}
    for column in COLUMNS[table]:
        if column.name in row:
            made[column.name] = row[column.name]
        elif column.name in ADDED[table]:
            made[column.name] = ADDED[table][column.name](row)
        else:
            raise InputError(
                f"The column '{column.name}' of '{table}' can only be filled by annotating again."
            )
    return made


def _page(
    recording: Row,
    rows: list[Row],
    reactions: list[Row],
    manifest: Manifest,
    corrections: tuple[Correction, ...],
) -> PageContent:
    if manifest.notes is None:
        raise InputError(
            f"The page of {manifest.recording_id} was made before its notes were kept; "
            "annotate it again."
        )
    return PageContent(
        title=recording["title"],
        recording_id=manifest.recording_id,
        day=recording["meeting_date"],
        duration=recording["duration"],
        has_video=recording["has_video"],
        uri=manifest.sources[0].uri,
        notes=manifest.notes,
        rows=tuple(_utterance(row) for row in rows),
        reactions=tuple(_reaction(row) for row in reactions),
        corrections=corrections,
        findings=tuple(insight_rows(rows, reactions)),
    )


def _scores(row: Row, fields: Iterable[str]) -> dict[str, EmotionScores | None]:
    return {
        name: EmotionScores(**row[name]) if row[name] else None
        for name in fields
        if name.endswith("scores")
    }


def _reaction(row: Row) -> Reaction:
    facts = {name: row[name] for name in Reaction.model_fields}
    return Reaction(**facts | _scores(row, facts))


def _utterance(row: Row) -> AnnotatedUtterance:
    shared = AnnotatedUtterance.model_fields.keys() & row.keys() - {"models", "flags"}
    scores = _scores(row, shared)
    facts = {name: row[name] for name in Utterance.model_fields if name in row}
    facts |= {
        "index": row["utterance_index"],
        "words": tuple(Word(**word) for word in row["words"]),
        "flags": (),
    }
    return AnnotatedUtterance(
        **({name: row[name] for name in shared} | scores),
        utterance=Utterance(**facts),
        flags=tuple(row["flags"]),
        models=dict(row["models"]),
    )
