"""Where a batch runs is one setting; what it needs is said before any work."""

from pathlib import Path

import pytest

import flows.runners
from flows.batch import Job, plan_batch
from flows.discretion import address_id
from flows.handing import answer, hand, handed_job, take_answer, take_back
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


def test_a_worker_is_handed_a_recording_by_its_id_and_answers(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path / "d"), create=True)
    item = SourceItem(uri=ADDRESS, size=1, version="1")
    hand(dataset, Job(item=item), "same")
    found = handed_job(dataset, address_id(ADDRESS), "same")
    assert found is not None
    assert found.item == item
    with pytest.raises(SettingsError, match=r"same tonescribe\.toml"):
        handed_job(dataset, address_id(ADDRESS), "other")
    assert take_answer(dataset, ADDRESS) is None
    report = RecordingReport(uri=ADDRESS, outcome="annotated", seconds=1.0)
    answer(dataset, address_id(ADDRESS), report)
    assert take_answer(dataset, ADDRESS) == report
    take_back(dataset, ADDRESS)
    assert not list((tmp_path / "d" / "handed").iterdir())
