"""A split that leaks cannot be built."""

import pytest
from pydantic import ValidationError

from schemas.corpus import LabelledClip, Split
from schemas.emotions import Emotion


def line(
    speaker: str,
    *,
    corpus: str = "emodb",
    sentence: str | None = None,
    dialogue: str | None = None,
) -> LabelledClip:
    return LabelledClip(
        corpus=corpus,
        label="anger",
        emotion="angry",
        speaker=speaker,
        sentence=sentence,
        dialogue=dialogue,
    )


@pytest.mark.parametrize("sides", [(0, 1), (0, 2), (1, 2)])
def test_a_speaker_on_two_sides_is_refused(sides: tuple[int, int]) -> None:
    parts = [[line("03")], [line("08")], [line("09")]]
    parts[sides[1]].append(parts[sides[0]][0])
    train, validation, test = map(tuple, parts)
    with pytest.raises(ValidationError, match="speaker on two sides of a split: emodb/0"):
        Split(train=train, validation=validation, test=test)


def test_speakers_of_two_corpora_may_bear_one_name() -> None:
    split = Split(train=(line("03"),), validation=(), test=(line("03", corpus="savee"),))
    assert split.test[0].speaker == "03"


def test_a_sentence_on_two_sides_is_refused_only_where_asked() -> None:
    train, test = (line("03", sentence="a01"),), (line("08", sentence="a01"),)
    assert Split(train=train, validation=(), test=test).disjoint_sentences is False
    with pytest.raises(ValidationError, match="sentence on two sides of a split: emodb/a01"):
        Split(train=train, validation=(), test=test, disjoint_sentences=True)


def test_a_validation_sentence_may_be_a_trained_one() -> None:
    train, validation = (line("03", sentence="a01"),), (line("08", sentence="a01"),)
    test = (line("09", sentence="a02"),)
    split = Split(train=train, validation=validation, test=test, disjoint_sentences=True)
    assert split.validation == validation
    test = (line("09", sentence="a01"),)
    with pytest.raises(ValidationError, match="sentence on two sides"):
        Split(train=(), validation=validation, test=test, disjoint_sentences=True)


def test_a_dialogue_that_two_corpora_hold_is_refused_where_asked() -> None:
    train = (line("Ross", corpus="emorynlp", dialogue="friends/s01e02c03"),)
    test = (line("Ross", corpus="meld", dialogue="friends/s01e02c03"),)
    assert Split(train=train, validation=(), test=test)
    with pytest.raises(ValidationError, match="dialogue on two sides of a split: friends/s01e02"):
        Split(train=train, validation=(), test=test, disjoint_dialogues=True)


def test_people_of_a_series_may_come_back_in_other_dialogues_only() -> None:
    train, test = (line("Ross", dialogue="1"),), (line("Ross", dialogue="2"),)
    split = Split(
        train=train, validation=(), test=test, disjoint_speakers=False, disjoint_dialogues=True
    )
    assert split.test == test
    with pytest.raises(ValidationError, match="needs disjoint dialogues"):
        Split(train=train, validation=(), test=test, disjoint_speakers=False)


def test_an_unnamed_dialogue_or_sentence_proves_nothing() -> None:
    train, test = (line("03"),), (line("08"),)
    with pytest.raises(ValidationError, match="dialogue on two sides"):
        Split(train=train, validation=(), test=test, disjoint_dialogues=True)
    with pytest.raises(ValidationError, match="sentence on two sides"):
        Split(train=train, validation=(), test=test, disjoint_sentences=True)


def test_a_sample_of_several_emotions_holds_its_own() -> None:
    several: tuple[Emotion, ...] = ("sad", "angry")
    clip = line("03").model_copy(update={"emotions": several})
    assert LabelledClip.model_validate(clip.model_dump()).emotions == several
    with pytest.raises(ValidationError, match="emotion angry is not among sad"):
        LabelledClip.model_validate({**clip.model_dump(), "emotions": ("sad",)})
