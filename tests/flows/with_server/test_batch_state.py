"""A batch says how it went: its name, its state, what failed and why."""

import itertools
import logging
import logging.handlers
import queue
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowRunFilter
from prefect.client.schemas.objects import State

import tasks.ingest.find
from flows.annotate import annotate, annotate_recording, report_of
from flows.batch import plan_batch, run_batch, run_plainly
from flows.deployed import evaluate
from flows.options import AnnotateOptions
from flows.stages import wanted_stages
from schemas.errors import QuarantinedError, SettingsError, UnavailableError
from schemas.reports import BatchReport
from schemas.settings import Settings
from tests.material import broken
from tests.material.meetings import make_meeting

pytestmark = pytest.mark.usefixtures("prefect_server")


def run(source: Path, dataset: Path, **options: Any) -> State[Any]:
    state: State[Any] = annotate(str(source), str(dataset), **options, return_state=True)
    return state


def options(source: Path, dataset: Path, **more: Any) -> AnnotateOptions:
    return AnnotateOptions(source=str(source), out=str(dataset), **more)


@pytest.fixture
def meetings(synthetic: Path) -> Path:
    folder = synthetic / "meetings"
    folder.mkdir()
    make_meeting(folder / "weekly.wav")
    return folder


def artifacts(client: SyncPrefectClient, run: UUID, key: str) -> list[str]:
    found = client.read_artifacts(
        artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])),
        flow_run_filter=FlowRunFilter.model_validate({"id": {"any_": [str(run)]}}),
    )
    return [str(each.data) for each in found]


def test_an_evaluation_shows_its_figures(synthetic: Path) -> None:
    rows = ("I love this so much,happy", "How dare you,angry", "We meet at nine,neutral")
    lines = ("text,label,language", *(f"{row},en" for row in rows))
    (synthetic / "said.csv").write_text("\n".join(lines))
    state = evaluate("text", data=str(synthetic / "said.csv"), return_state=True)
    assert state.result()["n"] == 3
    with get_client(sync_client=True) as client:
        (table,) = artifacts(client, state.state_details.flow_run_id, "measured-text")
    assert "calibration error" in table
    assert f"{state.result()['uar']:.3f}".rstrip("0") in table


def test_a_batch_without_failures_is_completed_with_its_counts(
    meetings: Path, synthetic: Path
) -> None:
    state = run(meetings, synthetic / "dataset")
    assert (state.type.value, state.name) == ("COMPLETED", "Completed")
    assert state.message == "1 annotated, 0 already done, 0 in quarantine"


