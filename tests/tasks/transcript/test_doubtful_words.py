"""Words that may be wrong are not shown, and what is said with too few sure ones is not judged."""

import pytest

from schemas.settings import EngineSettings, Settings
from schemas.sidecar import Sidecar
from schemas.speech import Diarization, Stretch, Transcript, Turn, Utterance, Word
from tasks.emotion.branches import _text_sample, judge_text
from tasks.transcript.utterances import make_utterances

DIARIZATION = (Turn(start=0.0, end=10.0, speaker="SPEAKER_00"),)


def scored(text: str, start: float = 0.0) -> tuple[Word, ...]:
    """Words of 0.3 s each: `word` is sure, `word?` is not, `word*` has no score."""
    marks = {"?": 0.1, "*": None}
    return tuple(
        Word(
            word=word.rstrip("?*"),
            start=start + 0.3 * number,
            end=start + 0.3 * number + 0.25,
            score=marks.get(word[-1], 0.9),
        )
        for number, word in enumerate(text.split())
    )


def utterances(
    *words: Word,
    least: float | None = None,
    looped: tuple[Stretch, ...] = (),
    heard: tuple[Stretch, ...] | None = None,
    is_calibrated: bool = True,
) -> tuple[Utterance, ...]:
    transcript = Transcript(
        words=words,
        language="en",
        engine="test",
        scores_are_calibrated=is_calibrated,
        looped=looped,
        heard=heard,
    )
    rules = {} if least is None else {"utterances": {"min_word_confidence": least}}
    diarization = Diarization(turns=DIARIZATION, exclusive=DIARIZATION)
    return make_utterances(diarization, transcript, Settings(**rules), Sidecar())


def stretch(start: float, end: float) -> Stretch:
    return Stretch(start=start, end=end)


@pytest.mark.parametrize(
    ("said", "text", "sure"),
    [
        ("we meet at ten", "we meet at ten", 4),
        ("we meat? at? ten", "we ... ten", 2),
        ("we? meet at? ten now", "... meet ... ten now", 3),
        ("we* meet* at ten", "we meet at ten", 4),
        ("what? what?", "...", 0),
    ],
)
def test_runs_of_unsure_words_are_one_gap_and_stay_among_the_words(
    said: str, text: str, sure: int
) -> None:
    (made,) = utterances(*scored(said))
    assert (made.text, made.sure_words) == (text, sure)
    assert [word.word for word in made.words] == [word.rstrip("?*") for word in said.split()]
    assert [word.score for word in made.words] == [word.score for word in scored(said)]


def test_the_setting_draws_the_line() -> None:
    words = scored("we meat? at ten")
    assert [u.text for u in utterances(*words, least=0.1)] == ["we meat at ten"]
    assert [u.text for u in utterances(*words, least=0.11)] == ["we ... at ten"]
    assert [u.text for u in utterances(*words, least=0.95)] == ["..."]


def test_scores_that_are_not_calibrated_say_nothing() -> None:
    (made,) = utterances(*scored("we? meat? at ... ... ten?"), is_calibrated=False)
    assert (made.text, made.sure_words) == ("we meat at ... ... ten", None)
    assert "asr_suspect" not in made.flags


@pytest.mark.parametrize(
    ("said", "is_suspect"),
    [("we meat? at ten", False), ("we? meet at? ten", False), ("we? meat? at? ten", True)],
)
def test_an_utterance_of_mostly_unsure_words_is_suspect(said: str, is_suspect: bool) -> None:
    (made,) = utterances(*scored(said))
    assert ("asr_suspect" in made.flags) is is_suspect


def test_an_utterance_with_a_loop_in_it_is_suspect_and_its_neighbours_are_not() -> None:
    words = (*scored("one two"), *scored("three four", 3.0), *scored("five six", 6.0))
    made = utterances(*words, looped=(stretch(3.1, 3.2), stretch(6.55, 9.0)))
    assert ["asr_suspect" in u.flags for u in made] == [False, True, False]


def test_an_utterance_in_which_nobody_is_heard_is_suspect() -> None:
    words = (*scored("one two"), *scored("thank you", 3.0))
    heard = (stretch(0.2, 2.0), stretch(5.0, 6.0))
    assert ["asr_suspect" in u.flags for u in utterances(*words, heard=heard)] == [False, True]
    assert ["asr_suspect" in u.flags for u in utterances(*words)] == [False, False]


def test_without_words_nothing_is_said_about_them() -> None:
    (made,) = utterances(heard=())
    assert (made.text, made.sure_words, made.flags) == (None, None, ("no_words",))


def judged(*made: Utterance) -> list[bool]:
    words = Settings(engines=EngineSettings(text="synthetic"))
    return [scores is not None for scores in judge_text(made, words).scores]


@pytest.mark.parametrize(
    ("said", "is_judged"),
    [
        ("wonderful news today", True),
        ("wonderful news? today", True),
        ("wonderful? news? today", False),
        ("wonderful news? ", False),
        ("wonderful", False),
    ],
)
def test_too_few_sure_words_are_not_judged(said: str, is_judged: bool) -> None:
    assert judged(*utterances(*scored(said))) == [is_judged]


def test_a_single_word_of_captions_is_judged() -> None:
    assert judged(*utterances(*scored("wonderful*"), is_calibrated=False)) == [True]


def test_gaps_are_shown_neither_as_text_nor_as_context() -> None:
    words = (
        *scored("we lost? it"),
        *scored("what? what?", 2.5),
        *scored("that? is wonderful news", 5.0),
    )
    made = utterances(*words)
    assert [u.text for u in made] == ["we ... it", "...", "... is wonderful news"]
    sample = _text_sample(made[2], made)
    assert sample.text == "is wonderful news"
    assert sample.context == (("SPEAKER_00", "we it"),)


def test_dots_in_captions_stay_in_what_is_judged() -> None:
    made = utterances(*scored("well* ...* fine*"), is_calibrated=False)
    assert _text_sample(made[0], made).text == "well ... fine"
