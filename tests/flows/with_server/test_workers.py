"""A batch on workers: they take recordings until none is left, and may die or refuse.

Here they are threads of the test; `tests/deployments/test_on_postgres.py` has one of Prefect's.
"""

import contextvars
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.flow_engine import run_flow
from prefect.states import Pending, Running

import flows.on_workers
import models.registry
from flows.batch import Batch, Job, plan_batch
from flows.handing import claim_jobs, hand, sweep_handed, take_answer
from flows.keys import fingerprint
from flows.on_workers import on_workers
from flows.options import AnnotateOptions
from flows.worker import annotate_recordings
from schemas.reports import RecordingReport
from tasks.dataset.leases import Lease, key_of_address, key_of_worker, swap
from tests.material import broken
from tests.material.meetings import make_meeting
from tests.tasks.dataset.test_leases import dead_owner

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def batch(synthetic: Path) -> Batch:
    folder = synthetic / "meetings"
    folder.mkdir()
    make_meeting(folder / "6.wav", duration=6)
    broken.empty(folder / "empty.mp4")
    made = plan_batch(
        AnnotateOptions(source=str(folder), out=str(synthetic / "d"), runner="workers")
    )
    made.dataset.prepare()
    return made


def made_with(batch: Batch) -> str:
    return fingerprint(batch.settings)


Worker = Callable[[Batch, FlowRun], None]


def works(_: Batch, run: FlowRun) -> None:
    """Do what a worker of Prefect does in a process of its own."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, Pending())
    context = contextvars.copy_context()
    arguments = {"flow": annotate_recordings, "flow_run": run, "parameters": run.parameters}
    threading.Thread(
        target=context.run,
        args=(lambda: run_flow(**arguments, return_type="state"),),  # type: ignore[arg-type]
        daemon=True,
    ).start()


def dies(batch: Batch, run: FlowRun) -> None:
    """Die with a recording in hand: nothing ends the run in Prefect."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, Running(), force=True)
    job = next(claim_jobs(batch.dataset, run.parameters["batch"], made_with(batch), str(run.id)))
    for key in (key_of_worker(str(run.id)), key_of_address(job.item.uri)):
        lease = Lease(owner=f"{dead_owner()}-{len(key)}", renewed_at=datetime.now(UTC))
        swap(batch.dataset, key, lease.model_dump_json().encode(), expected=None)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Worker]]:
    """What becomes of the runs that are offered, in turn; the last stays."""
    coming: list[Worker] = []

    def start(batch: Batch, name: str) -> FlowRun:
        parameters = {"batch": name, "out": batch.dataset.location, "options": {}}
        with get_client(sync_client=True) as client:
            made = client.create_flow_run(annotate_recordings, parameters=parameters)
        worker = coming.pop(0) if len(coming) > 1 else coming[0]
        worker(batch, made)
        return made

    monkeypatch.setattr(flows.on_workers, "_start", start)
    monkeypatch.setattr(flows.on_workers, "_POLL_SECONDS", 0.1)
    return coming  # type: ignore[return-value]


def outcomes(reports: list[RecordingReport]) -> list[str]:
    return sorted(report.outcome for report in reports)


def is_tidy(batch: Batch) -> bool:
    return not any(list(Path(batch.dataset.path(f)).glob("*")) for f in ("leases", "handed"))


def test_one_worker_annotates_all_and_loads_its_models_once(
    batch: Batch, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    made = models.registry.constructor
    monkeypatch.setattr(
        models.registry, "constructor", lambda job, name: loaded.append(job) or made(job, name)
    )
    models.registry.unload_engines()
    workers += [works, lambda *_: None]  # the others are never taken up
    reports = list(on_workers(batch))
    assert outcomes(reports) == ["annotated", "quarantined"]
    assert len(loaded) == len(set(loaded)) > 0
    assert is_tidy(batch)
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(limit=200)
    assert not any(r.state and r.state.is_scheduled() for r in runs)


def test_a_recording_whose_worker_died_is_taken_up_again_and_twice_is_its_fault(
    batch: Batch, workers: list[Worker]
) -> None:
    workers += [dies, works]
    assert outcomes(list(on_workers(batch))) == ["annotated", "quarantined"]
    assert is_tidy(batch)
    again = plan_batch(batch.options.model_copy(update={"requeue": True}))
    workers[:] = [dies, dies, works]
    (report,) = on_workers(again)
    assert report.stage == "process"
    assert is_tidy(batch)


def test_workers_with_other_settings_refuse_and_the_batch_ends(
    batch: Batch, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = on_workers(batch)
    monkeypatch.setenv("TONESCRIBE_UTTERANCES__MAX_PAUSE", "0.9")
    workers += [works]
    reports = list(runs)
    assert outcomes(reports) == ["quarantined"] * 2
    assert all("same tonescribe.toml" in str(report.sentence) for report in reports)
    assert is_tidy(batch)


def test_what_another_batch_works_on_is_left_to_it(batch: Batch, workers: list[Worker]) -> None:
    workers += [works]
    lease = Lease(owner="00000000-1-1-0", renewed_at=datetime.now(UTC))
    key = key_of_address(batch.jobs[0].item.uri)
    swap(batch.dataset, key, lease.model_dump_json().encode(), expected=None)
    reports = list(on_workers(batch))
    assert [r.uri for r in reports if r.outcome == "busy"] == [batch.jobs[0].item.uri]


def test_a_defect_at_one_recording_leaves_the_other_be(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    import flows.annotate

    run_job = flows.annotate.run_job

    def fails(job: Job, *rest: Any) -> RecordingReport:
        if job.item.uri.endswith("6.wav"):
            raise ZeroDivisionError
        return run_job(job, *rest)

    monkeypatch.setattr(flows.annotate, "run_job", fails)
    for job in batch.jobs:
        hand(batch.dataset, "one", job, made_with(batch))
    state: Any = annotate_recordings("one", batch.dataset.location, return_state=True)
    assert (state.name, state.message) == ("Completed", "2 recordings")
    found = [take_answer(batch.dataset, "one", job.item.uri) for job in batch.jobs]
    assert outcomes([r for r in found if r]) == ["quarantined", "quarantined"]
    assert any("ZeroDivisionError" in str(r.sentence) for r in found if r)
    sweep_handed(batch.dataset)
    assert len(list(Path(batch.dataset.path("handed")).iterdir())) == 6