def test_a_batch_with_failures_has_a_state_a_name_and_a_table_of_its_own(
    meetings: Path,
    synthetic: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TONESCRIBE_ARTIFACTS", "full")
    broken.empty(meetings / "empty.mp4")
    broken.text_named_as_media(meetings / "text.mp4")
    with caplog.at_level(logging.DEBUG):
        state = run(meetings, synthetic / "dataset")
    assert (state.type.value, state.name) == ("COMPLETED", "Quarantined")
    assert str(state.message).startswith("1 annotated, 0 already done, 2 in quarantine; first: ")
    assert "NoneType: None" not in caplog.text
    failed = [r for r in caplog.records if "Task run failed" in r.getMessage()]
    assert failed
    assert all(record.exc_info is None for record in failed)
    with get_client(sync_client=True) as client:
        (flow_run,) = client.read_flow_runs(
            flow_run_filter=FlowRunFilter.model_validate(
                {"name": {"any_": ["annotate meetings"]}, "state": {"name": {"any_": [state.name]}}}
            ),
            limit=1,
        )
        (failures,) = artifacts(client, flow_run.id, "quarantined")
        (batch,) = artifacts(client, flow_run.id, "batch")
    for word in ("empty.mp4", "text.mp4", "probe", "input", "0 bytes"):
        assert word in failures
    for word in ("weekly", "annotated", "quarantined", "utterances"):
        assert word in batch


def test_a_batch_of_which_all_fail_is_failed(meetings: Path, synthetic: Path) -> None:
    (meetings / "weekly.wav").unlink()
    broken.empty(meetings / "empty.mp4")
    state = run(meetings, synthetic / "dataset")
    assert state.type.value == "FAILED"
    assert "0 annotated, 0 already done, 1 in quarantine" in str(state.message)
    report: BatchReport = report_of(state)
    assert [r.outcome for r in report.recordings] == ["quarantined"]


@pytest.mark.parametrize("flow", [annotate, annotate_recording])
def test_a_program_that_calls_a_flow_reads_why_all_failed(
    meetings: Path, synthetic: Path, flow: Any
) -> None:
    (meetings / "weekly.wav").unlink()
    broken.empty(meetings / "empty.mp4")
    with pytest.raises(QuarantinedError, match="empty") as failed:
        flow(str(meetings / "empty.mp4"), str(synthetic / "dataset"))
    assert "0 bytes" in failed.value.sentence
    assert failed.value.report is not None


def test_the_flow_runs_workers_and_passes_its_parameters_on(
    meetings: Path, synthetic: Path
) -> None:
    """The same outcomes as without Prefect, where most tests of results run."""
    for seconds in (6, 7):
        make_meeting(meetings / f"{seconds}.wav", duration=seconds)
    broken.empty(meetings / "empty.mp4")
    dataset = synthetic / "dataset"
    first = report_of(run(meetings, dataset, limit=1))
    assert [r.outcome for r in first.recordings] == ["annotated"]
    rest = report_of(run(meetings, dataset, workers=2))
    assert sorted(r.outcome for r in rest.recordings) == ["annotated", "annotated", "quarantined"]
    assert report_of(run(meetings, dataset)).still_quarantined == 1
    again = report_of(run(meetings, dataset, requeue=True))
    assert [r.outcome for r in again.recordings] == ["quarantined"]
    with pytest.raises(SettingsError, match="profile is wrong"):
        annotate(str(meetings), str(dataset), profile="none")


def test_each_stage_is_a_task_run_named_by_it_and_says_whether_it_was_cached(
    meetings: Path, synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How each ended is read from the log: a busy server may lose some of a task's events."""
    monkeypatch.setenv("TONESCRIBE_ARTIFACTS", "full")
    run(meetings, synthetic / "dataset")
    monkeypatch.setenv("TONESCRIBE_WEIGHTS__TEXT", "another-version")
    said: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    handler = logging.handlers.QueueHandler(said)
    logging.getLogger("prefect.task_runs").addHandler(handler)
    try:
        run(meetings, synthetic / "dataset")
    finally:
        logging.getLogger("prefect.task_runs").removeHandler(handler)
    records = [said.get_nowait() for _ in range(said.qsize())]
    states = {
        record.task_run_name.rsplit("-", 1)[0]: record.message.split()[-1]
        for record in records
        if record.message.startswith("Finished in state") and hasattr(record, "task_run_name")
    }
    assert {states[each] for each in ("text", "fuse", "publish")} == {"Completed()"}
    assert states["diarize"] == states["audio"]
    assert "Cached" in states["audio"]
    wanted = {stage.name for stage in wanted_stages(Settings())} - {"split"}
    assert set(states) >= {"ingest", "policy", "page", *wanted}
    with get_client(sync_client=True) as client:
        flow_runs = FlowRunFilter.model_validate({"name": {"any_": ["weekly.wav"]}})
        runs = client.read_task_runs(flow_run_filter=flow_runs)
    kept = {each.name.rsplit("-", 1)[0] for each in runs}
    assert kept
    assert kept <= {*states, "split"}


def test_source_and_dataset_of_a_deployment_come_from_the_settings(
    meetings: Path, synthetic: Path
) -> None:
    with pytest.raises(SettingsError, match=r"No out is set.*tonescribe\.toml.*TONESCRIBE_OUT"):
        annotate()
    (synthetic / "tonescribe.toml").write_text(f'source = "{meetings}"\nout = "nightly"\n')
    state = annotate(return_state=True)
    assert str(state.message).startswith("1 annotated")
    assert (synthetic / "nightly" / "utterances").is_dir()


def test_a_source_is_listed_once_per_batch(
    meetings: Path, synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds in (11, 12, 13):
        make_meeting(meetings / f"{seconds}.wav", duration=seconds)
    listings: list[str] = []
    list_source = tasks.ingest.find.list_source

    def counted(source: str, *rest: Any) -> Any:
        listings.append(source)
        return list_source(source, *rest)

    monkeypatch.setattr(tasks.ingest.find, "list_source", counted)
    assert len(run(meetings, synthetic / "dataset").result().recordings) == 4
    assert listings == [str(meetings)]


def test_without_prefect_the_same_rows_come_out(meetings: Path, synthetic: Path) -> None:
    with_prefect = run(meetings, synthetic / "one").result()
    batch = plan_batch(options(meetings, synthetic / "two"))
    without = run_batch(batch, run_plainly)
    same = {"outcome", "recording_id", "n_utterances", "duration", "n_speakers"}
    assert [r.model_dump(include=same) for r in without.recordings] == [
        r.model_dump(include=same) for r in with_prefect.recordings
    ]
    tables = [sorted(p.name for p in (synthetic / d).rglob("*.parquet")) for d in ("one", "two")]
    assert tables[0] == tables[1]


def test_a_storage_that_does_not_answer_is_tried_again(
    meetings: Path, synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import flows.recording
    import flows.steps

    tries = itertools.count()
    fetch = flows.recording.fetch

    def unsteady(*given: Any) -> Any:
        if next(tries) < 2:
            raise UnavailableError("The storage does not answer; try again later.")
        return fetch(*given)

    monkeypatch.setattr(flows.recording, "fetch", unsteady)
    monkeypatch.setattr(flows.steps, "RETRY_DELAYS", (0.01, 0.01))
    assert str(run(meetings, synthetic / "dataset").message).startswith("1 annotated")
    assert next(tries) == 3


@pytest.mark.parametrize(
    ("error", "cause"),
    [(SettingsError("No such engine."), "settings"), (UnavailableError("Gone."), "resource")],
)
def test_the_cause_of_a_failure_says_what_an_operator_can_do(
    meetings: Path, synthetic: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, cause: str
) -> None:
    import flows.recording
    import flows.steps

    def fails(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(flows.recording, "fetch", fails)
    monkeypatch.setattr(flows.steps, "RETRY_DELAYS", (0.01,))
    report = run_batch(plan_batch(options(meetings, synthetic / "d")), run_plainly)
    assert [(r.stage, r.cause, r.sentence) for r in report.failed] == [
        ("ingest", cause, str(error))
    ]


def test_whoever_stops_listening_stops_the_batch(meetings: Path, synthetic: Path) -> None:
    """Not only after all recordings that wait for a worker, which may be thousands."""
    for seconds in range(11, 19):
        make_meeting(meetings / f"{seconds}.wav", duration=seconds)
    batch = plan_batch(options(meetings, synthetic / "d", workers=2))
    batch.dataset.prepare()
    runs = run_plainly(batch)
    next(runs)
    runs.close()  # type: ignore[attr-defined]
    done = list((synthetic / "d" / "manifests").iterdir())
    assert 0 < len(done) < len(batch.jobs) == 9
