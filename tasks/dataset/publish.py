"""Publish a recording: its rows appear whole or not at all, its manifest last."""

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version

from schemas.annotation import Annotation
from schemas.dataset import Dataset, page_path, table_path
from schemas.manifest import Manifest, Source
from tasks.dataset.manifests import clear_obsolete, merge_sources, read_manifest, write_manifest
from tasks.dataset.rows import parquet_bytes, reaction_rows, recording_row, utterance_rows
from tasks.dataset.store import write_whole

STAGE_VERSION = 1


def publish(dataset: Dataset, annotation: Annotation, page: str) -> Manifest:
    """Write rows and page of one recording, then its manifest.

    An older version of the same recording is replaced; what only it had is removed after. Every
    table gets a file, also without rows: an older version's rows are replaced by none.
    """
    recording = annotation.recording
    recording_id, day = recording.recording_id, annotation.meeting_date
    before = read_manifest(dataset, recording_id)
    source = Source(
        uri=recording.uri, version=recording.version, restrictions=recording.restrictions
    )
    sources = merge_sources(before, source)
    now = datetime.now(UTC)
    tables = {
        "utterances": utterance_rows(annotation),
        "recordings": [recording_row(annotation, [s.uri for s in sources], now)],
        "reactions": reaction_rows(annotation),
    }
    contents = {
        table_path(table, day, recording_id): parquet_bytes(table, rows)
        for table, rows in tables.items()
    }
    contents[page_path(recording_id)] = page.encode()
    files = {name: write_whole(dataset, name, content) for name, content in contents.items()}
    manifest = Manifest(
        recording_id=recording_id,
        title=recording.shown_title,
        sources=sources,
        fingerprint=annotation.fingerprint,
        inputs=annotation.inputs,
        files=files,
        obsolete=_obsolete(before, files),
        models=annotation.models,
        purpose_note=annotation.settings.purpose_note,
        tonescribe_version=version("tonescribe"),
        annotated_at=now,
    )
    write_manifest(dataset, manifest)
    return clear_obsolete(dataset, manifest)


def _obsolete(before: Manifest | None, files: Mapping[str, str]) -> tuple[str, ...]:
    old = {*before.files, *before.obsolete} if before else set()
    return tuple(sorted(old - set(files)))
