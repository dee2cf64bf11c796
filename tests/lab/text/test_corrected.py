"""What reviewers labelled is trained on, with its context, and nothing that is tested."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from flows.train import train
from lab.text.corrected import read_corrected
from lab.text.mix import read_training_mix, targets_of
from schemas.corrections import Correction
from schemas.dataset import Dataset
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from tasks.dataset.corrections import take_in, utterances_of
from tests.material.series import make_series

FIRST = f"{0:016x}"


def correction(number: int, utterance: int, field: str, new: str | None) -> Correction:
    return Correction.model_validate(
        {
            "id": f"{number:032x}",
            "who": "Rita",
            "when": datetime(2026, 11, 20, 10, number, tzinfo=UTC),
            "recording": FIRST,
            "utterance": utterance,
            "field": field,
            "old": "sad" if field == "emotion" else "before",
            "new": new,
        }
    )


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Four utterances judged, one of them unsure and one a line that a corpus tests."""
    made = Dataset(str(tmp_path / "dataset"), create=True)
    make_series(made)
    corrections = [
        correction(1, 2, "text", "Now I am really cross"),
        correction(2, 2, "emotion", "angry"),
        correction(3, 5, "emotion", "happy"),
        correction(4, 6, "emotion", None),
        correction(5, 7, "emotion", "fearful"),
        correction(6, 7, "text", "You never listen to me at all"),
    ]
    take_in(made, corrections)
    return made


def test_labelled_utterances_are_texts_with_context(dataset: Dataset) -> None:
    clips = read_corrected(dataset.location)
    assert [(clip.turn, clip.emotion) for clip in clips] == [
        (2, "angry"),
        (5, "happy"),
        (7, "fearful"),
    ]
    assert clips[0].text == "Now I am really cross"
    rows = utterances_of(dataset, FIRST)
    assert clips[0].context == tuple((row["speaker"], row["text"]) for row in rows[:2])


def test_they_join_the_mix_but_for_what_is_tested(dataset: Dataset, tmp_path: Path) -> None:
    comments = [
        ("you never listen to me at all", "annoyance", "en", "test"),
        ("I love it and I fear it", "love", "en", "train"),
    ]
    table = pd.DataFrame(comments, columns=["text", "label", "lang", "split"])
    table.to_parquet(tmp_path / "goemotions.parquet")
    mix = read_training_mix(tmp_path, (), ("en",), 0, read_corrected(dataset.location))
    assert [clip.turn for clip in mix if clip.corpus == "corrections"] == [2, 5]
    targets = targets_of(mix)
    assert EMOTIONS[targets[1].argmax()] == "angry"


def test_other_trainings_refuse_them(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="neither sound nor pictures"):
        train("audio", tmp_path, tmp_path / "out", corrections="dataset")
