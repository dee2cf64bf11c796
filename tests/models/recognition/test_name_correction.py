"""Told names are put where they were nearly heard, and nowhere else."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.network_store import find_network, is_there
from models.recognition.name_correction import common_words, mend_names
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.speech import Word

COMMON = frozenset({"good", "green", "would", "how", "are", "you", "part", "to", "the", "quickly"})
HOT_WORDS = ("Dana Larkspur", "Davenport", "Greenwood", "Quigley", "Zoltán", "Weekly: The Good")


def said(text: str, score: float = 0.2, gap: float = 0.0) -> list[Word]:
    """Words of half a second each, `gap` seconds apart."""
    return [
        Word(word=word, start=n * (0.5 + gap), end=n * (0.5 + gap) + 0.5, score=score)
        for n, word in enumerate(text.split())
    ]


def mended(words: list[Word]) -> str:
    return " ".join(word.word for word in mend_names(words, HOT_WORDS, COMMON))


@pytest.mark.parametrize(
    ("heard", "right"),
    [
        ("to Larksper.", "to Larkspur."),
        ("(lark spir's part", "(Larkspur's part"),
        ("to daven part", "to Davenport"),
        ("good Green would, how", "good Greenwood, how"),
        ("zoutan", "Zoltán"),
        ("larkspur and Zoltan", "Larkspur and Zoltán"),
    ],
)
def test_what_is_spelled_and_sounds_alike_becomes_the_name(heard: str, right: str) -> None:
    assert mended(said(heard)) == right


@pytest.mark.parametrize(
    "heard",
    [
        "you are quickly part",  # a single common word
        "green. Would you",  # two sentences
        "the good how",  # common words of a title
        "dena",  # shorter than five letters
        "the meeting",
        "Larkspur",
    ],
)
def test_other_words_stay(heard: str) -> None:
    assert mended(said(heard)) == heard


def test_what_is_sure_stays() -> None:
    assert mended(said("Larksper", score=0.7)) == "Larksper"
    assert mended(said("larkspur", score=0.9)) == "Larkspur"  # only spelled as told


def test_a_name_over_a_long_pause_stays() -> None:
    assert mended(said("green would", gap=0.4)) == "Greenwood"
    assert mended(said("green would", gap=0.6)) == "green would"


def test_the_best_reading_of_a_word_counts() -> None:
    (word,) = mend_names(said("Larksbur"), ("Parksburg", "Larkspur"), COMMON)
    assert word.word == "Larkspur"


def test_joined_words_keep_their_ends_and_are_as_sure_as_similar() -> None:
    first, name = mend_names(said("to lark spir"), HOT_WORDS, COMMON)
    assert first == said("to")[0]
    assert (name.start, name.end) == (0.5, 1.5)
    assert name.score == pytest.approx((7 / 8 + 1) / 2)  # one letter of eight, no sound
    (whole,) = mend_names(said("green wood"), HOT_WORDS, COMMON)
    assert whole.score == 0.95
    (spelled,) = mend_names(said("larkspur", score=0.3), HOT_WORDS, COMMON)
    assert spelled.score == 0.3


@given(
    st.lists(st.text("abdeklnoprstuvw.,'", min_size=1, max_size=9), max_size=8),
    st.lists(st.text("adeklnoprstu- ", max_size=14), max_size=4),
)
def test_words_stay_in_order_and_without_names_as_they_are(
    texts: list[str], told: list[str]
) -> None:
    words = [
        Word(word=text, start=n / 2, end=n / 2 + 0.5, score=0.1) for n, text in enumerate(texts)
    ]
    found = mend_names(words, told, COMMON)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert {word.start for word in found} <= {word.start for word in words}
    assert mend_names(found, (), COMMON) == found


@pytest.mark.skipif(not is_there("whisper-base", WeightSettings()), reason="weights not fetched")
def test_the_recogniser_knows_common_words_and_no_rare_name() -> None:
    known = common_words(find_network("whisper-base", WeightSettings()))
    assert {"the", "meeting", "remote"} <= known
    assert not {"larkspur", "davenport"} & known


def test_a_vocabulary_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        common_words(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(WeightsError, match="fetch the recogniser again"):
        common_words(tmp_path)
