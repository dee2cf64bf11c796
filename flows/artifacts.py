"""Prefect artifacts: the transcript, a table of the speakers, progress that moves."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flows.steps import in_flow_run
from schemas.dataset import Dataset, page_path
from schemas.manifest import Manifest
from schemas.reports import BatchReport
from schemas.speech import AnnotatedUtterance
from schemas.values import Json, clock
from tasks.ingest.listing import shown

SHOWN_FAILURES = 200
SHOWN_UTTERANCES = 200
"""Prefect keeps artifacts in its database: of a long transcript it is given the beginning."""


class _Progress:
    """A progress artifact that moves from 0 to 100 %; nothing outside a flow run."""

    def __init__(self, steps: int, description: str) -> None:
        self.steps = max(steps, 1)
        self.artifact: Any = None
        if in_flow_run():
            from prefect.artifacts import create_progress_artifact

            self.artifact = create_progress_artifact(progress=0.0, description=description)

    def move(self, step: int) -> None:
        """Say that `step` steps are behind."""
        if self.artifact is None:
            return
        from prefect.artifacts import update_progress_artifact

        assert isinstance(self.artifact, UUID)
        update_progress_artifact(self.artifact, progress=100.0 * step / self.steps)


class BatchProgress(_Progress):
    """Recordings of a batch that are behind."""

    def __init__(self, recordings: int) -> None:
        super().__init__(recordings, f"{recordings} recordings")


class RecordingProgress(_Progress):
    """Stages of a recording that are behind."""

    def __init__(self, stages: int) -> None:
        super().__init__(stages, "stages of this recording")


def publish_artifacts(
    manifest: Manifest, dataset: Dataset, annotated: Sequence[AnnotatedUtterance]
) -> None:
    """Show a recording's transcript and speakers in the Prefect UI."""
    if not in_flow_run():
        return
    from prefect.artifacts import create_markdown_artifact, create_table_artifact

    key = f"recording-{manifest.recording_id}"
    page = dataset.path(page_path(manifest.recording_id))
    create_markdown_artifact(
        markdown=transcript_markdown(manifest.title, annotated, page),
        key=f"{key}-transcript",
        description="transcript with emotions",
    )
    create_table_artifact(
        table=speaker_table(annotated), key=f"{key}-speakers", description="speakers"
    )


def publish_failures(report: BatchReport) -> None:
    """List what a batch could not annotate, and why, in the Prefect UI."""
    if not (report.failed and in_flow_run()):
        return
    from prefect.artifacts import create_table_artifact

    create_table_artifact(
        table=failure_table(report),
        key="quarantined",
        description=f"{len(report.failed)} recordings of this batch are in quarantine",
    )


def failure_table(report: BatchReport) -> list[Json]:
    """Return one row per recording that was quarantined: which, where and why."""
    return [
        {
            "recording": shown(failed.uri),
            "id": failed.recording_id,
            "stage": failed.stage,
            "cause": failed.cause,
            "why": failed.sentence,
        }
        for failed in report.failed[:SHOWN_FAILURES]
    ]


def transcript_markdown(title: str, annotated: Sequence[AnnotatedUtterance], page: str) -> str:
    """Return the transcript as a markdown table, one row per utterance."""
    lines = [f"# {_cell(title)}", "", f"Page: `{page}`", ""]
    lines += ["| time | speaker | emotion | said |", "|---|---|---|---|"]
    for row in annotated[:SHOWN_UTTERANCES]:
        u = row.utterance
        emotion = f"{row.emotion} {row.confidence:.0%}" if row.emotion else "unsure"
        name = _cell(u.speaker_name or u.speaker)
        lines.append(f"| {clock(u.start)} | {name} | {emotion} | {_cell(u.text or '–')} |")
    if len(annotated) > SHOWN_UTTERANCES:
        lines += ["", f"… and {len(annotated) - SHOWN_UTTERANCES} more on the page."]
    return "\n".join(lines)


def speaker_table(annotated: Sequence[AnnotatedUtterance]) -> list[Json]:
    """Return one row per speaker: talk time and share, utterances, most frequent emotion."""
    groups: dict[str, list[AnnotatedUtterance]] = defaultdict(list)
    for row in annotated:
        groups[row.utterance.speaker].append(row)
    talked = {s: sum(r.utterance.duration for r in rows) for s, rows in groups.items()}
    total = sum(talked.values()) or 1.0
    table = []
    for speaker, rows in sorted(groups.items()):
        emotions = [r.emotion for r in rows if r.emotion]
        table.append(
            {
                "speaker": speaker,
                "name": next((r.utterance.speaker_name for r in rows), None) or "",
                "talk seconds": round(talked[speaker], 1),
                "share": f"{talked[speaker] / total:.0%}",
                "utterances": len(rows),
                "judged": len(emotions),
                "mostly": Counter(emotions).most_common(1)[0][0] if emotions else "unsure",
            }
        )
    return table


_MARKUP = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]<>#|~"})


def _cell(text: str) -> str:
    """Text that stays inside one cell of a markdown table and is no markup."""
    return " ".join(text.split()).translate(_MARKUP)
