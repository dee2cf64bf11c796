"""What is left when a run is killed, and that the next run clears it up."""

import os
import signal
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psutil
import pytest

import tasks.dataset.manifests
import tasks.dataset.store
from flows.batch import plan_batch, run_batch, run_plainly
from flows.options import AnnotateOptions
from schemas.dataset import open_dataset
from schemas.reports import BatchReport
from tasks.scratch import is_abandoned, owner, scratch_folder, sweep_scratch
from tests.flows.test_command_line import COMMAND, environment
from tests.material.meetings import make_meeting


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours runs after it."""


def run(folder: Path, **options: Any) -> BatchReport:
    made = plan_batch(
        AnnotateOptions(source=str(folder / "weekly.wav"), out=str(folder / "dataset"), **options)
    )
    return run_batch(made, run_plainly)


def rows(dataset: Path) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = (
        open_dataset(str(dataset)).arrow("utterances").to_table().to_pylist()
    )
    return table


def files(dataset: Path) -> set[str]:
    return {str(p.relative_to(dataset)) for p in dataset.rglob("*") if p.is_file()}


def test_a_name_says_whether_its_run_is_alive() -> None:
    assert not is_abandoned(owner())
    host, pid, start = owner().split("-")
    assert is_abandoned(f"x-{host}-{pid}-{int(start) - 5}-y")
    assert not is_abandoned(f"{'0' * 8}-{pid}-{int(start) - 5}")  # of another machine
    assert not is_abandoned("tonescribe-something-else")


def test_scratch_is_nobody_elses_and_that_of_dead_runs_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    host, pid, start = owner().split("-")
    dead = tmp_path / f"tonescribe-{host}-{pid}-{int(start) - 5}-abc"
    dead.mkdir()
    (dead / "audio.wav").write_bytes(b"what was said")
    with scratch_folder() as own:
        assert stat.S_IMODE(own.stat().st_mode) == 0o700
        sweep_scratch()
        assert own.is_dir()
    assert list(tmp_path.iterdir()) == []


def published_in_november(synthetic: Path) -> Path:
    """A recording that is about to move to another month."""
    make_meeting(synthetic / "weekly.wav")
    (synthetic / "weekly.toml").write_text("date = 2026-11-20")
    run(synthetic)
    (synthetic / "weekly.toml").write_text("date = 2026-10-20")
    return synthetic / "dataset"


WRITERS = (
    (tasks.dataset.store, "appear"),
    (tasks.dataset.store, "_take_back"),
    (tasks.dataset.manifests, "remove"),
)


@pytest.mark.parametrize("step", range(2, 17))
def test_whoever_dies_while_a_recording_moves_doubles_no_row(
    synthetic: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    dataset = published_in_november(synthetic)
    before = rows(dataset)
    count = 0

    def dying(function: Any) -> Any:
        def call(*given: Any, **more: Any) -> Any:
            nonlocal count
            count += 1
            if count > step:
                raise Killed
            return function(*given, **more)

        return call

    with monkeypatch.context() as patch:
        for module, name in WRITERS:
            patch.setattr(module, name, dying(getattr(module, name)))
        try:
            run(synthetic)
            died = False
        except Killed:
            died = True
    # two leases, twice noted; four files, the manifest, three old files, the manifest, the index
    assert died == (step < 16)
    between = rows(dataset)
    keys = [row["utterance_index"] for row in between]
    assert sorted(keys) == sorted({*keys}) == sorted(row["utterance_index"] for row in before)
    run(synthetic)
    after = rows(dataset)
    assert [row["text"] for row in after] == [row["text"] for row in before]
    assert {str(row["meeting_date"]) for row in after} == {"2026-10-20"}
    assert not [name for name in files(dataset) if "2026-11" in name]
    assert not [name for name in files(dataset) if "/." in f"/{name}"]


def test_rows_without_a_manifest_are_not_published(synthetic: Path) -> None:
    make_meeting(synthetic / "weekly.wav")
    (done,) = run(synthetic).recordings
    (synthetic / "dataset" / "manifests" / f"{done.recording_id}.json").unlink()
    assert rows(synthetic / "dataset") == []


@pytest.mark.slow
def test_after_kill_9_the_same_command_leaves_the_rows_of_an_undisturbed_run(
    tmp_path: Path,
) -> None:
    make_meeting(tmp_path / "weekly.mp4")
    own = environment(tmp_path) | {"TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    command = [*COMMAND, "annotate", "weekly.mp4", "--purpose", "demo", "--out"]
    killed = subprocess.Popen(
        [*command, "dataset"], cwd=tmp_path, env=own, stderr=subprocess.PIPE, text=True
    )
    assert killed.stderr is not None
    for line in killed.stderr:
        if "diarize" in line:
            break
    children = psutil.Process(killed.pid).children(recursive=True)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive  # the temporary server and ffmpeg end with the run
    assert list((tmp_path / "tmp").glob("tonescribe-*"))
    for name in ("dataset", "undisturbed"):
        done = subprocess.run(
            [*command, name, "--no-server"], cwd=tmp_path, env=own, check=False, timeout=120
        )
        assert done.returncode == 0
    assert not list((tmp_path / "tmp").glob("tonescribe-*"))
    assert rows(tmp_path / "dataset") == rows(tmp_path / "undisturbed")


def test_a_private_dataset_is_its_owners_alone(
    synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONESCRIBE_DATASET_MODE", "private")
    make_meeting(synthetic / "weekly.wav")
    previous = os.umask(0o022)
    try:
        run(synthetic)
    finally:
        os.umask(previous)
    for folder in (synthetic / "dataset", synthetic / "cache"):
        modes = {p: stat.S_IMODE(p.stat().st_mode) for p in (folder, *folder.rglob("*"))}
        assert {m for p, m in modes.items() if p.is_dir()} == {0o700}, modes
        assert {m for p, m in modes.items() if p.is_file()} == {0o600}, modes
