"""Who speaks when: from the voices, from tracks, from a file."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from schemas.errors import InputError
from schemas.settings import EngineSettings, Settings, SpeakerSettings
from schemas.sidecar import Sidecar
from tasks.transcript.diarize import diarize, speaker_hints
from tests.material.sounds import CONVERSATION, InMemory, Spoken, tone_voices

SYNTHETIC = Settings(engines=EngineSettings(diarizer="synthetic"))


def test_tones_are_told_apart_to_ten_milliseconds() -> None:
    made = diarize(InMemory(tone_voices(CONVERSATION, 10)), SYNTHETIC, Sidecar())
    assert [turn.speaker[-1] for turn in made.turns] == ["0", "1", "0", "1"]
    for turn, spoken in zip(made.turns, CONVERSATION, strict=True):
        assert turn.start == pytest.approx(spoken.start, abs=0.011)
        assert turn.end == pytest.approx(spoken.end, abs=0.011)


def test_both_tracks_are_kept_where_two_speak_at_once() -> None:
    spoken = [Spoken(0, 0.5, 3.0), Spoken(3, 2.0, 4.5)]
    made = diarize(InMemory(tone_voices(spoken, 5)), SYNTHETIC, Sidecar())
    assert made.turns[0].end > made.turns[1].start + 0.9
    alone = sorted(made.exclusive, key=lambda turn: turn.start)
    assert all(a.end <= b.start for a, b in itertools.pairwise(alone))


def test_silence_has_no_turns() -> None:
    assert diarize(InMemory(np.zeros(48_000, np.float32)), SYNTHETIC, Sidecar()).turns == ()


def test_a_hint_joins_the_nearest_tones() -> None:
    spoken = [Spoken(0, 0, 3), Spoken(1, 4, 5), Spoken(7, 6, 9)]
    made = diarize(InMemory(tone_voices(spoken, 10)), SYNTHETIC, Sidecar(speakers=2))
    assert len(made.speakers) == 2


def test_the_sidecar_replaces_the_settings_hints() -> None:
    asked = SYNTHETIC.model_copy(update={"speakers": SpeakerSettings(exactly=5)})
    assert speaker_hints(asked, Sidecar()).exactly == 5
    hints = speaker_hints(asked, Sidecar(max_speakers=3))
    assert (hints.exactly, hints.at_most) == (None, 3)


def test_tracks_of_participants_give_turns_and_names_without_bleed() -> None:
    ana = [Spoken(0, 0.5, 2.5), Spoken(1, 3.0, 5.0, loudness=0.02), Spoken(0, 5.5, 8.0)]
    bo = [Spoken(0, 0.5, 2.5, loudness=0.01), Spoken(1, 3.0, 5.0), Spoken(1, 7.0, 9.0)]
    tracks = [("Ana", InMemory(tone_voices(ana, 10))), ("Bo", InMemory(tone_voices(bo, 10)))]
    mixed = InMemory(tone_voices([*ana, *bo], 10))
    made = diarize(mixed, SYNTHETIC, Sidecar(), tracks=tracks)
    assert made.names == {"SPEAKER_00": "Ana", "SPEAKER_01": "Bo"}
    spans = [(round(turn.start, 1), round(turn.end, 1), turn.speaker[-1]) for turn in made.turns]
    assert spans == [(0.5, 2.5, "0"), (3.0, 5.0, "1"), (5.5, 8.0, "0"), (7.0, 9.0, "1")]
    alone = sorted(made.exclusive, key=lambda turn: turn.start)
    assert all(a.end <= b.start for a, b in itertools.pairwise(alone))


def rttm(folder: Path, *lines: str) -> str:
    path = folder / "meeting.rttm"
    path.write_text("\n".join(lines))
    return str(path)


def test_given_turns_win_and_names_are_kept(tmp_path: Path) -> None:
    path = rttm(
        tmp_path,
        ";; by hand",
        "SPEAKER m 1 0.50 2.00 <NA> <NA> Ana_Lee <NA> <NA>",
        "SPEAKER m 1 2.00 1.00 <NA> <NA> SPEAKER_07 <NA> <NA>",
        "SPEAKER m 1 9.00 5.00 <NA> <NA> Ana_Lee <NA> <NA>",
    )
    made = diarize(InMemory(np.zeros(160_000, np.float32)), SYNTHETIC, Sidecar(), turns_path=path)
    assert [(t.start, t.end, t.speaker[-1]) for t in made.turns] == [
        (0.5, 2.5, "0"),
        (2.0, 3.0, "1"),
        (9.0, 10.0, "0"),
    ]
    assert made.names == {"SPEAKER_00": "Ana Lee"}
    assert [(t.start, t.end) for t in made.exclusive] == [(0.5, 2.5), (2.5, 3.0), (9.0, 10.0)]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("SPEAKER m 1 zero 2.00 <NA> <NA> A <NA> <NA>", "Line 1"),
        ("SPEAKER m 1 nan 2.00 <NA> <NA> A <NA> <NA>", "Line 1"),
        ("SPEAKER m 1 1.0", "Line 1"),
        ("1\n00:00:01,000 --> 00:00:02,000\nhello", "Line 1 .* no line of RTTM"),
        (";; nothing", "no SPEAKER line"),
        (
            "SPEAKER m 1 0 1 <NA> <NA> A <NA>\nSPEAKER n 1 0 1 <NA> <NA> A <NA>",
            "2 recordings",
        ),
    ],
)
def test_a_turns_file_that_is_no_rttm_is_refused(tmp_path: Path, line: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        diarize(
            InMemory(np.zeros(16_000, np.float32)),
            SYNTHETIC,
            Sidecar(),
            turns_path=rttm(tmp_path, line),
        )
