"""The text branch judges texts of five languages, with what was said before them."""

from pathlib import Path

import numpy as np
import pytest

from models.protocols import TextSample
from models.text.cleaning import clean
from models.text.embedded import EmbeddedTextBranch
from models.text.synthetic import KeywordBranch
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings

PLAIN_CASES = {
    "I am so happy that we won, this is wonderful!": "happy",
    "I miss him so much, I cried all night.": "sad",
    "I am furious, how dare you do this to me!": "angry",
    "I'm really scared that something terrible will happen.": "fearful",
    "Ew, that is disgusting, it makes me sick.": "disgust",
    "Oh my god, I can't believe it, what a surprise!": "surprised",
    "The meeting is at ten in room four.": "neutral",
}


FOREIGN_CASES = {
    "de": {
        "Ich bin so glücklich, das ist wunderbar!": "happy",
        "Ich bin wütend, wie kannst du es wagen!": "angry",
        "Ich habe große Angst.": "fearful",
    },
    "fr": {
        "Je suis si heureux, c'est merveilleux !": "happy",
        "Je suis triste, il me manque tellement.": "sad",
        "J'ai très peur.": "fearful",
    },
    "it": {
        "Sono così felice, è meraviglioso!": "happy",
        "Sono molto triste, mi manca tanto.": "sad",
        "Ho tanta paura.": "fearful",
    },
    "es": {
        "¡Estoy muy feliz, es maravilloso!": "happy",
        "Estoy muy triste, lo echo de menos.": "sad",
        "Tengo mucho miedo.": "fearful",
    },
}


@pytest.fixture(scope="module")
def branch() -> EmbeddedTextBranch:
    return EmbeddedTextBranch(WeightSettings(device="cpu"))


def texts(*words: str) -> list[TextSample]:
    return [TextSample(text, "en") for text in words]


def best(scores: np.ndarray) -> list[str]:
    return [EMOTIONS[i] for i in scores.argmax(axis=1)]


def test_plain_sentences_are_judged_as_a_reader_would(branch: EmbeddedTextBranch) -> None:
    assert best(branch.score(texts(*PLAIN_CASES))) == list(PLAIN_CASES.values())


def test_words_without_punctuation_are_judged_alike(branch: EmbeddedTextBranch) -> None:
    plain = [text.lower().replace(",", "").replace("!", "").rstrip(".") for text in PLAIN_CASES]
    agree = sum(
        a == b for a, b in zip(best(branch.score(texts(*plain))), PLAIN_CASES.values(), strict=True)
    )
    assert agree >= 6


def test_talk_about_work_is_neutral(branch: EmbeddedTextBranch) -> None:
    work = texts(
        "So the remote control has four buttons and a display.",
        "We need to move the deadline to the second week of March.",
        "Can you send me the slides from the last presentation?",
    )
    assert best(branch.score(work)) == ["neutral"] * 3


def test_scores_are_probabilities_and_no_words_are_no_score(branch: EmbeddedTextBranch) -> None:
    scores = branch.score(texts("Hello.", "...", "", "word " * 2000))
    assert scores[[0, 3]].sum(axis=1) == pytest.approx(np.ones(2), abs=1e-5)
    assert np.isnan(scores[1:3]).all()
    assert branch.score([]).shape == (0, len(EMOTIONS))


def test_padding_and_neighbours_change_nothing(branch: EmbeddedTextBranch) -> None:
    samples = texts("No.", "I told you that I would be late, did I not?", "That is great news " * 9)
    alone = np.concatenate([branch.score([sample]) for sample in samples])
    assert branch.score(samples) == pytest.approx(alone, abs=0.02)


def test_it_says_which_languages_it_knows(branch: EmbeddedTextBranch) -> None:
    assert branch.languages == frozenset({"en", "de", "fr", "it", "es"})


@pytest.mark.parametrize("language", FOREIGN_CASES)
def test_other_languages_are_judged_by_their_own_network(
    branch: EmbeddedTextBranch, language: str
) -> None:
    cases = FOREIGN_CASES[language]
    scores = branch.score([TextSample(text, language) for text in cases])
    assert best(scores) == list(cases.values())


def test_the_language_chooses_the_network(branch: EmbeddedTextBranch) -> None:
    english, german, region, unknown, polish = branch.score(
        [TextSample("Nein, so war es gut!", name) for name in ("en", "de", "de-CH", None, "pl")]
    )
    assert np.abs(english - german).max() > 0.02
    assert region == pytest.approx(german, abs=1e-3)
    assert unknown == pytest.approx(english, abs=1e-3)
    assert np.isnan(polish).all()


def test_what_was_said_before_and_by_whom_matters(branch: EmbeddedTextBranch) -> None:
    good = ("Bob", "We won the contract! I am so happy, congratulations everybody!")
    bad = ("Bob", "They cancelled it and I am furious, this is an outrage!")
    answer = [TextSample("Oh wow.", "en", context, "Ann") for context in ((), (good,), (bad,))]
    alone, glad, angry = branch.score(answer)
    happy, furious = EMOTIONS.index("happy"), EMOTIONS.index("angry")
    assert glad[happy] > alone[happy]
    assert angry[furious] > glad[furious]
    own = branch.score([TextSample("Oh wow.", "en", (("Ann", bad[1]),), "Ann")])[0]
    assert np.abs(own - angry).max() > 1e-3


def test_typographic_quotes_are_evened_out() -> None:
    assert clean("  I’m “fine”…\n thanks ") == 'I\'m "fine"... thanks'


def test_missing_weights_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"weights .*gone\.safetensors are missing"):
        EmbeddedTextBranch(WeightSettings(text=str(tmp_path / "gone.safetensors")))


def test_keywords_tell_in_tests() -> None:
    keywords = KeywordBranch(WeightSettings())
    scores = keywords.score(texts("That is great, thanks", "We sit here", "I hate this, stop"))
    assert best(scores) == ["happy", "neutral", "angry"]
    assert scores.sum(axis=1) == pytest.approx(np.ones(3))
