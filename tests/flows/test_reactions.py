"""Listeners in the pipeline: their table, what the policy forbids, and what consent does.

The face stage finds real faces here; who listens is written beside them.
"""

from pathlib import Path

import pytest

from flows import stages
from schemas.dataset import open_dataset
from schemas.speech import Faces
from schemas.tables import Row
from tests.material.listeners import Listening, listening
from tests.material.meetings import make_meeting
from tests.material.refusals import make_refused_meeting
from tests.material.runs import annotate_plainly

LISTENING: list[Listening] = [
    (0, "SPEAKER_01", 230, 6),
    (0, "FACE_00", 20, 6),
    (1, "SPEAKER_00", 230, 6),
    (1, "FACE_00", 20, 6),
]


@pytest.fixture
def seen(synthetic: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    find = stages.faces.find_faces

    def with_listeners(*given: object) -> Faces:
        scratch = given[-1]
        assert isinstance(scratch, Path)
        return listening(scratch, LISTENING, find(*given))  # type: ignore[arg-type]

    monkeypatch.setattr(stages.faces, "find_faces", with_listeners)
    return synthetic


def rows_of(dataset: Path) -> list[Row]:
    found: list[Row] = open_dataset(str(dataset)).arrow("reactions").to_table().to_pylist()
    return found


def cached(folder: Path, stage: str) -> str:
    return "".join(path.read_text() for path in (folder / "cache").glob(f"*/{stage}-*"))


def test_a_meeting_has_a_table_of_reactions_beside_its_utterances(
    seen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_meeting(seen / "weekly.mp4")
    (done,) = annotate_plainly(seen / "weekly.mp4", seen / "dataset").recordings
    found = rows_of(seen / "dataset")
    assert done.n_reactions == len(found) == len(LISTENING)
    assert [(r["utterance_index"], r["participant"], r["emotion"]) for r in found] == [
        (0, "FACE_00", "sad"),
        (0, "SPEAKER_01", "happy"),
        (1, "FACE_00", "sad"),
        (1, "SPEAKER_00", "happy"),
    ]
    assert all(r["models"][0][0] == "video" for r in found)
    assert all(r["start"] < r["end"] for r in found)
    assert annotate_plainly(seen / "weekly.mp4", seen / "dataset").unchanged == 1
    monkeypatch.setenv("TONESCRIBE_WEIGHTS__VIDEO", "another-version")
    (again,) = annotate_plainly(seen / "weekly.mp4", seen / "dataset").recordings
    assert again.ran == ("split", "faces", "video", "reactions", "fuse")


def test_where_words_alone_are_judged_nobody_reacts(seen: Path) -> None:
    make_meeting(seen / "weekly.mp4")
    annotate_plainly(seen / "weekly.mp4", seen / "dataset", jurisdiction="eu")
    assert rows_of(seen / "dataset") == []
    assert cached(seen, "faces") == cached(seen, "reactions") == ""


def test_of_whoever_refused_no_reaction_is_stored_in_dataset_or_cache(seen: Path) -> None:
    meeting = make_refused_meeting(seen / "meetings")
    (done,) = annotate_plainly(meeting, seen / "dataset").recordings
    assert rows_of(seen / "dataset") == []
    assert done.n_reactions == 0
    assert cached(seen, "faces").count('"listeners":[]') == 1
    assert "FACE_00" not in cached(seen, "*")


def test_a_refusal_takes_rows_away_that_were_published_before(seen: Path) -> None:
    meeting = make_refused_meeting(seen / "meetings")
    sidecar = meeting.with_suffix(".toml")
    refusing = sidecar.read_text()
    sidecar.write_text(refusing.replace("false", "true"))
    annotate_plainly(meeting, seen / "dataset")
    assert {row["participant_name"] for row in rows_of(seen / "dataset")} == {"Zenobia", None}
    sidecar.write_text(refusing)
    annotate_plainly(meeting, seen / "dataset")
    assert rows_of(seen / "dataset") == []


def test_a_recording_without_pictures_has_a_table_without_rows(synthetic: Path) -> None:
    make_meeting(synthetic / "weekly.wav")
    annotate_plainly(synthetic / "weekly.wav", synthetic / "dataset")
    (file,) = (synthetic / "dataset").glob("reactions/*/*.parquet")
    assert file.stat().st_size > 0
    assert open_dataset(str(synthetic / "dataset")).relation("reactions").fetchall() == []
