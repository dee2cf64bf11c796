"""One address holds one recording: what it held before leaves with its rows, pages and manifest."""

import shutil
from pathlib import Path

import pytest

from schemas.dataset import Dataset, open_dataset
from tasks.dataset.manifests import all_manifests, write_manifest
from tests.material.meetings import Track, make_meeting
from tests.material.runs import annotate_plainly
from tests.material.sounds import CONVERSATION


@pytest.fixture
def meetings(synthetic: Path) -> Path:
    folder = synthetic / "meetings"
    folder.mkdir()
    make_meeting(folder / "weekly.wav")
    return folder


def overwrite(path: Path) -> None:
    make_meeting(path, tracks=[Track(CONVERSATION[:1])], duration=5.0)


def rows(dataset: Path) -> list[tuple[str, list[str]]]:
    table = open_dataset(str(dataset)).arrow("recordings").to_table().to_pylist()
    return [(row["recording_id"], [Path(uri).name for uri in row["uris"]]) for row in table]


def files_of(dataset: Path, recording_id: str) -> list[str]:
    return [str(p) for p in dataset.rglob("*") if p.is_file() and recording_id in p.name]


def test_an_overwritten_recording_has_one_current_row(meetings: Path, synthetic: Path) -> None:
    dataset = synthetic / "dataset"
    (first,) = annotate_plainly(meetings, dataset).recordings
    overwrite(meetings / "weekly.wav")
    (second,) = annotate_plainly(meetings, dataset).recordings
    assert second.recording_id != first.recording_id
    assert rows(dataset) == [(second.recording_id, ["weekly.wav"])]
    assert first.recording_id is not None
    assert files_of(dataset, first.recording_id) == []
    assert annotate_plainly(meetings, dataset).unchanged == 1


def test_content_that_lies_elsewhere_too_stays_there(meetings: Path, synthetic: Path) -> None:
    dataset = synthetic / "dataset"
    shutil.copy(meetings / "weekly.wav", meetings / "copy.wav")
    first = annotate_plainly(meetings, dataset).recordings[0]
    overwrite(meetings / "weekly.wav")
    (second,) = annotate_plainly(meetings, dataset).recordings
    assert sorted(rows(dataset)) == sorted(
        [(first.recording_id, ["copy.wav"]), (second.recording_id, ["weekly.wav"])]
    )
    assert annotate_plainly(meetings, dataset).unchanged == 2


def test_two_recordings_that_change_places_stay_two(meetings: Path, synthetic: Path) -> None:
    dataset = synthetic / "dataset"
    overwrite(meetings / "other.wav")
    annotate_plainly(meetings, dataset)
    before = {uris[0]: rid for rid, uris in rows(dataset)}
    (meetings / "weekly.wav").rename(meetings / "third")
    (meetings / "other.wav").rename(meetings / "weekly.wav")
    (meetings / "third").rename(meetings / "other.wav")
    annotate_plainly(meetings, dataset)
    after = {uris[0]: rid for rid, uris in rows(dataset)}
    assert after == {"weekly.wav": before["other.wav"], "other.wav": before["weekly.wav"]}


def test_a_run_that_was_cut_off_before_the_removal_is_mended_by_the_next(
    meetings: Path, synthetic: Path
) -> None:
    dataset = synthetic / "dataset"
    annotate_plainly(meetings, dataset)
    (old,) = all_manifests(Dataset(str(dataset)))
    kept = {name: (dataset / name).read_bytes() for name in old.files}
    overwrite(meetings / "weekly.wav")
    (second,) = annotate_plainly(meetings, dataset).recordings
    for name, content in kept.items():
        (dataset / name).write_bytes(content)
    write_manifest(Dataset(str(dataset)), old)
    assert len(rows(dataset)) == 2
    (mended,) = annotate_plainly(meetings, dataset).recordings
    assert mended.outcome == "known"
    assert rows(dataset) == [(second.recording_id, ["weekly.wav"])]
    assert annotate_plainly(meetings, dataset).recordings == ()


def test_content_that_cannot_be_read_removes_nothing(meetings: Path, synthetic: Path) -> None:
    dataset = synthetic / "dataset"
    (first,) = annotate_plainly(meetings, dataset).recordings
    (meetings / "weekly.wav").write_text("the disk was full")
    assert annotate_plainly(meetings, dataset).has_quarantined
    assert rows(dataset) == [(first.recording_id, ["weekly.wav"])]


def test_what_is_no_recording_is_said(
    meetings: Path, synthetic: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from flows.cli.annotate import run_annotate
    from flows.options import AnnotateOptions

    (meetings / "notes.txt").write_text("minutes")
    annotate_plainly(meetings, synthetic / "dataset")
    capfd.readouterr()
    options = AnnotateOptions(source=str(meetings), out=str(synthetic / "dataset"))
    code = run_annotate(options, as_json=True, debug=False)
    out, err = capfd.readouterr()
    assert code == 0
    assert "1 file is not a recording: notes.txt." in err
    assert "notes.txt" not in out
