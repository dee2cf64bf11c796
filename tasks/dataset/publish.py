"""Publish: a recording's rows appear whole or not at all, and its manifest last."""

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from schemas.dataset import Dataset, month_folder
from schemas.emotions import EmotionScores
from schemas.manifest import Manifest, QuarantineEntry, RunFacts, Source
from schemas.media import MediaInfo, Recording
from schemas.policy import Policy
from schemas.settings import Settings
from schemas.speech import AnnotatedUtterance
from schemas.tables import TABLES, with_version
from schemas.values import to_grid
from tasks.dataset.store import remove, write_whole

STAGE_VERSION = 1

ROW_GROUP = 65_536


def utterance_rows(
    recording: Recording, info: MediaInfo, annotated: Sequence[AnnotatedUtterance]
) -> list[dict[str, Any]]:
    """Rows of the table `utterances`, in the order given."""
    title, day = shown_title(recording), info.meeting_date(recording)
    return [
        {
            "recording_id": recording.recording_id,
            "recording_title": title,
            "meeting_date": day,
            "utterance_index": row.utterance.index,
            "start": to_grid(row.utterance.start),
            "end": to_grid(row.utterance.end),
            "speaker": row.utterance.speaker,
            "speaker_name": row.utterance.speaker_name,
            "speaker_confidence": row.utterance.speaker_confidence,
            "overlap_ratio": row.utterance.overlap_ratio,
            "text": row.utterance.text,
            "language": row.utterance.language,
            "words": [
                {"word": w.word, "start": to_grid(w.start), "end": to_grid(w.end), "score": w.score}
                for w in row.utterance.words
            ],
            "emotion": row.emotion,
            "confidence": row.confidence,
            "scores": _scores(row.scores),
            "audio_scores": _scores(row.audio_scores),
            "video_scores": _scores(row.video_scores),
            "text_scores": _scores(row.text_scores),
            "valence": row.valence,
            "arousal": row.arousal,
            "face_coverage": row.face_coverage,
            "flags": list(row.flags),
            "models": list(row.models.items()),
        }
        for row in annotated
    ]


def recording_row(
    recording: Recording,
    uris: Sequence[str],
    info: MediaInfo,
    annotated: Sequence[AnnotatedUtterance],
    settings: Settings,
    policy: Policy,
    models: Mapping[str, str],
    facts: RunFacts,
    annotated_at: datetime,
) -> dict[str, Any]:
    """Return the one row of the table `recordings`."""
    utterances = [row.utterance for row in annotated]
    languages = [u.language for u in utterances if u.language]
    return {
        "recording_id": recording.recording_id,
        "title": shown_title(recording),
        "uris": sorted(uris),
        "meeting_date": info.meeting_date(recording),
        "duration": to_grid(info.duration),
        "has_video": info.has_video,
        "width": info.video.width if info.video else None,
        "height": info.video.height if info.video else None,
        "fps": info.video.fps if info.video else None,
        "n_speakers": len({u.speaker for u in utterances}),
        "n_utterances": len(utterances),
        "speech_seconds": to_grid(sum(u.duration for u in utterances)),
        "language": max(languages, key=languages.count) if languages else None,
        "profile": settings.profile,
        "purpose": policy.purpose,
        "jurisdiction": policy.jurisdiction,
        "context": policy.context,
        "stage_seconds": list(facts.stage_seconds.items()),
        "peak_rss_mb": facts.peak_rss_mb,
        "realtime_factor": info.duration / facts.wall_seconds,
        "tonescribe_version": version("tonescribe"),
        "models": list(models.items()),
        "annotated_at": annotated_at,
    }


def shown_title(recording: Recording) -> str:
    """Return the sidecar's title, else the recording's own."""
    return recording.sidecar.title or recording.title


def _scores(scores: EmotionScores | None) -> dict[str, float] | None:
    return scores.model_dump() if scores else None


