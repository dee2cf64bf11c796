"""Where a batch runs is one setting; what it needs is said before any work."""

from datetime import timedelta
from pathlib import Path

import pytest

import flows.handing
import flows.runners
from flows.batch import Job, plan_batch
from flows.discretion import address_id
from flows.handing import (
    Laid,
    answer,
    claim_jobs,
    claimed_by,
    clear_handed,
    free_again,
    hand,
    sweep_handed,
    take_answer,
    take_back,
)
from flows.options import AnnotateOptions
from flows.runners import check_runner, needs_shared_server
from schemas.dataset import Dataset
from schemas.errors import SettingsError
from schemas.media import SourceItem
from schemas.reports import RecordingReport
from schemas.settings import load_settings
from tests.material.meetings import make_meeting

ADDRESS = "s3://meetings/Ana and Bo.mp4"


@pytest.mark.parametrize("runner", ["ray", "workers"])
def test_without_prefect_these_runners_are_refused_before_the_source_is_read(
    synthetic: Path, runner: str
) -> None:
    options = AnnotateOptions(source="nowhere", out="d", server="none", runner=runner)
    with pytest.raises(SettingsError, match=f"'{runner}' needs Prefect"):
        plan_batch(options)


def test_ray_that_is_not_installed_is_one_sentence_with_the_remedy(
    synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows.runners, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"pip install 'tonescribe\[ray\]'"):
        check_runner(load_settings({"runner": "ray"}))


def test_here_is_one_process_whatever_the_workers(synthetic: Path) -> None:
    (synthetic / "in").mkdir()
    for seconds in (6, 7):
        make_meeting(synthetic / "in" / f"{seconds}.wav", duration=seconds)
    common = {"source": str(synthetic / "in"), "out": str(synthetic / "d"), "workers": 2}
    assert plan_batch(AnnotateOptions(**common)).is_parallel
    assert not plan_batch(AnnotateOptions(**common, runner="here")).is_parallel


@pytest.mark.parametrize(
    ("settings", "needs"),
    [
        ({"runner": "workers"}, True),
        ({"runner": "ray"}, False),
        ({"runner": "ray", "ray": {"address": "auto"}}, True),
        ({"runner": "processes", "ray": {"address": "auto"}}, False),
    ],
)
def test_other_machines_need_a_server_that_they_reach(
    synthetic: Path, settings: dict[str, object], needs: bool
) -> None:
    assert needs_shared_server(load_settings(settings)) is needs


def test_settings_travel_as_variables(synthetic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (synthetic / "tonescribe.toml").write_text('languages = ["en"]\n[judge]\nmin_seconds = 0.7\n')
    here = load_settings({"speakers": {"exactly": 2}})
    (synthetic / "tonescribe.toml").unlink()
    for name, value in here.as_environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == here


def test_a_worker_claims_what_nobody_has_claimed_and_answers(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path / "d"), create=True)
    item = SourceItem(uri=ADDRESS, size=1, version="1")
    address = address_id(ADDRESS)
    for batch in ("b1", "b2"):
        hand(dataset, batch, Job(item=item), "same")
    with pytest.raises(SettingsError, match=r"same tonescribe\.toml"):
        next(claim_jobs(dataset, "b1", "other", "worker"))
    jobs = claim_jobs(dataset, "b1", "same", "worker")
    assert next(jobs).item == item
    assert list(claim_jobs(dataset, "b1", "same", "another")) == []
    assert Laid.out(dataset, "b1").at_work == {address}
    assert claimed_by(dataset, "b1", address, "worker")
    assert not claimed_by(dataset, "b1", address, "another")
    free_again(dataset, "b1", address)
    assert Laid.out(dataset, "b1").free == {address}
    report = RecordingReport(uri=ADDRESS, outcome="annotated", seconds=1.0)
    answer(dataset, "b1", report)
    assert list(jobs) == []
    assert Laid.out(dataset, "b1").answered == {address}
    assert take_answer(dataset, "b1", address) == report
    take_back(dataset, "b1", ADDRESS)
    assert [path.name[:2] for path in (tmp_path / "d" / "handed").iterdir()] == ["b2"]
    clear_handed(dataset, "b2")
    assert not list((tmp_path / "d" / "handed").iterdir())


def test_what_nobody_waits_for_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset(str(tmp_path / "d"), create=True)
    item = SourceItem(uri=ADDRESS, size=1, version="1")
    hand(dataset, "b1", Job(item=item), "same")
    answer(dataset, "b2", RecordingReport(uri=ADDRESS, outcome="annotated", seconds=1.0))
    sweep_handed(dataset)
    assert [path.name[:2] for path in (tmp_path / "d" / "handed").iterdir()] == ["b1"]
    monkeypatch.setattr(flows.handing, "_KEPT", timedelta(0))
    sweep_handed(dataset)
    assert not list((tmp_path / "d" / "handed").iterdir())
