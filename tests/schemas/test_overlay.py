"""Corrections laid over rows: what a reviewer said counts, what the models said stays beside it."""

from datetime import UTC, datetime
from typing import Any

from schemas.corrections import Correction
from schemas.overlay import overlaid
from schemas.tables import Row


def row(index: int, speaker: str, name: str | None, **more: Any) -> Row:
    made = {
        "utterance_index": index,
        "start": 10.0 * index,
        "end": 10.0 * index + 8,
        "speaker": speaker,
        "speaker_name": name,
        "text": f"text {index}",
        "emotion": "sad",
        "confidence": 0.8,
        "flags": [],
    }
    return made | more


ROWS = [row(0, "A", "Ana"), row(1, "B", "Bo"), row(2, "A", "Ana"), row(3, "C", None)]


def correction(number: int, field: str, new: str | None, **more: Any) -> Correction:
    given = {
        "id": f"{number:032x}",
        "who": "Rita",
        "when": datetime(2026, 11, 20, 10, number, tzinfo=UTC),
        "recording": "0123456789abcdef",
        "field": field,
        "old": "sad" if field == "emotion" else "old",
        "new": new,
    }
    return Correction(**given | more)


def made(*corrections: Correction, rows: list[Row] = ROWS) -> list[Row]:
    return overlaid(rows, corrections)[0]


def test_without_corrections_nothing_differs() -> None:
    assert [r["corrected"] for r in made()] == [[], [], [], []]
    assert [r["original_text"] for r in made()] == [r["text"] for r in ROWS]


def test_text_and_emotion_of_an_utterance() -> None:
    text = correction(1, "text", "mended", utterance=1)
    found = made(text, correction(2, "emotion", None, utterance=1))[1]
    assert (found["text"], found["original_text"]) == ("mended", "text 1")
    assert (found["emotion"], found["original_emotion"], found["confidence"]) == (None, "sad", None)
    assert found["corrected"] == ["text", "emotion"]
    assert ROWS[1]["text"] == "text 1"


def test_a_label_that_is_right_stays_with_its_confidence() -> None:
    found = made(correction(1, "emotion", "sad", utterance=0))[0]
    assert (found["corrected"], found["confidence"]) == ([], 0.8)


def test_a_speaker_is_renamed_merged_and_split() -> None:
    renamed = correction(1, "speaker_name", "Anna", speaker="A")
    merged = correction(2, "speaker", "A", speaker="C")
    split = correction(3, "speaker", "D", utterance=2)
    found = made(renamed, merged, split)
    assert [r["speaker"] for r in found] == ["A", "B", "D", "A"]
    assert [r["speaker_name"] for r in found] == ["Anna", "Bo", None, "Anna"]
    assert found[0]["original_speaker_name"] == "Ana"


def test_whoever_is_merged_gets_the_name_of_the_other() -> None:
    assert made(correction(1, "speaker", "B", speaker="C"))[3]["speaker_name"] == "Bo"


def test_labels_merged_in_a_circle_come_to_an_end() -> None:
    circle = (
        correction(1, "speaker", "B", speaker="A"),
        correction(2, "speaker", "A", speaker="B"),
    )
    assert len(made(*circle)) == 4


def test_what_is_undone_does_not_hold() -> None:
    first = correction(1, "text", "mended", utterance=1)
    undo = correction(2, "text", "old", utterance=1, undoes=first.id)
    assert made(first, undo)[1]["text"] == "text 1"


def test_of_somebody_who_did_not_consent_nothing_comes_back() -> None:
    rows = [row(0, "A", "[not shown]", text="[not shown]", flags=["no_consent"]), ROWS[1]]
    asked = (
        correction(1, "text", "said in secret", utterance=0),
        correction(2, "speaker_name", "Ana", speaker="A"),
        correction(3, "speaker", "B", speaker="A"),
    )
    found = made(*asked, rows=rows)[0]
    assert (found["text"], found["speaker_name"], found["speaker"]) == (
        "[not shown]",
        "[not shown]",
        "A",
    )


def test_an_utterance_is_found_by_its_time_where_a_recording_was_cut_anew() -> None:
    moved = correction(1, "text", "mended", utterance=0, start=21.0, end=27.0)
    gone = correction(2, "text", "lost", utterance=9, start=90.0, end=95.0)
    rows, lost = overlaid(ROWS, [moved, gone])
    assert [r["text"] for r in rows][2] == "mended"
    assert lost == [gone.id]
