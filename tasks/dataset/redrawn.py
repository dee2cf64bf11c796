"""Draw a recording's page again from its rows."""

import html
import re
from collections.abc import Callable
from typing import Any

from schemas.annotation import Annotation
from schemas.dataset import Dataset, is_of_table, page_path
from schemas.emotions import EmotionScores
from schemas.manifest import Manifest, RunFacts
from schemas.media import MediaInfo, Recording, VideoStream
from schemas.policy import Policy
from schemas.settings import Settings
from schemas.sidecar import Sidecar
from schemas.speech import AnnotatedUtterance, Transcript, Utterance
from schemas.tables import Row
from tasks.dataset.page import render_page
from tasks.dataset.store import write_whole

_NOTE = re.compile(r'<p class="note">(.*?)</p>', re.DOTALL)
_MADE_ANEW = ("Everywhere: ", "Somebody who did not consent")
_JUDGED = ("emotion", "confidence", "valence", "arousal", "face_coverage", "familiarity", "flags")
_SCORES = ("scores", "audio_scores", "video_scores", "text_scores")


def draw_again(
    dataset: Dataset, manifest: Manifest, is_hidden: Callable[[str], bool]
) -> dict[str, str]:
    """Write the page of a recording from its rows as they are; return its path and digest.

    Notes of the page before stay, but for those that are hidden.
    """
    path = page_path(manifest.recording_id)
    before = (dataset.read_bytes(path) or b"").decode("utf-8", "replace")
    notes = (" ".join(html.unescape(note).split()) for note in _NOTE.findall(before))
    kept = tuple(n for n in notes if not n.startswith(_MADE_ANEW) and not is_hidden(n))
    return {
        path: write_whole(dataset, path, render_page(_annotation(dataset, manifest, kept)).encode())
    }


def _annotation(dataset: Dataset, manifest: Manifest, notes: tuple[str, ...]) -> Annotation:
    facts = _rows(dataset, manifest, "recordings")[0]
    rows = _rows(dataset, manifest, "utterances")
    settings = Settings()
    video = VideoStream(
        index=0,
        width=facts["width"] or 0,
        height=facts["height"] or 0,
        fps=facts["fps"] or 0.0,
        start=0.0,
    )
    return Annotation(
        recording=Recording(
            recording_id=manifest.recording_id,
            uri=manifest.sources[0].uri,
            title=facts["title"],
            path="",
            size=0,
            version="",
            sidecar=Sidecar(title=facts["title"], date=facts["meeting_date"]),
        ),
        media=MediaInfo(
            container="",
            duration=facts["duration"],
            origin=0.0,
            video=video if facts["has_video"] else None,
        ),
        transcript=Transcript(engine="rows", faults=notes),
        utterances=tuple(annotated_row(row) for row in rows),
        settings=settings,
        policy=Policy(
            purpose=facts["purpose"],
            jurisdiction=facts["jurisdiction"],
            context=facts["context"],
        ),
        facts=RunFacts(stage_seconds={}, peak_rss_mb=0.0, wall_seconds=1.0),
        fingerprint=manifest.fingerprint,
        inputs=manifest.inputs,
    )


def _rows(dataset: Dataset, manifest: Manifest, table: str) -> list[Row]:
    import pyarrow.parquet as pq

    path = next(name for name in manifest.files if is_of_table(name, table))
    with dataset.fs.open(dataset.path(path), "rb") as file:
        rows: list[Row] = pq.read_table(file).to_pylist()
    return rows


def annotated_row(row: Row) -> AnnotatedUtterance:
    """Return a row of the table `utterances` as the value that it was made from, without words."""
    given: dict[str, Any] = {name: row.get(name) for name in _JUDGED}
    for name in _SCORES:
        given[name] = EmotionScores(**row[name]) if row.get(name) else None
    return AnnotatedUtterance(
        utterance=Utterance(
            index=row["utterance_index"],
            start=row["start"],
            end=row["end"],
            speaker=row["speaker"],
            speaker_name=row["speaker_name"],
            speaker_confidence=row["speaker_confidence"],
            overlap_ratio=row["overlap_ratio"],
            text=row["text"],
            language=row["language"],
        ),
        models=dict(row["models"] or ()),
        **given,
    )