def parquet_bytes(table: str, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """One table as a Parquet file: zstandard, row groups of at most 64 k rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = pa.Table.from_pylist(list(rows), schema=with_version(TABLES[table]))
    buffer = io.BytesIO()
    pq.write_table(data, buffer, compression="zstd", row_group_size=ROW_GROUP)
    return buffer.getvalue()


def publish(
    dataset: Dataset,
    recording: Recording,
    info: MediaInfo,
    annotated: Sequence[AnnotatedUtterance],
    page: str,
    settings: Settings,
    policy: Policy,
    facts: RunFacts,
    fingerprint: str,
    inputs: str,
) -> Manifest:
    """Write rows and page of one recording, then its manifest.

    An older version of the same recording is replaced; what only it had is removed after.
    """
    before = read_manifest(dataset, recording.recording_id)
    source = Source(
        uri=recording.uri, version=recording.version, restrictions=recording.restrictions
    )
    sources = merge_sources(before, source)
    models = dict(annotated[0].models) if annotated else {}
    now = datetime.now(UTC)
    month = month_folder(info.meeting_date(recording))
    row = recording_row(
        recording, [s.uri for s in sources], info, annotated, settings, policy, models, facts, now
    )
    contents = {
        f"utterances/{month}/{recording.recording_id}.parquet": parquet_bytes(
            "utterances", utterance_rows(recording, info, annotated)
        ),
        f"recordings/{month}/{recording.recording_id}.parquet": parquet_bytes("recordings", [row]),
        f"pages/{recording.recording_id}.html": page.encode(),
    }
    files = {name: write_whole(dataset, name, content) for name, content in contents.items()}
    manifest = Manifest(
        recording_id=recording.recording_id,
        title=shown_title(recording),
        sources=sources,
        fingerprint=fingerprint,
        inputs=inputs,
        files=files,
        obsolete=_obsolete(before, files),
        models=models,
        purpose_note=settings.purpose_note,
        tonescribe_version=version("tonescribe"),
        annotated_at=now,
    )
    write_manifest(dataset, manifest)
    return clear_obsolete(dataset, manifest)


def clear_obsolete(dataset: Dataset, manifest: Manifest) -> Manifest:
    """Remove the files that an older version of a recording had; return the manifest without them.

    The manifest names them until they are gone: whoever is killed meanwhile leaves it to the next
    run, and readers know which files count.
    """
    if not manifest.obsolete:
        return manifest
    for name in manifest.obsolete:
        remove(dataset, name)
    cleared = manifest.model_copy(update={"obsolete": ()})
    write_manifest(dataset, cleared)
    return cleared


def _obsolete(before: Manifest | None, files: Mapping[str, str]) -> tuple[str, ...]:
    old = {*before.files, *before.obsolete} if before else set()
    return tuple(sorted(old - set(files)))


def merge_sources(before: Manifest | None, source: Source) -> tuple[Source, ...]:
    """All objects with this content, the newest version of each, in order of their names."""
    known = {s.uri: s for s in (before.sources if before else ())}
    known[source.uri] = source
    return tuple(known[uri] for uri in sorted(known))


def add_source(dataset: Dataset, manifest: Manifest, source: Source) -> Manifest:
    """Record one more name of content that is annotated already."""
    return _with_sources(dataset, manifest, merge_sources(manifest, source))


def _with_sources(dataset: Dataset, manifest: Manifest, sources: tuple[Source, ...]) -> Manifest:
    import pyarrow.parquet as pq

    files = dict(manifest.files)
    name = next(name for name in files if name.startswith("recordings/"))
    with dataset.fs.open(dataset.path(name), "rb") as file:
        row = pq.read_table(file).to_pylist()[0]
    row["uris"] = [s.uri for s in sources]
    files[name] = write_whole(dataset, name, parquet_bytes("recordings", [row]))
    updated = manifest.model_copy(update={"sources": sources, "files": files})
    write_manifest(dataset, updated)
    return updated


def supersede(dataset: Dataset, uri: str, earlier: Iterable[str], current: str) -> None:
    """Take an address from the recordings that it held before; `current` is what it holds now.

    A recording that lies nowhere any more is removed, its manifest last: where this is cut off,
    two manifests list the address, and the next run does it again.
    """
    for recording_id in earlier:
        manifest = read_manifest(dataset, recording_id)
        if manifest is None or recording_id == current:
            continue
        rest = tuple(source for source in manifest.sources if source.uri != uri)
        if rest:
            _with_sources(dataset, manifest, rest)
            continue
        for name in (*manifest.files, *manifest.obsolete, manifest_name(recording_id)):
            remove(dataset, name)


def manifest_name(recording_id: str) -> str:
    """Name of a recording's manifest in the dataset."""
    return f"manifests/{recording_id}.json"


def write_manifest(dataset: Dataset, manifest: Manifest) -> None:
    """Write the manifest; it is what makes a recording published."""
    content = manifest.model_dump_json(indent=2).encode()
    write_whole(dataset, manifest_name(manifest.recording_id), content)


def read_manifest(dataset: Dataset, recording_id: str) -> Manifest | None:
    """Return a recording's manifest, or None where it is not published."""
    content = dataset.read_bytes(manifest_name(recording_id))
    return Manifest.model_validate_json(content) if content else None


def all_manifests(dataset: Dataset) -> list[Manifest]:
    """Return the manifests of all published recordings."""
    names = dataset.list("manifests", ".json")
    contents = [dataset.read_bytes(name) for name in names]
    return [Manifest.model_validate_json(content) for content in contents if content]


def quarantine(dataset: Dataset, entry: QuarantineEntry) -> None:
    """Write why a recording could not be annotated; counts the tries, keeps all its names."""
    name = f"quarantine/{entry.recording_id}.json"
    if content := dataset.read_bytes(name):
        before = QuarantineEntry.model_validate_json(content)
        known = {s.uri: s for s in (*before.sources, *entry.sources)}
        sources = tuple(known[uri] for uri in sorted(known))
        entry = entry.model_copy(update={"tries": before.tries + 1, "sources": sources})
    write_whole(dataset, name, entry.model_dump_json(indent=2).encode())


def all_quarantined(dataset: Dataset, ids: Sequence[str] | None = None) -> list[QuarantineEntry]:
    """Return everything that is in quarantine, or the entries with these ids."""
    if ids is None:
        names = list(dataset.list("quarantine", ".json"))
    else:
        names = [f"quarantine/{number}.json" for number in ids]
    contents = [dataset.read_bytes(name) for name in names]
    return [QuarantineEntry.model_validate_json(content) for content in contents if content]


def release(dataset: Dataset, uri: str, held: Sequence[str] | None = None) -> None:
    """Take an object out of quarantine, under whatever content it was put there.

    `held` are the ids of the entries that name it, where they are known; else all are read.
    """
    for entry in all_quarantined(dataset, held):
        if uri not in {source.uri for source in entry.sources}:
            continue
        name = f"quarantine/{entry.recording_id}.json"
        rest = tuple(source for source in entry.sources if source.uri != uri)
        if rest:
            left = entry.model_copy(update={"sources": rest})
            write_whole(dataset, name, left.model_dump_json(indent=2).encode())
        else:
            remove(dataset, name)
