"""A batch of recordings: planned once, annotated one by one or in processes. Needs no Prefect."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property

from flows.artifacts import BatchProgress
from flows.discretion import address_id, without_lists
from flows.failures import StageFailedError
from flows.keys import marks
from flows.networks import absent_networks
from flows.options import AnnotateOptions
from flows.processes import in_processes
from flows.progress import at_place, emit
from flows.recording import annotate_item, quarantine_lost
from flows.refresh import refresh_recordings
from flows.runners import check_runner
from flows.steps import guarded, log
from models.registry import ENGINES, load_engine
from schemas.dataset import Dataset
from schemas.errors import SettingsError
from schemas.media import SourceItem
from schemas.policy import Policy
from schemas.reports import BatchReport, RecordingReport
from schemas.settings import Settings
from schemas.values import Value
from tasks.dataset.index import read_index
from tasks.dataset.leases import key_of_address, outwait, sweep_leases
from tasks.dataset.manifests import clear_obsolete, read_manifest, supersede
from tasks.dataset.store import sweep_unfinished
from tasks.ingest.find import find_recordings
from tasks.ingest.plan import Plan, plan
from tasks.scratch import scratch_folder, sweep_scratch
from tasks.transcript.enrolled_voices import check_enrolled


class Job(Value):
    """One recording of a batch; `held` are the ids under which it is in quarantine."""

    item: SourceItem
    held: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Batch:
    """What a run will do: where to, how, and which recordings."""

    dataset: Dataset
    settings: Settings
    options: AnnotateOptions
    plan: Plan

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        """The recordings that need work."""
        held = self.plan.held
        return tuple(Job(item=item, held=held.get(item.uri, ())) for item in self.plan.pending)

    @property
    def has_work(self) -> bool:
        """Whether anything is to be written."""
        return bool(self.jobs or self.plan.refreshable)

    @property
    def is_parallel(self) -> bool:
        """Whether recordings are annotated in several processes."""
        is_several = self.settings.workers > 1 and len(self.jobs) > 1
        return self.settings.runner == "processes" and is_several


_planned: ContextVar[Batch | None] = ContextVar("planned_batch", default=None)
_job: ContextVar[Job | None] = ContextVar("job", default=None)


def plan_batch(options: AnnotateOptions) -> Batch:
    """Read the settings, pass the policy gate, and compare the source with the dataset.

    Source and dataset may come from the settings. Raises `SettingsError` or `PolicyError`.
    """
    settings = options.settings()
    Policy.decide(settings)
    check_runner(settings)
    dataset = open_for_writing(settings)
    todo = plan(
        needed(settings, "source"),
        dataset,
        marks(settings),
        limit=options.limit,
        requeue=options.requeue,
        settle_seconds=settings.settle_seconds,
    )
    sweep(dataset, todo.leftovers)
    return Batch(dataset, settings, options, todo)


def sweep(dataset: Dataset, leftovers: Sequence[str] = ()) -> None:
    """Remove what runs that were killed left behind; `leftovers` are ids of recordings."""
    sweep_scratch()
    sweep_unfinished(dataset)
    sweep_leases(dataset)
    for recording_id in leftovers:
        if manifest := read_manifest(dataset, recording_id):
            clear_obsolete(dataset, manifest)


def open_for_writing(settings: Settings) -> Dataset:
    """Return the dataset of the settings; it need not be there yet."""
    is_private = settings.dataset_mode == "private"
    return Dataset(needed(settings, "out"), create=True, is_private=is_private)


def needed(settings: Settings, name: str) -> str:
    """Return a setting that a run cannot do without; `SettingsError` where it is not set."""
    value: str | None = getattr(settings, name)
    if not value:
        raise SettingsError(
            f"No {name} is set: give it as a parameter, as '{name}' in tonescribe.toml, "
            f"or as TONESCRIBE_{name.upper()}."
        )
    return value


@contextmanager
def handing_on(batch: Batch) -> Iterator[None]:
    """Spare the flow inside to plan again."""
    token = _planned.set(batch)
    try:
        yield
    finally:
        _planned.reset(token)


def handed_batch() -> Batch | None:
    """Return the batch that was planned outside, where there is one."""
    return _planned.get()


@contextmanager
def handing_job(job: Job) -> Iterator[None]:
    """Spare the flow inside to find its recording again."""
    token = _job.set(job)
    try:
        yield
    finally:
        _job.reset(token)


def job_in_hand(source: str) -> Job | None:
    """Return the recording of an address or its id, where this process handed it on."""
    job = _job.get()
    if job is not None and source in (job.item.uri, address_id(job.item.uri)):
        return job
    return None


def find_job(source: str) -> Job:
    """Return the only recording at an address."""
    items = find_recordings(source)
    if len(items) != 1:
        raise SettingsError(f"{source} is not one recording; use the flow 'annotate' for many.")
    return Job(item=items[0])


def check_engines(settings: Settings) -> None:
    """Load every engine once, before any work: missing weights are one clear sentence."""
    for job in ENGINES:
        load_engine(job, settings.engine(job), settings.weights)


def run_batch(batch: Batch, runs: Callable[[Batch], Iterator[RecordingReport]]) -> BatchReport:
    """Annotate all recordings of a batch; `runs` yields a report as each of its jobs ends."""
    is_full = batch.settings.artifacts == "full"
    rest = batch.plan.passed_over if is_full else without_lists(batch.plan.passed_over)
    log("%s", "; ".join(filter(None, (batch.plan.sentence, rest))))
    if batch.has_work:
        batch.dataset.prepare()
    refreshed = refresh_recordings(batch.dataset, batch.plan.refreshable, marks(batch.settings))
    if batch.jobs:
        check_enrolled(batch.settings)
        check_engines(batch.settings)
        for sentence in absent_networks(batch.settings):
            log("%s", sentence)
    progress = BatchProgress(len(batch.jobs))
    reports: list[RecordingReport] = []
    for report in _in_two_rounds(batch, runs):
        reports.append(report)
        if report.recording_id and report.outcome in ("annotated", "known"):
            _supersede(batch, report.uri, report.recording_id)
        emit(report)
        progress.move(len(reports))
    made = BatchReport(
        recordings=tuple(reports),
        unchanged=len(batch.plan.unchanged),
        still_quarantined=len(batch.plan.quarantined),
        uploading=len(batch.plan.uploading),
        refreshed=len(refreshed.done),
    )
    if batch.has_work:
        _index(batch.dataset)
    log("%s", made.sentence)
    return made


def _index(dataset: Dataset) -> None:
    """Spare the next plan to read what this batch wrote."""
    try:
        guarded("index", lambda: read_index(dataset))
    except StageFailedError as failure:
        log("%s", failure.sentence)


def _in_two_rounds(
    batch: Batch, runs: Callable[[Batch], Iterator[RecordingReport]]
) -> Iterator[RecordingReport]:
    """Try recordings again at the end on which another run worked: it may be done or dead."""
    busy: list[RecordingReport] = []
    for report in runs(batch):
        if report.outcome == "busy":
            busy.append(report)
        else:
            yield report
    if not busy:
        return
    log("%d recordings are being annotated by another run; waiting for a sign of it.", len(busy))
    uris = {report.uri for report in busy}
    keys = [report.recording_id or key_of_address(report.uri) for report in busy]
    try:
        guarded("lease", lambda: outwait(batch.dataset, keys))
    except StageFailedError as failure:
        log("%s", failure.sentence)
        yield from busy
        return
    pending = tuple(item for item in batch.plan.pending if item.uri in uris)
    again = batch.plan.model_copy(update={"pending": pending})
    yield from runs(dataclasses.replace(batch, plan=again))


def _supersede(batch: Batch, uri: str, current: str) -> None:
    """Take an address from what it held before; where that fails, the next run does it."""
    earlier = batch.plan.earlier.get(uri, ())
    try:
        guarded("publish", lambda: supersede(batch.dataset, uri, earlier, current))
    except StageFailedError as failure:
        log("%s", failure.sentence)


def run_plainly(batch: Batch) -> Iterator[RecordingReport]:
    """Annotate the jobs of a batch without Prefect, in as many processes as the settings say."""
    if batch.is_parallel:
        yield from _in_processes(batch)
    else:
        yield from one_by_one(batch.jobs, lambda job: run_job(job, batch.dataset, batch.settings))


def one_by_one(
    jobs: Sequence[Job], run: Callable[[Job], RecordingReport]
) -> Iterator[RecordingReport]:
    """Annotate one recording after the other, each with its place in the batch."""
    for number, job in enumerate(jobs, start=1):
        with at_place(number, len(jobs)):
            yield run(job)


def run_job(job: Job, dataset: Dataset, settings: Settings) -> RecordingReport:
    """Annotate one recording in its own scratch folder."""
    with scratch_folder() as scratch:
        return annotate_item(job.item, dataset, settings, scratch, job.held)


def _in_processes(batch: Batch) -> Iterator[RecordingReport]:
    yield from in_processes(
        batch.jobs,
        functools.partial(_in_process, batch.options),
        lambda job: quarantine_lost(job.item, batch.dataset, batch.settings),
        batch.settings.workers,
    )


def _in_process(options: AnnotateOptions, job: Job) -> RecordingReport:
    settings = options.settings()
    return run_job(job, open_for_writing(settings), settings)
