"""A turns file is checked field by field: what cannot be read never gives a name."""

from pathlib import Path

import pytest

from schemas.errors import InputError
from tasks.transcript.diarize import given_turns
from tasks.transcript.rttm import read_rttm


def rttm(folder: Path, *lines: str) -> Path:
    path = folder / "meeting.rttm"
    path.write_text("\n".join(lines) + "\n")
    return path


def line(name: str, start: float = 0.5, confidence: str = "<NA>", **changed: str) -> str:
    fields = {"file": "m", "channel": "1", "start": str(start), "seconds": "1.5"}
    fields |= {"ortho": "<NA>", "kind": "<NA>", "name": name, "confidence": confidence}
    return "SPEAKER " + " ".join((fields | changed).values()) + " <NA>"


def test_confidences_are_kept_and_not_taken_for_certain(tmp_path: Path) -> None:
    made = given_turns(rttm(tmp_path, line("Ana_Lee", confidence="0.42"), line("Bo", 3)), 10.0)
    assert [turn.confidence for turn in made.turns] == [0.42, 1.0]
    assert made.names == {"SPEAKER_00": "Ana Lee", "SPEAKER_01": "Bo"}


def test_nine_fields_and_other_kinds_of_lines_are_read(tmp_path: Path) -> None:
    short = line("Ana").removesuffix(" <NA>")
    info = "SPKR-INFO m 1 <NA> <NA> <NA> adult_female Ana <NA> <NA>"
    (turn,) = read_rttm(rttm(tmp_path, ";; by hand", info, short))
    assert (turn.start, turn.end, turn.label, turn.confidence) == (0.5, 2.0, "Ana", None)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (line("Ana Maria Lee"), "12 fields instead of 9 or 10"),
        (line("Ana Lee").removesuffix(" <NA>"), "wrong confidence"),
        (line("Room 2").removesuffix(" <NA>"), "wrong confidence"),
        (line("Ana", file="my meeting"), "11 fields"),
        (line("Ana", file="my meeting").removesuffix(" <NA>"), "wrong channel"),
        (line("Ana", channel="left"), "wrong channel"),
        (line("Ana", channel="").replace("  ", " "), "wrong channel"),
        (line("Ana", ortho="hello"), "wrong sixth field"),
        (line("Ana", kind="tall"), "wrong seventh field"),
        (line("Ana", confidence="93"), "wrong confidence"),
        (line("Ana", confidence="0"), "wrong confidence"),
        (line("Ana", confidence="nan"), "wrong confidence"),
        (line("Ana", seconds="-1"), "wrong duration"),
        (line("Ana", start="inf"), "wrong start"),  # type: ignore[arg-type]
        (line("---"), "wrong name"),
        (line("A\u200bna"), "wrong name"),
        ("SPEAKR m 1 0 1 <NA> <NA> Ana <NA> <NA>", "no line of RTTM"),
        (line("Ana") + "\n" + line("Bo").removesuffix(" <NA>"), "9 and 10 fields"),
    ],
)
def test_a_line_with_a_wrong_field_is_one_sentence(
    given: str, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=sentence):
        given_turns(rttm(tmp_path, given), 10.0)


@pytest.mark.parametrize("label", ["SPEAKER_02", "spk01", "A", "7", "<NA>", "Guest_3", "unknown"])
def test_a_label_that_is_no_name_gives_none(label: str, tmp_path: Path) -> None:
    made = given_turns(rttm(tmp_path, line(label)), 10.0)
    assert made.names == {}
    assert made.speakers == ("SPEAKER_00",)


@pytest.mark.parametrize("label", ["Bo", "Su", "Sam", "Ana2", "Guesta"])
def test_a_short_name_is_a_name(label: str, tmp_path: Path) -> None:
    assert given_turns(rttm(tmp_path, line(label)), 10.0).names == {"SPEAKER_00": label}


def test_turns_of_another_recording_are_refused(tmp_path: Path) -> None:
    late = [line("Ana", start) for start in (1.0, 60.0, 70.0)]
    with pytest.raises(InputError, match=r"2 of 3 turns of meeting\.rttm begin after"):
        given_turns(rttm(tmp_path, *late), 10.0)
    assert len(given_turns(rttm(tmp_path, *late[:2]), 10.0).turns) == 1


def test_a_file_of_noise_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "meeting.rttm"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="cannot be read as text"):
        read_rttm(path)
