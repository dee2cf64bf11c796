"""Annotate the recordings of a batch on Prefect workers.

The batch lays its recordings out in the dataset (`flows/handing.py`) and offers runs of
`annotate-recordings/many`. A worker that takes one up annotates recording after recording, with
models that it loads once, until none is left. How many runs there are at once is Prefect's to say:
the limit of the workers' queue, say one per GPU.

A run whose machine died never ends in Prefect, so the batch watches what a living one renews: its
lease in the dataset. The recording that it had in hand is then free for the others.
"""

import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling, Crashed, Scheduled

from flows.batch import Batch, Job
from flows.discretion import address_id
from flows.handing import (
    Laid,
    claimed_by,
    clear_handed,
    free_again,
    hand,
    sweep_handed,
    take_answer,
    take_back,
)
from flows.keys import fingerprint
from flows.recording import quarantine_lost
from flows.steps import log
from schemas.dataset import Dataset
from schemas.errors import SettingsError
from schemas.reports import RecordingReport
from schemas.values import Seconds
from tasks.dataset.leases import (
    SILENT_SECONDS,
    Lease,
    Leases,
    key_of_worker,
    lease_keys,
    read_lease,
)

DEPLOYMENT = "annotate-recordings/many"

_AHEAD = 200
"""Recordings that are laid out at a time: more than any workers end between two looks."""

_TRIES = 2
"""Workers that may die of one recording before it counts as their cause."""

_OFFERED = 2
"""Runs that wait for a worker from the start: a second one need not wait until the first has begun,
which takes as long as its program to start."""

_FAILURES = 3
"""Runs in a row that may end without a recording before no more are offered."""

_POLL_SECONDS: Seconds = 2.0
_START_SECONDS: Seconds = 600.0
"""How long a run may take until it holds its lease: its program starts."""

_PATIENCE_SECONDS: Seconds = 60.0
_END_SECONDS: Seconds = 20.0
"""How long a batch waits for workers to see that nothing is left."""


@dataclass
class _Run:
    """A flow run of a worker: its state, its process, and when which sign of life was seen."""

    id: UUID
    task_run: UUID | None
    state: State[Any] = field(default_factory=Scheduled)
    process: str | None = None
    sign: object = None
    seen_at: Seconds = 0.0

    @property
    def key(self) -> str:
        return key_of_worker(str(self.id))

    @property
    def has_begun(self) -> bool:
        return not self.state.is_scheduled()

    def is_silent(self, sign: object, limit: Seconds) -> bool:
        """Whether no new sign came for so long."""
        now = time.monotonic()
        if sign != self.sign or not self.seen_at:
            self.sign, self.seen_at = sign, now
        return now - self.seen_at > limit


