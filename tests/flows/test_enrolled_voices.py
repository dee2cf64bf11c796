"""Voices are named by clips of enrolled people, where nothing that is surer names them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flows.batch import plan_batch
from flows.options import AnnotateOptions
from models.diarization.voiceprints import match_voices
from schemas.dataset import open_dataset
from schemas.errors import SettingsError
from schemas.reports import BatchReport
from tests.material.meetings import make_meeting
from tests.material.runs import annotate_plainly
from tests.material.sounds import Spoken, tone_voices, write_wav


def clip(path: Path, voice: int, seconds: float = 5.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_wav(path, tone_voices([Spoken(voice, 0.5, seconds - 0.5)], seconds))


@pytest.fixture
def meeting(synthetic: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two voices, of which the first is enrolled; a third is enrolled and not there."""
    clip(synthetic / "enrolled" / "Ana García.wav", 0)
    clip(synthetic / "enrolled" / "Chidi_Okafor" / "one.wav", 5)
    monkeypatch.setenv("TONESCRIBE_SPEAKERS__ENROLLED", str(synthetic / "enrolled"))
    return make_meeting(_made(synthetic / "meetings") / "weekly.wav")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def run(synthetic: Path) -> BatchReport:
    return annotate_plainly(synthetic / "meetings", synthetic / "dataset")


def names(synthetic: Path) -> list[str | None]:
    rows = open_dataset(str(synthetic / "dataset")).arrow("utterances").to_table().to_pylist()
    return [row["speaker_name"] for row in rows]


def test_a_voice_gets_the_name_of_its_clip_and_a_stranger_none(
    meeting: Path, synthetic: Path
) -> None:
    assert run(synthetic).recordings[0].outcome == "annotated"
    assert names(synthetic) == ["Ana García", None] * 2
    rows = open_dataset(str(synthetic / "dataset")).arrow("utterances").to_table().to_pylist()
    sure = {row["speaker_name"]: row["speaker_confidence"] for row in rows}
    assert sure["Ana García"] <= 0.98


def test_captions_win_over_voices_and_voices_over_the_count(meeting: Path, synthetic: Path) -> None:
    cues = "WEBVTT\n\n00:00.500 --> 00:02.500\n<v Bo>So\n\n00:05.500 --> 00:07.000\n<v Bo>There\n"
    meeting.with_suffix(".vtt").write_text(cues)
    run(synthetic)
    assert {"Bo"} == set(names(synthetic)) - {None}
    meeting.with_suffix(".vtt").unlink()
    meeting.with_suffix(".toml").write_text(
        'participants = [{ name = "Bo" }, { name = "ana garcia" }]'
    )
    run(synthetic)
    assert names(synthetic) == ["ana garcia", "Bo"] * 2


def test_only_who_is_listed_is_compared(meeting: Path, synthetic: Path) -> None:
    meeting.with_suffix(".toml").write_text('participants = [{ name = "Bo" }, { name = "Cy" }]')
    run(synthetic)
    assert names(synthetic) == [None] * 4


@pytest.mark.parametrize("who", ["Ana García", "Bo"])
def test_where_somebody_refused_nobody_is_named_by_voice(
    meeting: Path, synthetic: Path, who: str
) -> None:
    people = ", ".join(
        f'{{ name = "{name}", consent = {str(name != who).lower()} }}'
        for name in ("Ana García", "Bo", "Chidi Okafor")
    )
    meeting.with_suffix(".toml").write_text(f"participants = [{people}]")
    (report,) = run(synthetic).recordings
    assert set(names(synthetic)) == {"[not shown]"}
    assert "somebody refused consent" in (report.sentence or "")


def test_where_only_words_may_be_judged_voices_are_not_compared(
    meeting: Path, synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONESCRIBE_JURISDICTION", "eu")
    (report,) = run(synthetic).recordings
    assert names(synthetic) == [None] * 4
    assert "under this law and context nobody is recognised by voice" in (report.sentence or "")


def test_what_is_kept_depends_on_the_content_of_the_clips_and_holds_no_voice(
    meeting: Path, synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(synthetic)
    kept = [json.loads(path.read_text()) for path in (synthetic / "cache").rglob("voices-*")]
    assert kept == [
        {"names": {"SPEAKER_00": "Ana García"}, "chances": kept[0]["chances"], "notes": []}
    ]
    moved = synthetic / "moved"
    shutil.copytree(synthetic / "enrolled", moved)
    monkeypatch.setenv("TONESCRIBE_SPEAKERS__ENROLLED", str(moved))
    assert run(synthetic).unchanged == 1
    clip(moved / "Bo.wav", 1)
    (report,) = run(synthetic).recordings
    assert "diarize" not in report.ran
    assert "voices" in report.ran
    assert names(synthetic) == ["Ana García", "Bo"] * 2


def _twins(folder: Path) -> None:
    clip(folder / "ana garcia" / "a.wav", 1)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _nobody(folder: Path) -> None:
    (folder / "Bo").mkdir()


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "not there": (shutil.rmtree, "There is no folder"),
    "empty": (_empty, "holds no clips"),
    "a folder without clips": (_nobody, "The folder 'Bo' in .* holds no clip"),
    "two of one name": (_twins, "are one name"),
    "broken": (lambda f: (f / "Bo.wav").write_bytes(b"RIFF" * 99), "'Bo.wav' .* cannot be decoded"),
    "too long": (lambda f: clip(f / "Bo.wav", 1, 601.5), "longer than 10 minutes"),
    "too short": (lambda f: clip(f / "Bo.wav", 1, 1.2), "has 1.2 seconds"),
    "silent": (lambda f: write_wav(f / "Bo.wav", np.zeros(80_000, np.float32)), "is silent"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_folder_is_one_sentence_before_any_work(
    meeting: Path, synthetic: Path, fault: str
) -> None:
    spoil, sentence = FAULTS[fault]
    spoil(synthetic / "enrolled")
    with pytest.raises(SettingsError, match=sentence):
        run(synthetic)
    assert not (synthetic / "dataset").exists() or not list((synthetic / "dataset").rglob("*.json"))


def test_litter_in_the_folder_is_passed_over(meeting: Path, synthetic: Path) -> None:
    (synthetic / "enrolled" / ".DS_Store").write_bytes(b"x")
    (synthetic / "enrolled" / "._Ana García.wav").write_bytes(b"x")
    (synthetic / "enrolled" / "read me.txt").write_text("x")
    plan_batch(AnnotateOptions(source=str(meeting.parent), out=str(synthetic / "dataset")))
    run(synthetic)
    assert names(synthetic) == ["Ana García", None] * 2


def test_voices_and_people_are_matched_once_and_only_with_a_margin() -> None:
    people = np.eye(3, dtype=np.float32)
    voices = np.array([[0.9, 0.1, 0.0], [0.6, 0.55, 0.0], [0.1, 0.1, 0.2]], np.float32)
    found = match_voices(voices, people, limit=0.4, margin=0.1)
    assert [(match.voice, match.person) for match in found] == [(0, 0)]
    voices[1] = np.nan
    assert len(match_voices(voices, people, limit=0.4, margin=0.1)) == 1
    assert match_voices(voices[:0], people) == ()
