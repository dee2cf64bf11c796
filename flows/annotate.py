"""The flows `annotate` (a batch) and `annotate_recording` (one recording of it)."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.artifacts import BatchProgress
from flows.parameters import settings_from
from flows.progress import at_place
from flows.recording import annotate_item
from flows.stages import fingerprint
from models.registry import ENGINES, load_engine
from schemas.dataset import Dataset
from schemas.errors import SettingsError
from schemas.media import SourceItem
from schemas.policy import Policy
from schemas.reports import BatchReport, RecordingReport
from schemas.settings import Settings
from tasks.ingest import find_recordings
from tasks.plan import plan
from tasks.publish import supersede


def _run_name() -> str:
    source = str(flow_run.parameters.get("source", ""))
    return " ".join(source.rstrip("/").rsplit("/", 1)[-1].split()) or "recording"


def check_engines(settings: Settings) -> None:
    """Load every engine once, before any work: missing weights are one clear sentence."""
    for job in ENGINES:
        load_engine(job, settings.engine(job), settings.weights)


@flow(name="annotate", validate_parameters=False, persist_result=False)
def annotate(
    source: str,
    out: str,
    profile: str | None = None,
    captions: str | None = None,
    language: str | None = None,
    speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
    purpose: str | None = None,
    jurisdiction: str | None = None,
    context: str | None = None,
    workers: int | None = None,
    limit: int | None = None,
    requeue: bool = False,
) -> BatchReport:
    """Annotate every recording of a file, folder or bucket that is new or changed.

    `source` is a path or any fsspec URL, `out` the dataset; the other parameters are those of
    `tonescribe annotate`. A recording that cannot be read is quarantined and the batch goes on.
    Raises `SettingsError`, `PolicyError` or `WeightsError` before any work is started.
    """
    options: dict[str, Any] = {
        "profile": profile,
        "captions": captions,
        "language": language,
        "speakers": speakers,
        "min_speakers": min_speakers,
        "max_speakers": max_speakers,
        "purpose": purpose,
        "jurisdiction": jurisdiction,
        "context": context,
    }
    settings = settings_from(**options, workers=workers)
    Policy.decide(settings)
    dataset = Dataset(out, create=True)
    todo = plan(source, dataset, fingerprint(settings), limit=limit, requeue=requeue)
    get_run_logger().info("%s", "; ".join(filter(None, (todo.sentence, todo.passed_over))))
    if todo.pending:
        dataset.prepare()
        check_engines(settings)
    progress = BatchProgress(len(todo.pending))
    reports: list[RecordingReport] = []
    in_processes = settings.workers > 1 and len(todo.pending) > 1
    runs = (
        _in_processes(todo.pending, out, options, settings.workers)
        if in_processes
        else _one_by_one(todo.pending, out, options)
    )
    for report in runs:
        reports.append(report)
        if report.recording_id and report.outcome in ("annotated", "known"):
            earlier = todo.earlier.get(report.uri, ())
            supersede(dataset, report.uri, earlier, report.recording_id)
        progress.move(len(reports))
    batch = BatchReport(
        recordings=tuple(reports),
        unchanged=len(todo.unchanged),
        still_quarantined=len(todo.quarantined),
    )
    get_run_logger().info("%s", batch.sentence)
    return batch


def _one_by_one(
    items: Sequence[SourceItem], out: str, options: Mapping[str, Any]
) -> Iterator[RecordingReport]:
    for number, item in enumerate(items, start=1):
        with at_place(number, len(items)):
            yield _report_of(annotate_recording(item.uri, out, **options, return_state=True))


def _in_processes(
    items: Sequence[SourceItem], out: str, options: Mapping[str, Any], workers: int
) -> Iterator[RecordingReport]:
    from prefect.task_runners import ProcessPoolTaskRunner

    with ProcessPoolTaskRunner(max_workers=workers) as runner:
        parameters = [{"uri": i.uri, "out": out, "options": dict(options)} for i in items]
        futures = [runner.submit(annotate_in_process, each) for each in parameters]
        for future in futures:
            yield RecordingReport.model_validate(future.result())


@task(name="annotate-in-process", persist_result=False)
def annotate_in_process(uri: str, out: str, options: dict[str, Any]) -> dict[str, Any]:
    """Annotate one recording in a process of its own."""
    report = _report_of(annotate_recording(uri, out, **options, return_state=True))
    return report.model_dump(mode="json")


def _report_of(state: State[Any]) -> RecordingReport:
    """Return the report of a run, also of one that failed; a defect of ours is raised."""
    result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    report: RecordingReport = result
    return report


@flow(
    name="annotate-recording",
    flow_run_name=_run_name,
    validate_parameters=False,
    persist_result=False,
)
def annotate_recording(
    source: str,
    out: str,
    profile: str | None = None,
    captions: str | None = None,
    language: str | None = None,
    speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
    purpose: str | None = None,
    jurisdiction: str | None = None,
    context: str | None = None,
) -> State[Any]:
    """Annotate one recording and publish its rows, page and manifest.

    Ends as failed, with the sentence that stands in its quarantine file, where the recording
    cannot be read.
    """
    settings = settings_from(
        profile=profile,
        captions=captions,
        language=language,
        speakers=speakers,
        min_speakers=min_speakers,
        max_speakers=max_speakers,
        purpose=purpose,
        jurisdiction=jurisdiction,
        context=context,
    )
    Policy.decide(settings)
    items = find_recordings(source)
    if len(items) != 1:
        raise SettingsError(f"{source} is not one recording; use the flow 'annotate' for many.")
    dataset = Dataset(out, create=True)
    dataset.prepare()
    with tempfile.TemporaryDirectory(prefix="tonescribe-") as scratch:
        report = annotate_item(items[0], dataset, settings, Path(scratch))
    end = Failed if report.outcome == "quarantined" else Completed
    return end(message=report.sentence or report.outcome, data=report)
