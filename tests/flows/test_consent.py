"""Of somebody who did not consent nothing is stored but times, in no file of a run."""

import shutil
from pathlib import Path

import pytest

from schemas.dataset import open_dataset
from tests.material.meetings import make_meeting
from tests.material.refusals import SECRET, SIDECAR, make_refused_meeting
from tests.material.runs import annotate_plainly


@pytest.fixture
def meeting(synthetic: Path) -> Path:
    return make_refused_meeting(synthetic / "meetings")


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
