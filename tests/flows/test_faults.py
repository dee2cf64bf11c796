"""Whatever strikes a run, the same command after it leaves the rows of an undisturbed one."""

import dataclasses
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flows.pressure
import flows.recording
from flows.pressure import deadline, is_memory_error, run_stage, smaller_settings
from flows.processes import in_processes
from flows.stages import STAGES
from flows.work import Stage, Work
from schemas.dataset import Dataset
from schemas.errors import ResourceError
from schemas.reports import RecordingReport
from schemas.settings import Settings
from tasks.dataset.leases import Leases, key_of_address
from tasks.dataset.manifests import all_manifests
from tests.material.faults import FAULTS, Bench, Outcome, die, ended, start_child
from tests.material.meetings import make_meeting
from tests.material.runs import annotate_plainly

TRIED = (
    "killed before diarize",
    "killed at the end of faces",
    "killed before file 1",
    "killed after file 2",
    "killed after file 3",
    "killed before file 5",
    "killed after filling 4",
    "killed after lease 3",
    "killed before rename 3",
    "disk full from flush 4",
    "storage gone from file 3",
)
"""A few of each kind; `benchmarks/faults.py` tries all of them."""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    make_meeting(folder / "weekly.mp4")
    return folder


@pytest.fixture
def bench(synthetic: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    before = tempfile.tempdir
    annotate_plainly(recordings, synthetic / "undisturbed")
    yield Bench(synthetic / "bench", recordings, synthetic / "undisturbed")
    tempfile.tempdir = before


@pytest.mark.parametrize("name", TRIED)
def test_no_row_is_lost_or_doubled_and_nothing_temporary_stays(bench: Bench, name: str) -> None:
    fault = next(fault for fault in FAULTS if fault.name == name)
    outcome = bench.suffer(fault)
    assert outcome.is_clean, (outcome, bench.temporaries())
    assert bench.run().unchanged == 1


def test_two_runs_at_once_do_the_work_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = bench.dataset.parent / "runs"
    work = flows.recording.run_stage

    def counting(stage: Any, at_work: Any) -> Any:
        if stage.name == "diarize":
            time.sleep(0.5)
            with counted.open("a") as file:
                file.write("x")
        return work(stage, at_work)

    monkeypatch.setattr(flows.recording, "run_stage", counting)
    children = [start_child(bench.run) for _ in range(2)]
    assert [ended(child) for child in children] == [0, 0]
    assert counted.read_text() == "x"
    outcome = Outcome()
    bench.check(outcome)
    assert outcome.is_clean, (outcome, bench.temporaries())


def test_a_recording_at_work_elsewhere_is_no_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.dataset.leases.SILENT_SECONDS", 4.0)
    monkeypatch.setattr("tasks.dataset.leases.BEAT_SECONDS", 0.2)
    monkeypatch.setattr("tasks.dataset.leases._POLL_SECONDS", 0.5)
    with Leases(Dataset(str(bench.dataset), create=True)) as other:
        assert other.take(key_of_address(str(bench.recordings / "weekly.mp4")))
        (report,) = bench.run().recordings
    assert (report.outcome, report.sentence) == ("busy", "It is being annotated by another run.")
    assert not bench.run().has_quarantined


def test_memory_that_runs_out_makes_the_batch_smaller_and_the_manifest_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def wanting(work: Work) -> Any:
        seen.append(work.settings.weights.batch_size)
        if seen[-1] > 4:
            raise MemoryError
        return text.run(work)

    text = next(stage for stage in STAGES if stage.name == "text")
    stages = tuple(
        dataclasses.replace(stage, run=wanting) if stage is text else stage for stage in STAGES
    )
    monkeypatch.setattr(flows.recording, "STAGES", stages)
    assert [report.outcome for report in bench.run().recordings] == ["annotated"]
    (manifest,) = all_manifests(Dataset(str(bench.dataset)))
    assert seen == [16, 8, 4]
    assert manifest.degraded == ("text: batch size 8", "text: batch size 4")


def at_work(stage: str, run: Any) -> tuple[Stage, Work]:
    """Return a stage that does something else, and work that has come to it."""
    found = next(each for each in STAGES if each.name == stage)
    work = Work(recording=None, settings=Settings(), policy=None, scratch=Path())  # type: ignore[arg-type]
    return dataclasses.replace(found, run=run), work


def test_where_the_smallest_is_too_large_one_sentence_says_so() -> None:
    def wanting(_: Work) -> Any:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")

    stage, work = at_work("audio", wanting)
    with pytest.raises(ResourceError, match="Memory ran out in the stage 'audio'"):
        run_stage(stage, work)
    assert work.degraded[:2] == ["audio: batch size 8", "audio: batch size 4"]
    assert work.settings == Settings()


def test_on_a_gpu_a_smaller_type_and_the_processor_come_after_the_smallest_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    monkeypatch.setattr(
        flows.pressure,
        "choose_device",
        lambda wanted: torch.device("cpu" if wanted == "cpu" else "cuda"),
    )
    settings = Settings()
    steps = dict(smaller_settings(settings))
    assert [*steps][-3:] == ["batch size 1", "smaller compute type", "on the processor"]
    last = steps["on the processor"].weights
    assert (last.batch_size, last.compute, last.device) == (1, "small", "cpu")
    assert not is_memory_error(ValueError("out of memory"))


def endless(*_: Any) -> None:
    for _ in range(3000):
        time.sleep(0.01)


def test_a_stage_is_ended_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows.pressure, "LEAST_STAGE_SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(ResourceError, match="'video' did not end within 0 seconds and was ended"):
        run_stage(*at_work("video", endless))
    assert time.monotonic() - began < 25


def test_a_deadline_that_is_kept_changes_nothing() -> None:
    with deadline(30.0, "It"):
        pass
    time.sleep(0.01)


def _work(number: int) -> RecordingReport:
    if number == 2:
        die()
    return RecordingReport(uri=str(number), outcome="annotated", seconds=0.0)


def _lost(number: int) -> RecordingReport:
    return RecordingReport(uri=str(number), outcome="quarantined", seconds=0.0)


@pytest.mark.slow
def test_a_worker_process_that_is_killed_takes_only_its_recording_along() -> None:
    reports = list(in_processes(range(4), _work, _lost, workers=2))
    assert sorted((r.uri, r.outcome) for r in reports) == [
        ("0", "annotated"),
        ("1", "annotated"),
        ("2", "quarantined"),
        ("3", "annotated"),
    ]


def test_a_recording_that_changes_while_it_is_read_is_left_for_the_next_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tasks.ingest.fetch

    read = tasks.ingest.fetch._read
    path = bench.recordings / "weekly.mp4"
    content, times = path.read_bytes(), path.stat()

    def growing(uri: str, file: Any) -> bytes:
        with path.open("ab") as end:
            end.write(b"\0")
        return read(uri, file)

    with monkeypatch.context() as patch:
        patch.setattr(tasks.ingest.fetch, "_read", lambda uri, file: growing(uri, file)[:0])
        (report,) = bench.run().recordings
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert report.outcome == "uploading"
    assert not list(bench.dataset.glob("quarantine/*"))


def test_what_was_written_just_now_is_left_until_it_has_settled(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONESCRIBE_SETTLE_SECONDS", "3000")
    report = bench.run()
    assert (report.recordings, report.uploading) == ((), 1)
    assert report.sentence.endswith("1 still being uploaded")
    alone = annotate_plainly(bench.recordings / "weekly.mp4", bench.dataset)
    assert len(alone.recordings) == 1  # whoever names a recording means it
