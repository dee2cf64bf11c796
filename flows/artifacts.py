"""Prefect artifacts: a recording's summary or transcript, its speakers, a batch, an evaluation."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from flows.discretion import artifacts_of_settings, told
from flows.steps import in_flow_run
from schemas.dataset import Dataset, page_path
from schemas.manifest import Manifest
from schemas.reports import BatchReport
from schemas.settings import Artifacts
from schemas.speech import AnnotatedUtterance
from schemas.values import Json, Seconds, clock
from tasks.ingest.storage import shown

SHOWN_FAILURES = 200
SHOWN_RECORDINGS = 200
SHOWN_UTTERANCES = 200
"""Prefect keeps artifacts in its database: of a long transcript it is given the beginning."""

_MEASURES = {
    "n": "samples",
    "accuracy": "accuracy",
    "uar": "UAR",
    "macro_f1": "macro-F1",
    "weighted_f1": "weighted F1",
    "ece": "calibration error",
    "accuracy_at_half_coverage": "surer half",
}
"""Field of `Measures` -> title of its column."""

_TELL_SECONDS: Seconds = 2.0
"""How often a progress artifact moves: each time is a request that the recording waits for."""


class _Progress:
    """A progress artifact that moves to 100 %, of what takes long enough to be watched.

    Nothing outside a flow run.
    """

    def __init__(self, steps: int, description: str) -> None:
        self.steps = max(steps, 1)
        self.description = description
        self.moved_at = time.monotonic()
        self.artifact: UUID | None = None
        self.is_shown = in_flow_run() and artifacts_of_settings() != "none"

    def move(self, step: int) -> None:
        """Say that `step` steps are behind; steps that follow quickly are told together."""
        now = time.monotonic()
        is_last = step >= self.steps and self.artifact is not None
        if not self.is_shown or not (is_last or now - self.moved_at >= _TELL_SECONDS):
            return
        self.moved_at = now
        from prefect.artifacts import create_progress_artifact, update_progress_artifact

        done = 100.0 * step / self.steps
        if self.artifact is None:
            made = create_progress_artifact(progress=done, description=self.description)
            assert isinstance(made, UUID)
            self.artifact = made
        else:
            update_progress_artifact(self.artifact, progress=done)


class BatchProgress(_Progress):
    """Recordings of a batch that are behind."""

    def __init__(self, recordings: int) -> None:
        super().__init__(recordings, f"{recordings} recordings")


class RecordingProgress(_Progress):
    """Stages of a recording that are behind."""

    def __init__(self, stages: int) -> None:
        super().__init__(stages, "stages of this recording")


def publish_artifacts(
    manifest: Manifest,
    dataset: Dataset,
    annotated: Sequence[AnnotatedUtterance],
    artifacts: Artifacts = "summary",
) -> None:
    """Show a recording and its speakers in the Prefect UI: with `full` all that is said as well."""
    if artifacts == "none" or not in_flow_run():
        return
    from prefect.artifacts import create_markdown_artifact, create_table_artifact

    is_full = artifacts == "full"
    key = artifact_key(manifest.recording_id)
    page = dataset.path(page_path(manifest.recording_id))
    create_markdown_artifact(
        markdown=transcript_markdown(manifest.title, annotated, page)
        if is_full
        else summary_markdown(manifest.recording_id, annotated, page),
        key=f"{key}-transcript",
        description="transcript with emotions" if is_full else "summary",
    )
    create_table_artifact(
        table=speaker_table(annotated, with_names=is_full),
        key=f"{key}-speakers",
        description="speakers",
    )


def artifact_key(recording_id: str) -> str:
    """Return how the keys of all artifacts of a recording begin."""
    return f"recording-{recording_id}"


def publish_batch(report: BatchReport, artifacts: Artifacts = "summary") -> None:
    """List what a batch did with each recording, and what it could not annotate and why."""
    if artifacts == "none" or not (report.recordings and in_flow_run()):
        return
    from prefect.artifacts import create_table_artifact

    create_table_artifact(
        table=batch_table(report, artifacts), key="batch", description=report.sentence
    )
    if report.failed:
        create_table_artifact(
            table=failure_table(report, artifacts),
            key="quarantined",
            description=f"{len(report.failed)} recordings of this batch are in quarantine",
        )


def publish_measures(branch: str, measures: Mapping[str, Mapping[str, Any]]) -> None:
    """Show what was measured of a branch, a row per protocol."""
    if not (measures and in_flow_run()) or artifacts_of_settings() == "none":
        return
    from prefect.artifacts import create_table_artifact

    create_table_artifact(
        table=measures_table(measures),
        key=f"measured-{branch}",
        description=f"{branch}: what was measured, by protocol",
    )


def measures_table(measures: Mapping[str, Mapping[str, Any]]) -> list[Json]:
    """Return a row per protocol: samples, and the figures that stand in every report."""
    return [
        {"protocol": name}
        | {
            title: round(value, 3) if isinstance(value, float) else value
            for field, title in _MEASURES.items()
            if (value := figures.get(field)) is not None
        }
        for name, figures in measures.items()
    ]


def batch_table(report: BatchReport, artifacts: Artifacts = "summary") -> list[Json]:
    """Return one row per recording of a batch, quarantined ones first."""
    rows = sorted(report.recordings, key=lambda each: each.outcome != "quarantined")
    return [
        ({"title": shown(each.title or each.uri)} if artifacts == "full" else {})
        | {
            "id": each.recording_id,
            "outcome": each.outcome,
            "length": "" if each.duration is None else clock(each.duration),
            "speakers": each.n_speakers,
            "utterances": each.n_utterances,
            "seconds of work": round(each.seconds, 1),
        }
        for each in rows[:SHOWN_RECORDINGS]
    ]


def failure_table(report: BatchReport, artifacts: Artifacts = "summary") -> list[Json]:
    """Return one row per recording that was quarantined: which, where and why.

    The id is that of its file in DATASET/quarantine, which has the address and the whole sentence.
    """
    is_full = artifacts == "full"
    return [
        ({"recording": shown(failed.uri)} if is_full else {})
        | {
            "id": failed.recording_id,
            "stage": failed.stage,
            "cause": failed.cause,
            "why": told(failed, artifacts),
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


def summary_markdown(recording_id: str, annotated: Sequence[AnnotatedUtterance], page: str) -> str:
    """Return what may be said of a recording without its words and names."""
    seconds = sum(row.utterance.duration for row in annotated)
    unsure = sum(row.emotion is None for row in annotated)
    hidden = sum("no_consent" in row.flags for row in annotated)
    facts = {
        "utterances": len(annotated),
        "speakers": len({row.utterance.speaker for row in annotated}),
        "spoken": clock(seconds),
        "unsure": f"{unsure / max(1, len(annotated)):.0%}",
        "not shown": hidden,
    }
    lines = [f"# {recording_id}", "", f"Page: `{page}`", "", "| | |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in facts.items())])


def speaker_table(
    annotated: Sequence[AnnotatedUtterance], *, with_names: bool = True
) -> list[Json]:
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
                "name": next((r.utterance.speaker_name for r in rows), None) or ""
                if with_names
                else "",
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
