"""What reviewers correct is taken in, read everywhere, undone, and forgotten on request."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from flows.cli.app import app
from schemas.corrections import Correction
from schemas.dataset import Dataset, open_dataset
from schemas.errors import TonescribeError
from tasks.dataset.corrections import corrected_utterances, take_in
from tasks.dataset.publish import publish
from tests.material.annotations import annotated, annotation, recording
from tests.material.meetings import make_meeting
from tests.material.runs import annotate_plainly
from tests.tasks.dataset.test_publish import INFO

CAPTIONS = """WEBVTT

00:00.000 --> 00:03.000
<v Zenobia>I once kept a goat in the garden.

00:05.000 --> 00:08.000
<v Bo>Let us begin with the plan for today.
"""

runner = CliRunner()


def tonescribe(*arguments: str) -> Result:
    return runner.invoke(app, list(arguments))


@pytest.fixture
def folder(synthetic: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TONESCRIBE_SERVER", "none")
    (synthetic / "meetings").mkdir()
    make_meeting(synthetic / "meetings" / "weekly.wav", duration=10)
    (synthetic / "meetings" / "weekly.vtt").write_text(CAPTIONS)
    annotate_plainly(synthetic / "meetings", synthetic / "dataset")
    return synthetic


def recording_of(folder: Path) -> str:
    (row,) = open_dataset(str(folder / "dataset")).arrow("recordings").to_table().to_pylist()
    return str(row["recording_id"])


def entry(recording: str, number: int, **changes: Any) -> dict[str, Any]:
    made = {
        "id": f"{number:032x}",
        "who": "Rita",
        "when": f"2026-11-20T10:{number:02}:00Z",
        "recording": recording,
        "utterance": None,
        "start": None,
        "end": None,
        "speaker": None,
        "old": None,
        "new": None,
        "note": None,
        "undoes": None,
    }
    return made | changes


def file_of(path: Path, *entries: dict[str, Any]) -> str:
    made = {"format": "tonescribe-corrections", "version": 1, "corrections": entries}
    path.write_text(json.dumps(made))
    return str(path)


def handed_out(folder: Path) -> str:
    """A file as a page hands it out: words of Zenobia's mended, Bo renamed, a label changed."""
    recording = recording_of(folder)
    rows = corrected_utterances(open_dataset(str(folder / "dataset")), recording)
    bo = next(row for row in rows if row["speaker_name"] == "Bo")
    first = next(row for row in rows if row["speaker_name"] == "Zenobia")
    return file_of(
        folder / "corrections.json",
        entry(
            recording,
            1,
            utterance=first["utterance_index"],
            start=first["start"],
            end=first["end"],
            field="text",
            old=first["text"],
            new="I once kept a giraffe.",
        ),
        entry(recording, 2, speaker=bo["speaker"], field="speaker_name", old="Bo", new="Bodil"),
        entry(
            recording,
            3,
            utterance=bo["utterance_index"],
            field="emotion",
            old=bo["emotion"],
            new="angry",
            note="hear her",
        ),
    )


def test_corrections_are_read_everywhere_and_what_was_published_stays(folder: Path) -> None:
    dataset = str(folder / "dataset")
    own, file = recording_of(folder), handed_out(folder)
    (published,) = (folder / "dataset" / "utterances").rglob("*.parquet")
    before = pq.read_table(published)
    first = tonescribe("correct", dataset, file)
    assert (first.exit_code, first.stdout) == (0, f"{own}  3 taken in, 0 known already\n")
    again = tonescribe("correct", dataset, file)
    assert again.stdout == f"{own}  0 taken in, 3 known already\n"
    assert pq.read_table(published).equals(before)
    shown = tonescribe("show", dataset).stdout
    assert "giraffe" in shown
    assert "Bodil" in shown
    assert "goat" not in shown
    sql = "select speaker_name, original_speaker_name, original_text from utterances order by start"
    rows = json.loads(tonescribe("query", dataset, sql, "--format", "json").stdout)
    assert rows[0]["original_text"] == "I once kept a goat in the garden."
    names = {(r["speaker_name"], r["original_speaker_name"]) for r in rows}
    assert {("Zenobia", "Zenobia"), ("Bodil", "Bo")} <= names
    assert ("Bo", "Bo") not in names
    emotions = json.loads(
        tonescribe(
            "query",
            dataset,
            "select emotion, confidence from utterances where contains(corrected, 'emotion')",
            "--format",
            "json",
        ).stdout
    )
    assert emotions == [{"emotion": "angry", "confidence": None}]
    talkers = json.loads(
        tonescribe("query", dataset, "select speaker_name from speakers", "--format", "json").stdout
    )
    assert {"Zenobia", "Bodil"} <= {row["speaker_name"] for row in talkers}
    assert "giraffe" in tonescribe("export", dataset, "weekly", "--format", "vtt").stdout
    page = (folder / "dataset" / "pages" / f"{own}.html").read_text()
    assert "giraffe" in page
    listed = tonescribe("correct", dataset, "--list").stdout.splitlines()
    assert len(listed) == 3
    assert "Rita" in listed[0]


