"""What the Prefect UI is given to show."""

from flows.artifacts import speaker_table, transcript_markdown
from schemas.speech import AnnotatedUtterance, Utterance


def said(text: str, speaker: str = "SPEAKER_00", seconds: float = 1.0) -> AnnotatedUtterance:
    utterance = Utterance(
        index=0,
        start=65.0,
        end=65.0 + seconds,
        speaker=speaker,
        speaker_confidence=1.0,
        overlap_ratio=0.0,
        text=text,
    )
    return AnnotatedUtterance(utterance=utterance, emotion="happy", confidence=0.81)


def test_nothing_said_breaks_out_of_its_cell() -> None:
    text = transcript_markdown("a # b", [said("x | y\n<img src=z> [link](u)")], "/p.html")
    row = text.splitlines()[-1]
    assert row == r"| 1:05 | SPEAKER\_00 | happy 81% | x \| y \<img src=z\> \[link\](u) |"


def test_a_long_transcript_is_shown_in_part() -> None:
    lines = transcript_markdown("t", [said("x")] * 250, "/p.html").splitlines()
    assert lines[-1] == "… and 50 more on the page."


def test_speakers_are_told_by_talk_time_and_mood() -> None:
    table = speaker_table([said("a", "A", 3.0), said("b", "B", 1.0)])
    assert [row["share"] for row in table] == ["75%", "25%"]
    assert table[0]["mostly"] == "happy"