@dataclass
class _Night:
    """A batch on workers: what is laid out, who works on it, what went wrong so far."""

    batch: Batch
    client: SyncPrefectClient
    left: list[Job]
    name: str = field(default_factory=lambda: secrets.token_hex(4))
    laid_out: dict[str, Job] = field(default_factory=dict)
    runs: dict[UUID, _Run] = field(default_factory=dict)
    deaths: Counter[str] = field(default_factory=Counter)
    failures: int = 0
    last_failure: str = ""

    @property
    def dataset(self) -> Dataset:
        return self.batch.dataset

    def lay_out(self) -> None:
        made_with = fingerprint(self.batch.settings)
        while self.left and len(self.laid_out) < _AHEAD:
            job = self.left.pop()
            hand(self.dataset, self.name, job, made_with)
            self.laid_out[address_id(job.item.uri)] = job

    def look(self) -> Iterator[RecordingReport]:
        """Take reports; free what the dead had in hand, and yield what is lost; offer runs."""
        for address in Laid.out(self.dataset, self.name).answered & self.laid_out.keys():
            if report := take_answer(self.dataset, self.name, address):
                self.failures = 0
                yield self._done(address, report)
        for run in list(self.runs.values()):
            lease = read_lease(self.dataset, run.key)
            run.process = lease.process if lease else run.process
            if _is_over(run, lease):
                del self.runs[run.id]
                yield from self._bury(run)
        self._offer(len(Laid.out(self.dataset, self.name).at_work))

    def read_states(self) -> None:
        """Ask Prefect for the states of all runs; one that somebody deleted has crashed."""
        states = _states(self.client, list(self.runs))
        for run in self.runs.values():
            run.state = states.get(run.id) or Crashed(message="It was deleted.")

    def give_up(self) -> Iterator[RecordingReport]:
        """Report what is left where no worker can work."""
        if self.runs or self.failures < _FAILURES:
            return
        sentence = f"No worker could annotate it. {self.last_failure}"
        rest = [*self.laid_out.values(), *reversed(self.left)]
        self.left.clear()
        for job in rest:
            yield self._done(address_id(job.item.uri), undone(job, sentence))

    def end(self) -> None:
        """Take back what is left, stop runs that wait, and those that work in vain."""
        was_stopped = bool(self.laid_out or self.left)
        clear_handed(self.dataset, self.name)
        until = time.monotonic() + _END_SECONDS
        while self.runs:
            self.read_states()
            for run in list(self.runs.values()):
                if not run.has_begun:
                    self._withdraw(run)
                elif was_stopped and not run.state.is_final():
                    self.client.set_flow_run_state(run.id, Cancelling())
                elif not (run.state.is_final() or time.monotonic() > until):
                    continue
                del self.runs[run.id]
            time.sleep(_POLL_SECONDS if self.runs else 0.0)
        clear_handed(self.dataset, self.name)

    def _bury(self, run: _Run) -> Iterator[RecordingReport]:
        """Free what a run that is over still held."""
        if not run.state.is_final():
            died: State[Any] = Crashed(message="Its worker shows no sign of life any more.")
            self.client.set_flow_run_state(run.id, died, force=True)
        if not run.state.is_completed():
            self._free_leases(run)
        held = [
            address
            for address in Laid.out(self.dataset, self.name).at_work & self.laid_out.keys()
            if claimed_by(self.dataset, self.name, address, str(run.id))
        ]
        for address in held:
            self.deaths[address] += 1
            if self.deaths[address] < _TRIES:
                log("A worker died; its recording is given to another.")
                free_again(self.dataset, self.name, address)
                continue
            item = self.laid_out[address].item
            yield self._done(address, quarantine_lost(item, self.dataset, self.batch.settings))
        if not (held or run.state.is_completed()):
            self.failures += 1
            self.last_failure = f"Its run ended as {run.state.name}: {run.state.message or '-'}"

    def _free_leases(self, run: _Run) -> None:
        """Take the leases of a process that is dead: its own, and those on its recording."""
        with Leases(self.dataset) as leases:
            for key in lease_keys(self.dataset):
                lease = read_lease(self.dataset, key)
                if key == run.key or (lease and lease.process == run.process):
                    leases.clear(key)

    def _offer(self, taken: int) -> None:
        """Offer runs where recordings wait for one, as many as have begun, at least `_OFFERED`."""
        offered = [run for run in self.runs.values() if not run.has_begun]
        begun = len(self.runs) - len(offered)
        waiting = len(self.left) + len(self.laid_out) - taken - max(0, begun - taken)
        for run in offered if waiting <= 0 else ():
            self._withdraw(run)
            del self.runs[run.id]
        wanted = min(waiting, max(_OFFERED, begun)) - len(offered)
        for _ in range(wanted if self.failures < _FAILURES else 0):
            made = _start(self.batch, self.name)
            self.runs[made.id] = _Run(made.id, made.parent_task_run_id)

    def _withdraw(self, run: _Run) -> None:
        """Remove an offer that nobody took up, with its place in the batch."""
        with suppress(ObjectNotFound):
            self.client.delete_flow_run(run.id)
            if run.task_run is not None:
                self.client.delete_task_run(run.task_run)

    def _done(self, address: str, report: RecordingReport) -> RecordingReport:
        take_back(self.dataset, self.name, address)
        self.laid_out.pop(address, None)
        return report


def on_workers(batch: Batch) -> Iterator[RecordingReport]:
    """Yield the report of each recording as it ends; raises `SettingsError`.

    Whoever stops listening cancels the runs that are left.
    """
    sweep_handed(batch.dataset)
    warn_at = time.monotonic() + _PATIENCE_SECONDS
    with get_client(sync_client=True) as client:
        night = _Night(batch, client, list(reversed(batch.jobs)))
        try:
            while night.left or night.laid_out:
                night.lay_out()
                night.read_states()
                yield from night.look()
                yield from night.give_up()
                if warn_at and time.monotonic() > warn_at:
                    _warn_if_idle(night)
                    warn_at = 0.0
                time.sleep(_POLL_SECONDS if night.left or night.laid_out else 0.0)
        finally:
            night.end()


def undone(job: Job, sentence: str) -> RecordingReport:
    """Report a recording that a worker could not begin; the next run finds it undone."""
    return RecordingReport(
        uri=job.item.uri,
        outcome="quarantined",
        seconds=0.0,
        stage="worker",
        cause="settings",
        sentence=sentence,
    )


def _is_over(run: _Run, lease: Lease | None) -> bool:
    """Whether a run ended, or shows no sign of life any more."""
    if run.state.is_final():
        return True
    if run.state.type not in (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING):
        return False
    if lease is None:
        return run.is_silent(run.state.type, _START_SECONDS)
    return lease.is_stale or run.is_silent(lease, SILENT_SECONDS)


def _start(batch: Batch, name: str) -> FlowRun:
    parameters = {
        "batch": name,
        "out": batch.dataset.location,
        "options": batch.options.of_recording,
    }
    try:
        # outside of a running event loop this is no coroutine
        return cast(FlowRun, run_deployment(DEPLOYMENT, parameters=parameters, timeout=0))
    except ObjectNotFound as error:
        raise SettingsError(
            f"This Prefect server has no deployment '{DEPLOYMENT}'; make it with 'prefect deploy "
            "--all --prefect-file deployments/prefect.yaml'."
        ) from error


def _states(client: SyncPrefectClient, ids: Sequence[UUID]) -> dict[UUID, State[Any]]:
    if not ids:
        return {}
    chosen = FlowRunFilter.model_validate({"id": {"any_": [str(each) for each in ids]}})
    found = client.read_flow_runs(flow_run_filter=chosen, limit=len(ids))
    return {run.id: run.state for run in found if run.state}


def _warn_if_idle(night: _Night) -> None:
    if night.runs and not any(run.has_begun for run in night.runs.values()):
        log("No worker has taken a recording up yet: start one, 'prefect worker start --pool ...'.")
