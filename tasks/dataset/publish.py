"""Publish a recording: its rows appear whole or not at all, its manifest last."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version

from schemas.annotation import Annotation
from schemas.dataset import Dataset, manifest_path, page_path, table_path
from schemas.manifest import Manifest, Source
from tasks.dataset.insights import insight_rows
from tasks.dataset.manifests import clear_obsolete, manifest_bytes, merge_sources, read_manifest
from tasks.dataset.page import notes_of
from tasks.dataset.rows import parquet_bytes, reaction_rows, recording_row, utterance_rows
from tasks.dataset.store import digest, write_together

STAGE_VERSION = 1


def publish(
    dataset: Dataset,
    annotation: Annotation,
    page: str,
    announce: Callable[[str, Iterable[str]], None] = lambda *_: None,
) -> Manifest:
    """Write page and rows of one recording, the utterances last, then its manifest.

    A reader of the Parquet files sees no utterance without its recording and page. Where this
    fails, nothing of it stays and an older version comes back. An older version of the same
    recording is replaced; what only it had is removed after. Every table gets a file, also without
    rows: an older version's rows are replaced by none. `announce` takes the recording's id and the
    names of the files before the first is written, and may raise to prevent it.
    """
    recording = annotation.recording
    recording_id, day = recording.recording_id, annotation.meeting_date
    before = read_manifest(dataset, recording_id)
    source = Source(
        uri=recording.uri, version=recording.version, restrictions=recording.restrictions
    )
    sources = merge_sources(before, source)
    now = datetime.now(UTC)
    utterances, reactions = utterance_rows(annotation), reaction_rows(annotation)
    tables = {
        "utterances": utterances,
        "recordings": [recording_row(annotation, [s.uri for s in sources], now)],
        "reactions": reactions,
        "insights": insight_rows(utterances, reactions),
    }
    contents = {page_path(recording_id): page.encode()} | {
        table_path(table, day, recording_id): parquet_bytes(table, rows)
        for table, rows in sorted(tables.items(), key=lambda item: item[0] == "utterances")
    }
    files = {name: digest(content) for name, content in contents.items()}
    manifest = Manifest(
        recording_id=recording_id,
        title=recording.shown_title,
        sources=sources,
        **annotation.marks.model_dump(),
        inputs=annotation.inputs,
        files=files,
        obsolete=_obsolete(before, files),
        models=annotation.models,
        notes=notes_of(annotation),
        degraded=annotation.degraded,
        purpose_note=annotation.settings.purpose_note,
        tonescribe_version=version("tonescribe"),
        annotated_at=now,
    )
    contents[manifest_path(recording_id)] = manifest_bytes(manifest)
    announce(recording_id, files)
    write_together(dataset, contents, replaced=_there(before))
    return clear_obsolete(dataset, manifest)


def _there(before: Manifest | None) -> tuple[str, ...]:
    return (*before.files, manifest_path(before.recording_id)) if before else ()


def _obsolete(before: Manifest | None, files: Mapping[str, str]) -> tuple[str, ...]:
    old = {*before.files, *before.obsolete} if before else set()
    return tuple(sorted(old - set(files)))
