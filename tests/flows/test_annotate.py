"""The whole pipeline on real media, with the deterministic engines."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from schemas.dataset import open_dataset
from schemas.errors import PolicyError, SettingsError
from tests.material import broken
from tests.material.checkpoints import random_fusion
from tests.material.meetings import make_meeting
from tests.material.runs import annotate_plainly


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.fixture
def meetings(synthetic: Path) -> Path:
    folder = synthetic / "meetings"
    folder.mkdir()
    make_meeting(folder / "weekly.mp4")
    return folder


def rows(dataset: Path) -> list[dict[str, object]]:
    table = open_dataset(str(dataset)).arrow("utterances").to_table()
    found: list[dict[str, object]] = table.to_pylist()
    return found


def test_a_meeting_becomes_rows_with_speakers_faces_and_scores(
    meetings: Path, synthetic: Path
) -> None:
    report = annotate_plainly(meetings, synthetic / "dataset")
    (done,) = report.recordings
    assert done.outcome == "annotated"
    found = rows(synthetic / "dataset")
    assert {row["speaker"] for row in found} == {"SPEAKER_00", "SPEAKER_01"}
    assert all(row["start"] < row["end"] for row in found)  # type: ignore[operator]
    assert [row["start"] for row in found] == sorted(row["start"] for row in found)  # type: ignore[type-var]
    assert any(row["audio_scores"] for row in found)
    assert any(row["video_scores"] for row in found)
    assert any(row["text_scores"] for row in found)
    page = (synthetic / "dataset" / "pages" / f"{done.recording_id}.html").read_text()
    assert '"speakers":["SPEAKER_00","SPEAKER_01"]' in page


def test_a_second_run_does_no_work_and_changes_no_byte(meetings: Path, synthetic: Path) -> None:
    annotate_plainly(meetings, synthetic / "dataset")
    before = digests(synthetic / "dataset")
    again = annotate_plainly(meetings, synthetic / "dataset")
    assert again.recordings == ()
    assert again.unchanged == 1
    assert digests(synthetic / "dataset") == before


def test_a_changed_text_model_redoes_text_and_fusion_only(
    meetings: Path, synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = annotate_plainly(meetings, synthetic / "dataset").recordings
    assert {"split", "diarize", "faces", "audio", "video", "text", "fuse"} <= set(first.ran)
    monkeypatch.setenv("TONESCRIBE_WEIGHTS__TEXT", "another-version")
    (second,) = annotate_plainly(meetings, synthetic / "dataset").recordings
    assert second.ran == ("text", "fuse")


def test_a_fusion_of_the_settings_joins_the_branches_anew(
    meetings: Path, synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONESCRIBE_ENGINES__FUSION", "embedded")
    annotate_plainly(meetings, synthetic / "dataset")
    shipped = rows(synthetic / "dataset")
    monkeypatch.setenv("TONESCRIBE_WEIGHTS__FUSION", str(random_fusion(synthetic)))
    (second,) = annotate_plainly(meetings, synthetic / "dataset").recordings
    assert second.ran == ("fuse",)
    own = rows(synthetic / "dataset")
    assert [row["audio_scores"] for row in own] == [row["audio_scores"] for row in shipped]
    assert [row["scores"] for row in own] != [row["scores"] for row in shipped]


def test_a_changed_video_model_makes_the_faces_again_that_it_reads(
    meetings: Path, synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotate_plainly(meetings, synthetic / "dataset")
    monkeypatch.setenv("TONESCRIBE_WEIGHTS__VIDEO", "another-version")
    (second,) = annotate_plainly(meetings, synthetic / "dataset").recordings
    assert second.ran == ("split", "faces", "video", "reactions", "fuse")


def test_bad_input_is_quarantined_and_the_rest_is_done(meetings: Path, synthetic: Path) -> None:
    broken.empty(meetings / "empty.mp4")
    broken.text_named_as_media(meetings / "text.mp4")
    broken.playlist(meetings / "playlist.mp4", "/etc/passwd")
    make_meeting(meetings / "typo.wav")
    (meetings / "typo.toml").write_text('titel = "x"')
    odd = meetings / "odd '\"\n; rm -rf 🎉.wav"
    make_meeting(meetings / "plain.wav").rename(odd)
    report = annotate_plainly(meetings, synthetic / "dataset")
    outcomes = {Path(r.uri).name: r.outcome for r in report.recordings}
    assert outcomes["weekly.mp4"] == "annotated"
    assert list(outcomes.values()).count("annotated") == 2
    assert report.has_quarantined
    held = [json.loads(p.read_text()) for p in (synthetic / "dataset/quarantine").iterdir()]
    sentences = {Path(h["sources"][0]["uri"]).name: h["sentence"] for h in held}
    assert set(sentences) == {"empty.mp4", "text.mp4", "playlist.mp4", "typo.wav"}
    assert "title" in sentences["typo.wav"]
    assert all(
        "\n" not in sentence and "Traceback" not in sentence for sentence in sentences.values()
    )


def test_a_mended_sidecar_takes_its_recording_out_of_quarantine(
    meetings: Path, synthetic: Path
) -> None:
    (meetings / "weekly.toml").write_text('titel = "x"')
    assert annotate_plainly(meetings, synthetic / "dataset").has_quarantined
    (meetings / "weekly.toml").write_text('title = "The weekly"')
    (mended,) = annotate_plainly(meetings, synthetic / "dataset").recordings
    assert (mended.outcome, mended.title) == ("annotated", "The weekly")
    assert not annotate_plainly(meetings, synthetic / "dataset").has_quarantined


def test_what_is_in_quarantine_stays_there_until_it_is_requeued(
    meetings: Path, synthetic: Path
) -> None:
    (meetings / "weekly.mp4").unlink()
    broken.empty(meetings / "late.mp4")
    annotate_plainly(meetings, synthetic / "dataset")
    again = annotate_plainly(meetings, synthetic / "dataset")
    assert again.recordings == ()
    assert again.still_quarantined == 1
    assert again.has_quarantined
    (tried,) = annotate_plainly(meetings, synthetic / "dataset", requeue=True).recordings
    assert tried.outcome == "quarantined"
    make_meeting(meetings / "late.mp4")
    (mended,) = annotate_plainly(meetings, synthetic / "dataset").recordings
    assert mended.outcome == "annotated"


def test_the_same_content_under_two_names_is_annotated_once(
    meetings: Path, synthetic: Path
) -> None:
    shutil.copy(meetings / "weekly.mp4", meetings / "copy of weekly.mp4")
    report = annotate_plainly(meetings, synthetic / "dataset")
    assert sorted(r.outcome for r in report.recordings) == ["annotated", "known"]
    table = open_dataset(str(synthetic / "dataset")).arrow("recordings").to_table().to_pylist()
    assert len(table) == 1
    assert len(table[0]["uris"]) == 2
    assert annotate_plainly(meetings, synthetic / "dataset").unchanged == 2


@pytest.mark.parametrize("strict", ["weekly", "copy"])
def test_consent_refused_under_one_name_holds_under_every_name(
    meetings: Path, synthetic: Path, strict: str
) -> None:
    shutil.copy(meetings / "weekly.mp4", meetings / "copy.mp4")
    refusal = 'jurisdiction = "eu"\nparticipants = [{ name = "Bo", consent = false }]'
    (meetings / f"{strict}.toml").write_text(refusal)
    annotate_plainly(meetings, synthetic / "dataset")
    found = rows(synthetic / "dataset")
    assert found
    assert all(row["emotion"] is None and row["audio_scores"] is None for row in found)
    (facts,) = open_dataset(str(synthetic / "dataset")).arrow("recordings").to_table().to_pylist()
    assert (facts["jurisdiction"], len(facts["uris"])) == ("eu", 2)


def test_other_settings_try_what_is_in_quarantine_again(
    meetings: Path, synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONESCRIBE_LIMITS__MAX_HOURS", "0.0001")
    assert annotate_plainly(meetings, synthetic / "dataset").has_quarantined
    monkeypatch.delenv("TONESCRIBE_LIMITS__MAX_HOURS")
    (done,) = annotate_plainly(meetings, synthetic / "dataset").recordings
    assert done.outcome == "annotated"
    assert not list((synthetic / "dataset" / "quarantine").iterdir())


def test_a_dataset_that_cannot_be_written_is_refused_before_any_work(
    meetings: Path, synthetic: Path
) -> None:
    (synthetic / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be written"):
        annotate_plainly(meetings, synthetic / "file" / "dataset")


def test_in_the_eu_at_work_only_the_words_are_judged(meetings: Path, synthetic: Path) -> None:
    annotate_plainly(meetings, synthetic / "dataset", jurisdiction="eu")
    found = rows(synthetic / "dataset")
    assert all(row["audio_scores"] is None and row["video_scores"] is None for row in found)
    assert any(row["text_scores"] for row in found)
    assert all("text_only_policy" in row["flags"] for row in found)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("options", "error"),
    [({"purpose": " "}, PolicyError), ({"profile": "huge"}, SettingsError)],
)
def test_refusals_come_before_any_work(
    meetings: Path, synthetic: Path, options: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        annotate_plainly(meetings, synthetic / "dataset", **options)
    assert not (synthetic / "dataset").exists()


def test_a_limit_leaves_the_rest_for_the_next_run(meetings: Path, synthetic: Path) -> None:
    make_meeting(meetings / "second.wav")
    assert len(annotate_plainly(meetings, synthetic / "dataset", limit=1).recordings) == 1
    assert len(annotate_plainly(meetings, synthetic / "dataset").recordings) == 1


def test_workers_annotate_in_processes_of_their_own(meetings: Path, synthetic: Path) -> None:
    make_meeting(meetings / "second.wav")
    report = annotate_plainly(meetings, synthetic / "dataset", workers=2)
    assert [r.outcome for r in report.recordings] == ["annotated", "annotated"]
