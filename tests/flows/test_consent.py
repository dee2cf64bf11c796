"""Of somebody who did not consent nothing is stored but times, in no file of a run."""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL

from schemas.dataset import open_dataset
from tasks.dataset.export import EXPORTERS
from tests.material.meetings import make_meeting
from tests.material.runs import annotate_plainly

SECRET = "heffalump"
NAME = "Zenobia"
SIDECAR = f'participants = [{{ name = "{NAME}", consent = false }}, {{ name = "Bo" }}]\n'
CAPTIONS = f"""WEBVTT

00:00.000 --> 00:03.000
<v {NAME}>I once kept a {SECRET} in the garden.

00:05.000 --> 00:08.000
<v Bo>Let us begin with the plan for today.
"""


@pytest.fixture
def meeting(synthetic: Path) -> Path:
    folder = synthetic / "meetings"
    folder.mkdir()
    make_meeting(folder / "weekly.mp4")
    (folder / "weekly.vtt").write_text(CAPTIONS)
    (folder / "weekly.toml").write_text(SIDECAR)
    return folder / "weekly.mp4"


def everything_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and content of every file, tables and databases as text as well."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        yield str(path), path.read_bytes().decode("latin-1")
        if path.suffix == ".parquet":
            yield str(path), str(pq.read_table(path).to_pylist())


def prefect_database() -> str:
    """Everything that the Prefect server keeps: logs, artifacts, states, parameters."""
    address = PREFECT_API_DATABASE_CONNECTION_URL.value()
    path = str(getattr(address, "get_secret_value", lambda: address)()).split("///", 1)[1]
    with sqlite3.connect(path) as connection:
        return "\n".join(connection.iterdump())


def found(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


@pytest.mark.parametrize("pattern", [SECRET, NAME])
def test_no_file_of_a_run_holds_a_word_or_name_of_somebody_who_refused(
    meeting: Path, synthetic: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    scratch = synthetic / "tmp"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    dataset = synthetic / "dataset"
    (done,) = annotate_plainly(meeting.parent, dataset).recordings
    assert done.outcome == "annotated"
    for name, content in (
        *everything_in(dataset),
        *everything_in(synthetic / "cache"),
        *everything_in(scratch),
        ("the Prefect database", prefect_database()),
    ):
        assert not found(pattern, content), name
    opened = open_dataset(str(dataset))
    (facts,) = opened.arrow("recordings").to_table().to_pylist()
    rows = opened.arrow("utterances").to_table().to_pylist()
    for kind, export in EXPORTERS.items():
        assert not found(pattern, export(facts, rows, opened)), kind


def test_the_times_of_somebody_who_refused_stay_and_the_others_are_shown(
    meeting: Path, synthetic: Path
) -> None:
    annotate_plainly(meeting.parent, synthetic / "dataset")
    rows = open_dataset(str(synthetic / "dataset")).arrow("utterances").to_table().to_pylist()
    hidden = [row for row in rows if "no_consent" in row["flags"]]
    assert [row["text"] for row in hidden] == ["[not shown]"] * len(hidden)
    assert hidden[0]["end"] - hidden[0]["start"] > 1
    empty = ("emotion", "scores", "audio_scores", "video_scores", "text_scores", "valence")
    assert all(row[name] is None for row in hidden for name in empty)
    assert all(row["words"] == [] and row["face_coverage"] == 0 for row in hidden)
    shown = [row for row in rows if "no_consent" not in row["flags"]]
    assert {row["speaker_name"] for row in shown} == {"Bo"}
    assert "Let us begin with the plan for today." in str([row["text"] for row in shown])


def test_the_words_are_read_again_when_a_later_stage_needs_them(
    meeting: Path, synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotate_plainly(meeting.parent, synthetic / "dataset")
    monkeypatch.setenv("TONESCRIBE_UTTERANCES__MAX_PAUSE", "0.9")
    (again,) = annotate_plainly(meeting.parent, synthetic / "dataset").recordings
    assert {"transcribe", "utterances"} <= set(again.ran)
    texts = open_dataset(str(synthetic / "dataset")).pandas("utterances")["text"]
    assert "Let us begin with the plan for today." in set(texts)
    monkeypatch.setenv("TONESCRIBE_WEIGHTS__TEXT", "another-version")
    (last,) = annotate_plainly(meeting.parent, synthetic / "dataset").recordings
    assert last.ran == ("text", "fuse")


def shown_texts(dataset: Path) -> set[str]:
    rows = open_dataset(str(dataset)).arrow("utterances").to_table().to_pylist()
    return {row["text"] for row in rows}


@pytest.mark.parametrize("gone", ["sidecar", "twin"])
def test_a_refusal_stays_with_the_content_when_its_sidecar_is_gone(
    meeting: Path, synthetic: Path, gone: str
) -> None:
    twin = meeting.with_name("copy.mp4")
    if gone == "twin":
        shutil.copy(meeting, twin)
        shutil.copy(meeting.with_suffix(".vtt"), twin.with_suffix(".vtt"))
    annotate_plainly(meeting.parent, synthetic / "dataset")
    meeting.with_suffix(".toml").unlink()
    if gone == "twin":
        meeting.unlink()
        twin.with_suffix(".toml").write_text('participants = [{ name = "Bo" }]')
    annotate_plainly(meeting.parent, synthetic / "dataset")
    assert SECRET not in str(shown_texts(synthetic / "dataset"))


def test_a_refusal_is_taken_back_in_the_sidecar_that_stated_it(
    meeting: Path, synthetic: Path
) -> None:
    annotate_plainly(meeting.parent, synthetic / "dataset")
    meeting.with_suffix(".toml").write_text(SIDECAR.replace("false", "true"))
    annotate_plainly(meeting.parent, synthetic / "dataset")
    assert SECRET in str(shown_texts(synthetic / "dataset"))


def test_a_recording_whose_sidecar_asks_for_a_refused_use_is_quarantined_alone(
    meeting: Path, synthetic: Path
) -> None:
    make_meeting(meeting.with_name("other.wav"))
    meeting.with_suffix(".toml").write_text('purpose = "hiring"')
    report = annotate_plainly(meeting.parent, synthetic / "dataset")
    outcomes = {Path(r.uri).name: r.outcome for r in report.recordings}
    assert outcomes == {"weekly.mp4": "quarantined", "other.wav": "annotated"}
    assert "must not be used for hiring" in str([r.sentence for r in report.recordings])


def test_where_no_voice_is_known_by_name_nothing_is_shown_and_a_sentence_says_what_helps(
    meeting: Path, synthetic: Path
) -> None:
    meeting.with_suffix(".vtt").unlink()
    (done,) = annotate_plainly(meeting.parent, synthetic / "dataset").recordings
    assert shown_texts(synthetic / "dataset") == {"[not shown]"}
    assert "captions with names" in str(done.sentence)
