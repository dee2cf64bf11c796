"""Corrections: what a page hands out is checked, and an undoing is one more entry."""

import json
from typing import Any

import pytest

from schemas.corrections import Correction, read_corrections, standing
from schemas.errors import InputError


def entry(number: int = 0, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": f"{number:032x}",
        "who": "Rita",
        "when": "2026-11-20T10:00:00Z",
        "recording": "0123456789abcdef",
        "utterance": 3,
        "start": 6.2,
        "end": 7.5,
        "speaker": None,
        "field": "emotion",
        "old": "angry",
        "new": None,
        "note": None,
        "undoes": None,
    }
    return made | changes


def file_of(*entries: dict[str, Any], **changes: Any) -> bytes:
    made = {"format": "tonescribe-corrections", "version": 1, "corrections": entries}
    return json.dumps(made | changes).encode()


def test_a_file_is_read_in_its_order() -> None:
    rename = entry(1, utterance=None, speaker="SPEAKER_00", field="speaker_name", new="Ana")
    made = read_corrections(file_of(entry(), rename | {"old": None}), "c.json")
    assert [each.field for each in made] == ["emotion", "speaker_name"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"new": "ecstatic"}, "an emotion is one of neutral, happy"),
        ({"speaker": "SPEAKER_00"}, "about one utterance or about one speaker"),
        ({"utterance": None}, "about one utterance or about one speaker"),
        ({"field": "speaker_name"}, "corrected everywhere"),
        ({"field": "speaker"}, "replaced by another one"),
        ({"utterance": None, "speaker": "A"}, "utterance by utterance"),
        ({"field": "confidence"}, "corrections.0.field"),
        ({"recording": "../../etc"}, "corrections.0.recording"),
        ({"when": "2026-11-20T10:00:00"}, "timezone"),
        ({"who": ""}, "corrections.0.who"),
        ({"note": "x" * 1001}, "corrections.0.note"),
        ({"more": 1}, "corrections.0.more"),
    ],
)
def test_what_is_no_correction_is_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as told:
        read_corrections(file_of(entry(**changes)), "c.json")
    assert "The file c.json holds no corrections of a review page" in told.value.sentence
    assert sentence in told.value.sentence


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", file_of(format="x"), file_of(version=2)])
def test_what_is_no_such_file_is_one_sentence(content: bytes) -> None:
    with pytest.raises(InputError, match="save it again from the page"):
        read_corrections(content, "c.json")


def test_what_was_undone_does_not_stand_and_an_undoing_can_be_undone() -> None:
    first, second = Correction(**entry(1)), Correction(**entry(2, old=None, new="sad"))
    undo = Correction(**entry(3, old="sad", new=None, undoes=second.id))
    redo = Correction(**entry(4, old=None, new="sad", undoes=undo.id))
    assert standing((first, second)) == (first, second)
    assert standing((first, second, undo)) == (first,)
    assert standing((first, second, undo, redo)) == (first, second)