def test_an_undoing_takes_back_one_correction(folder: Path) -> None:
    dataset = str(folder / "dataset")
    tonescribe("correct", dataset, handed_out(folder))
    undone = tonescribe("correct", dataset, "--undo", f"{1:032x}"[:31], "--who", "Rita")
    assert undone.exit_code == 1  # 31 digits of zeros name all three
    assert isinstance(undone.exception, TonescribeError)
    undone = tonescribe("correct", dataset, "--undo", f"{1:032x}", "--who", "Rita")
    assert undone.exit_code == 0, undone.stdout
    shown = tonescribe("show", dataset).stdout
    assert "goat" in shown
    assert "Bodil" in shown


def test_a_new_annotation_keeps_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tonescribe("correct", str(folder / "dataset"), handed_out(folder))
    monkeypatch.setenv("TONESCRIBE_WEIGHTS__TEXT", "another-version")
    report = annotate_plainly(folder / "meetings", folder / "dataset")
    assert [r.outcome for r in report.recordings] == ["annotated"]
    assert "giraffe" in tonescribe("show", str(folder / "dataset")).stdout
    page = folder / "dataset" / "pages" / f"{recording_of(folder)}.html"
    assert "giraffe" in page.read_text()


def test_what_does_not_belong_here_is_refused_in_one_sentence(folder: Path) -> None:
    dataset = str(folder / "dataset")
    other = entry("f" * 16, 1, speaker="A", field="speaker_name", new="Eve")
    refused = tonescribe("correct", dataset, file_of(folder / "other.json", other))
    assert (refused.exit_code, refused.stdout) == (
        3,
        f"{'f' * 16}  refused: The dataset does not have it.\n",
    )
    (folder / "broken.json").write_text("{}[")
    for arguments in ((str(folder / "broken.json"),), (str(folder / "none.json"),), ()):
        told = tonescribe("correct", dataset, *arguments)
        assert isinstance(told.exception, TonescribeError), told.stdout
    assert not (folder / "dataset" / "corrections").exists()


def test_whoever_is_forgotten_is_in_no_correction(folder: Path) -> None:
    dataset = str(folder / "dataset")
    tonescribe("correct", dataset, handed_out(folder))
    told = tonescribe("forget", dataset, "--speaker", "Zenobia")
    assert told.exit_code == 0, told.stdout
    kept = open_dataset(dataset).corrections()
    assert {each.field for each in kept} == {"speaker_name", "emotion"}
    page = (folder / "dataset" / "pages" / f"{recording_of(folder)}.html").read_text()
    assert "giraffe" not in page
    # a name that reviewers gave is a name
    told = tonescribe("forget", dataset, "--speaker", "Bodil")
    assert told.exit_code == 0, told.stdout
    assert open_dataset(dataset).corrections() == ()
    assert "Let us begin" not in tonescribe("show", dataset).stdout


def test_a_forgotten_recording_takes_its_corrections_along(folder: Path) -> None:
    dataset = str(folder / "dataset")
    own, file = recording_of(folder), handed_out(folder)
    tonescribe("correct", dataset, file)
    assert tonescribe("forget", dataset, "--recording", own).exit_code == 0
    assert open_dataset(dataset).corrections() == ()
    assert tonescribe("correct", dataset, file).stdout == (
        f"{own}  refused: It was forgotten on request.\n"
    )


def test_corrections_of_a_store_in_memory_are_appended() -> None:
    store = Dataset("memory://corrected", create=True)
    publish(store, annotation(recording(), INFO, annotated()), "<p>")
    for number, emotion in ((1, "sad"), (2, "angry")):
        made = entry("0123456789abcdef", number, utterance=0, field="emotion", old="happy")
        (taken,) = take_in(store, [Correction(**made | {"new": emotion})])
        assert (taken.added, taken.known) == (1, 0)
    assert len(store.corrections()) == 2
    with store.connect() as connection:
        found = connection.sql("select emotion from utterances where utterance_index = 0")
        assert found.fetchall() == [("angry",)]
        assert connection.sql("select count(*) from corrections").fetchall() == [(2,)]
