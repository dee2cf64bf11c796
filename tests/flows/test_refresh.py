"""Rows and pages are written anew without judging again, also when the recording is gone."""

from pathlib import Path
from typing import Any

import pytest

import tasks.dataset.page
import tasks.dataset.refresh
from flows.batch import plan_batch
from flows.cli.refresh import run_refresh
from flows.options import AnnotateOptions
from schemas.dataset import Dataset, open_dataset
from schemas.tables import COLUMNS
from tasks.dataset.manifests import all_manifests, write_manifest
from tests.material.meetings import make_meeting
from tests.material.runs import annotate_plainly


@pytest.fixture
def published(synthetic: Path) -> Path:
    (synthetic / "meetings").mkdir()
    make_meeting(synthetic / "meetings" / "weekly.mp4")
    annotate_plainly(synthetic / "meetings", synthetic / "dataset")
    return synthetic


def content(dataset: Path) -> dict[str, bytes]:
    files = (p for p in dataset.rglob("*") if p.is_file() and p.suffix in (".parquet", ".html"))
    return {str(path.relative_to(dataset)): path.read_bytes() for path in files}


def plan_of(folder: Path) -> Any:
    options = AnnotateOptions(source=str(folder / "meetings"), out=str(folder / "dataset"))
    return plan_batch(options).plan


def test_a_new_page_needs_no_recording_and_no_cache(
    published: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(published / "dataset")
    (page,) = (name for name in before if name.endswith(".html"))
    monkeypatch.setattr(tasks.dataset.page, "STAGE_VERSION", 99)
    assert plan_of(published).sentence == "0 to annotate, 1 unchanged, 1 to write anew"
    (published / "dataset" / page).write_text("an old page")
    assert run_refresh(str(published / "dataset"), everything=False) == 0
    assert "1 written anew." in capsys.readouterr().out
    assert content(published / "dataset") == before
    assert plan_of(published).sentence == "0 to annotate, 1 unchanged"


def test_a_night_writes_anew_what_is_of_an_old_form(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.dataset.page, "STAGE_VERSION", 99)
    report = annotate_plainly(published / "meetings", published / "dataset")
    assert (report.recordings, report.refreshed) == ((), 1)
    assert report.sentence == "0 annotated, 1 already done, 0 in quarantine, 1 written anew"
    assert annotate_plainly(published / "meetings", published / "dataset").refreshed == 0


def test_a_column_with_a_value_for_old_rows_is_filled_and_another_needs_annotating(
    published: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = published / "dataset"
    words = next(column for column in COLUMNS["utterances"] if column.name == "words")
    renamed = words._replace(name="flags_again", kind=COLUMNS["utterances"][-2].kind)
    columns = COLUMNS | {"utterances": (*COLUMNS["utterances"], renamed)}
    monkeypatch.setattr(tasks.dataset.refresh, "COLUMNS", columns)
    assert run_refresh(str(dataset), everything=True) == 0
    assert "'flags_again' of 'utterances' can only be filled" in capsys.readouterr().out
    added = {"utterances": {"flags_again": lambda row: row["flags"]}, "recordings": {}}
    monkeypatch.setattr(tasks.dataset.refresh, "ADDED", added)
    assert run_refresh(str(dataset), everything=True) == 0
    assert "1 written anew." in capsys.readouterr().out
    assert open_dataset(str(dataset)).arrow("utterances").count_rows()


def test_what_was_published_before_notes_were_kept_is_left_to_annotate(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = Dataset(str(published / "dataset"))
    (manifest,) = all_manifests(dataset)
    write_manifest(dataset, manifest.model_copy(update={"notes": None, "versions": {}}))
    assert run_refresh(dataset.location, everything=False) == 0
    assert "1 left as they are; 'tonescribe annotate' does them" in capsys.readouterr().out
