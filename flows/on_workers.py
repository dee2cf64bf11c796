"""Annotate the recordings of a batch on Prefect workers: a run of `annotate-recording/one` each.

How many run at once is Prefect's to say: the limit of the workers' queue, say one per GPU. A run
whose machine died never ends in Prefect, so the batch watches what a living one renews: its lease
in the dataset. A recording whose run died is given to another worker.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling, Crashed

from flows.batch import Batch, Job
from flows.discretion import shown_address
from flows.handing import hand, sweep_handed, take_answer, take_back
from flows.keys import fingerprint
from flows.recording import quarantine_lost
from flows.steps import log
from schemas.errors import SettingsError
from schemas.reports import RecordingReport
from schemas.values import Seconds
from tasks.dataset.leases import SILENT_SECONDS, Leases, key_of_address, read_lease

DEPLOYMENT = "annotate-recording/one"

_AT_ONCE = 200
"""Runs that are asked for before others end; Prefect answers for so many in one request."""

_TRIES = 2
"""Runs of one recording that may die before it counts as their cause."""

_POLL_SECONDS: Seconds = 2.0
_START_SECONDS: Seconds = 600.0
"""How long a run may take until it holds its lease: its program starts, its engines load."""

_PATIENCE_SECONDS: Seconds = 60.0


@dataclass
class _Run:
    """A recording at work: its flow run, and when which sign of life was seen."""

    job: Job
    flow_run: UUID
    tries: int
    sign: object = None
    seen_at: Seconds = 0.0

    def is_silent(self, sign: object, limit: Seconds) -> bool:
        """Whether no new sign came for so long."""
        now = time.monotonic()
        if sign != self.sign or not self.seen_at:
            self.sign, self.seen_at = sign, now
        return now - self.seen_at > limit


def on_workers(batch: Batch) -> Iterator[RecordingReport]:
    """Yield the report of each recording as its run ends; raises `SettingsError`.

    Whoever stops listening cancels the runs that are left.
    """
    sweep_handed(batch.dataset)
    left = list(reversed(batch.jobs))
    runs: dict[UUID, _Run] = {}
    warn_at = time.monotonic() + _PATIENCE_SECONDS
    with get_client(sync_client=True) as client:
        try:
            while left or runs:
                while left and len(runs) < _AT_ONCE:
                    run = _start(batch, left.pop())
                    runs[run.flow_run] = run
                states = _states(client, list(runs))
                for run in list(runs.values()):
                    state = states.get(run.flow_run)
                    if state is None or not _has_ended(batch, run, state):
                        continue
                    del runs[run.flow_run]
                    if (report := _report(client, batch, run, state)) is None:
                        again = _start(batch, run.job, run.tries + 1)
                        runs[again.flow_run] = again
                        continue
                    take_back(batch.dataset, run.job.item.uri)
                    yield report
                if warn_at and time.monotonic() > warn_at:
                    _warn_if_idle(states)
                    warn_at = 0.0
                time.sleep(_POLL_SECONDS)
        finally:
            for run in runs.values():
                client.set_flow_run_state(run.flow_run, Cancelling())
                take_back(batch.dataset, run.job.item.uri)


def _start(batch: Batch, job: Job, tries: int = 1) -> _Run:
    hand(batch.dataset, job, fingerprint(batch.settings))
    parameters = batch.options.of_recording | {
        "source": shown_address(job.item.uri, batch.settings.artifacts),
        "out": batch.dataset.location,
    }
    try:
        # outside of a running event loop this is no coroutine
        made = cast(FlowRun, run_deployment(DEPLOYMENT, parameters=parameters, timeout=0))
    except ObjectNotFound as error:
        take_back(batch.dataset, job.item.uri)
        raise SettingsError(
            f"This Prefect server has no deployment '{DEPLOYMENT}'; make it with 'prefect deploy "
            "--all --prefect-file deployments/prefect.yaml'."
        ) from error
    return _Run(job, made.id, tries)


def _states(client: SyncPrefectClient, ids: Sequence[UUID]) -> dict[UUID, State]:
    chosen = FlowRunFilter.model_validate({"id": {"any_": [str(each) for each in ids]}})
    found = client.read_flow_runs(flow_run_filter=chosen, limit=_AT_ONCE)
    return {run.id: run.state for run in found if run.state}


def _has_ended(batch: Batch, run: _Run, state: State) -> bool:
    """Whether a run ended, or shows no sign of life any more."""
    if state.is_final():
        return True
    if state.type not in (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING):
        return False
    lease = read_lease(batch.dataset, key_of_address(run.job.item.uri))
    if lease is None:
        return run.is_silent(state.type, _START_SECONDS)
    return lease.is_stale or run.is_silent(lease, SILENT_SECONDS)


def _report(
    client: SyncPrefectClient, batch: Batch, run: _Run, state: State
) -> RecordingReport | None:
    """Return what became of a recording; None: its process or machine died, try it again."""
    if report := take_answer(batch.dataset, run.job.item.uri):
        return report
    if not state.is_final():
        died: State[Any] = Crashed(message="Its worker shows no sign of life any more.")
        client.set_flow_run_state(run.flow_run, died, force=True)
    elif state.type != StateType.CRASHED:
        return _undone(run.job, f"Its run ended as {state.name}: {state.message or 'no reason'}")
    with Leases(batch.dataset) as leases:
        leases.clear(key_of_address(run.job.item.uri))
    if run.tries < _TRIES:
        log("A worker died; its recording is given to another.")
        return None
    return quarantine_lost(run.job.item, batch.dataset, batch.settings)


def _undone(job: Job, sentence: str) -> RecordingReport:
    """Report a recording that a worker could not begin; the next run finds it undone."""
    return RecordingReport(
        uri=job.item.uri,
        outcome="quarantined",
        seconds=0.0,
        stage="worker",
        cause="settings",
        sentence=sentence,
    )


def _warn_if_idle(states: dict[UUID, State]) -> None:
    if states and all(state.is_scheduled() for state in states.values()):
        log("No worker has taken a recording up yet: start one, 'prefect worker start --pool ...'.")
