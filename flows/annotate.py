"""The flows `annotate` (a batch) and `annotate_recording` (one recording of it)."""

from collections.abc import Iterator
from typing import Any

from prefect import flow, task
from prefect.client.schemas.objects import State, StateType
from prefect.futures import PrefectFuture, as_completed
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.artifacts import publish_batch
from flows.batch import (
    Batch,
    Job,
    check_engines,
    find_job,
    handed_batch,
    handing_job,
    job_in_hand,
    needed,
    one_by_one,
    open_for_writing,
    plan_batch,
    run_batch,
    run_job,
    sweep,
)
from flows.discretion import address_id, artifacts_of_settings, shown_address, told
from flows.on_workers import on_workers
from flows.options import AnnotateOptions
from flows.recording import quarantine_lost
from flows.runners import lost_errors, opened_runner
from schemas.errors import QuarantinedError
from schemas.policy import Policy
from schemas.reports import BatchReport, RecordingReport
from schemas.settings import Artifacts, load_settings
from schemas.values import Json

__all__ = ["annotate", "annotate_recording", "check_engines"]

QUARANTINED = "Quarantined"
"""Name of the state of a batch of which a part could not be annotated. Prefect then emits the
event `prefect.flow-run.Quarantined`, on which an automation can fire."""


def _source_name() -> str:
    source = str(flow_run.parameters.get("source") or load_settings().source or "")
    if source and artifacts_of_settings() != "full":
        return address_id(source)
    return " ".join(source.rstrip("/").rsplit("/", 1)[-1].split())


def _batch_name() -> str:
    return f"annotate {_source_name()}".strip()


def _recording_name() -> str:
    return _source_name() or "recording"


@flow(name="annotate", flow_run_name=_batch_name, validate_parameters=False, persist_result=False)
def annotate(
    source: str | None = None,
    out: str | None = None,
    profile: str | None = None,
    captions: str | None = None,
    language: str | None = None,
    speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
    purpose: str | None = None,
    purpose_note: str | None = None,
    jurisdiction: str | None = None,
    context: str | None = None,
    runner: str | None = None,
    workers: int | None = None,
    limit: int | None = None,
    requeue: bool = False,
) -> State[Any]:
    """Annotate every recording of a file, folder or bucket that is new or changed.

    `source` is a path or any fsspec URL, `out` the dataset, both by default those of the settings;
    the other parameters are those of `tonescribe annotate`. A recording that cannot be read is
    quarantined and the batch goes on: the run then ends as "Quarantined" and returns its report;
    where all failed it ends as failed and raises `QuarantinedError`. Raises `SettingsError`,
    `PolicyError` or `WeightsError` before any work is started.
    """
    batch = handed_batch() or plan_batch(
        AnnotateOptions.of(
            source=source,
            out=out,
            profile=profile,
            captions=captions,
            language=language,
            speakers=speakers,
            min_speakers=min_speakers,
            max_speakers=max_speakers,
            purpose=purpose,
            purpose_note=purpose_note,
            jurisdiction=jurisdiction,
            context=context,
            runner=runner,
            workers=workers,
            limit=limit,
            requeue=requeue,
        )
    )
    report = run_batch(batch, _runs)
    publish_batch(report, batch.settings.artifacts)
    return batch_state(report, batch.settings.artifacts)


def batch_state(report: BatchReport, artifacts: Artifacts = "summary") -> State[BatchReport]:
    """Return the state in which a batch ends: its message has the counts."""
    failed = report.failed
    if not failed:
        return Completed(message=report.sentence, data=report)
    first = f"{report.sentence}; first: {told(failed[0], artifacts)}"
    if len(failed) == len(report.recordings):
        whole = f"{report.sentence}; first: {failed[0].sentence}"
        return Failed(message=first, data=QuarantinedError(whole, report))
    return State(type=StateType.COMPLETED, name=QUARANTINED, message=first, data=report)


def _runs(batch: Batch) -> Iterator[RecordingReport]:
    out, options = batch.dataset.location, batch.options.of_recording
    artifacts = batch.settings.artifacts
    if batch.settings.runner == "workers":
        yield from on_workers(batch)
    elif batch.settings.runner == "ray" or batch.is_parallel:
        yield from _in_tasks(batch, out, options)
    else:
        yield from one_by_one(batch.jobs, lambda job: run_as_flow(job, out, options, artifacts))


def _in_tasks(batch: Batch, out: str, options: Json) -> Iterator[RecordingReport]:
    """Annotate each recording in a task of the runner's; one that dies takes itself along alone."""
    common = {"out": out, "options": options, "artifacts": batch.settings.artifacts}
    with opened_runner(batch.settings) as runner:
        futures: dict[PrefectFuture[Any], Job] = {
            runner.submit(annotate_in_process, {"job": job.model_dump(mode="json"), **common}): job
            for job in batch.jobs
        }
        for future in as_completed(list(futures)):
            try:
                report = RecordingReport.model_validate(future.result())
            except lost_errors(batch.settings):
                report = quarantine_lost(futures[future].item, batch.dataset, batch.settings)
            yield report


@task(name="annotate-in-process", persist_result=False)
def annotate_in_process(job: Json, out: str, options: Json, artifacts: Artifacts) -> Json:
    """Annotate one recording in a worker process."""
    report = run_as_flow(Job.model_validate(job), out, options, artifacts)
    return report.model_dump(mode="json")


def run_as_flow(job: Job, out: str, options: Json, artifacts: Artifacts) -> RecordingReport:
    """Annotate one recording as a subflow; raise only what is a defect of tonescribe."""
    source = shown_address(job.item.uri, artifacts)
    with handing_job(job):
        state = annotate_recording(source, out, **options, return_state=True)
    report: RecordingReport = report_of(state)
    return report


def report_of(state: State[Any]) -> Any:
    """Return the report of a finished run, failed or not; raise what is a defect of tonescribe."""
    result: Any = state.result(raise_on_failure=False)
    if isinstance(result, QuarantinedError):
        return result.report
    if isinstance(result, BaseException):
        raise result
    return result


@flow(
    name="annotate-recording",
    flow_run_name=_recording_name,
    validate_parameters=False,
    persist_result=False,
)
def annotate_recording(
    source: str | None = None,
    out: str | None = None,
    profile: str | None = None,
    captions: str | None = None,
    language: str | None = None,
    speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
    purpose: str | None = None,
    purpose_note: str | None = None,
    jurisdiction: str | None = None,
    context: str | None = None,
) -> State[Any]:
    """Annotate one recording and publish its rows, page and manifest.

    Returns its report. Where the recording cannot be read it ends as failed and raises
    `QuarantinedError` with the sentence that stands in its quarantine file.
    """
    options = AnnotateOptions.of(
        source=source,
        out=out,
        profile=profile,
        captions=captions,
        language=language,
        speakers=speakers,
        min_speakers=min_speakers,
        max_speakers=max_speakers,
        purpose=purpose,
        purpose_note=purpose_note,
        jurisdiction=jurisdiction,
        context=context,
    )
    settings = options.settings()
    Policy.decide(settings)
    source = needed(settings, "source")
    dataset = open_for_writing(settings)
    job = job_in_hand(source)
    if job is None:  # else the batch has prepared everything
        job = find_job(source)
        dataset.prepare()
        sweep(dataset)
    report = run_job(job, dataset, settings)
    message = told(report, settings.artifacts)
    if report.outcome == "quarantined":
        whole = QuarantinedError(report.sentence or report.outcome, report)
        return Failed(message=message, data=whole)
    return Completed(message=message, data=report)
