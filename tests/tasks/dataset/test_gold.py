"""The page and every export are, to the letter, what a reviewer looked at and accepted.

After a change that is wanted: `GOLD=write pytest tests/tasks/dataset/test_gold.py`, then look at
the difference.
"""

import os
from datetime import date
from pathlib import Path

import pytest

from schemas.dataset import Dataset
from schemas.emotions import EmotionScores
from schemas.media import MediaInfo, Recording
from schemas.sidecar import Sidecar
from schemas.speech import AnnotatedUtterance, Transcript, Utterance, Word
from tasks.dataset.export import EXPORTERS
from tasks.dataset.page import render_page
from tests.material.annotations import annotation

GOLD = Path(__file__).parents[2] / "material" / "gold"
ROOT = Path(__file__).parents[2] / "material" / "before_the_move" / "dataset"


def compare(name: str, text: str) -> None:
    path = GOLD / name
    if os.environ.get("GOLD") == "write":
        path.write_text(text, encoding="utf-8", newline="")
    assert text == path.read_bytes().decode()


@pytest.mark.parametrize("kind", sorted(set(EXPORTERS) - {"html"}))
def test_an_export_is_what_was_accepted(kind: str) -> None:
    dataset = Dataset(str(ROOT))
    (recording,) = dataset.arrow("recordings").to_table().to_pylist()
    rows = dataset.arrow("utterances").to_table().to_pylist()
    compare(f"weekly.{kind}", EXPORTERS[kind](recording, rows, dataset))


def test_the_page_is_what_was_accepted() -> None:
    recording = Recording(
        recording_id="0123456789abcdef",
        uri="/meetings/weekly.mp4",
        title="weekly",
        path="/meetings/weekly.mp4",
        size=10,
        version="v1",
        sidecar=Sidecar(date=date(2026, 11, 20)),
    )
    words = (Word(word="good", start=1.0, end=1.2, score=0.9), Word(word="day", start=1.3, end=2.0))
    said = Utterance(
        index=0,
        start=1.0,
        end=2.0,
        speaker="SPEAKER_00",
        speaker_name="Ana",
        speaker_confidence=0.9,
        overlap_ratio=0.0,
        text="good day",
        language="en",
        words=words,
    )
    silent = Utterance(
        index=1,
        start=3.0,
        end=4.5,
        speaker="SPEAKER_01",
        speaker_confidence=0.5,
        overlap_ratio=0.25,
        flags=("no_words",),
    )
    scores = EmotionScores.from_array([1, 5, 1, 1, 1, 1, 0])
    rows = (
        AnnotatedUtterance(
            utterance=said, emotion="happy", confidence=0.5, scores=scores, flags=("no_face",)
        ),
        AnnotatedUtterance(utterance=silent, flags=("no_face", "no_words")),
    )
    media = MediaInfo(container="mp4", duration=12.0, origin=0.0)
    page = render_page(annotation(recording, media, rows, Transcript(engine="none", reason="Why.")))
    compare("page.html", page)
