"""Which language is spoken, and which words are in its lexicon."""

import pytest

from models.recognition.language import code_of, likeliest, unknown_language
from models.recognition.lexicon import has_lexicon, is_known


def test_pieces_count_by_their_seconds_and_only_allowed_languages() -> None:
    chances = [{"en": 0.9, "de": 0.1}, {"en": 0.2, "de": 0.3, "nl": 0.5}]
    assert likeliest(chances, [1.0, 10.0], ()) == pytest.approx(("nl", 5.0 / 11.0))
    assert likeliest(chances, [1.0, 10.0], {"en", "de"}) == pytest.approx(("de", 3.1 / 6.0))
    assert likeliest(chances, [1.0, 10.0], {"it"}) is None
    assert likeliest([], [], ()) is None


@pytest.mark.parametrize(("tag", "code"), [("en-GB", "en"), ("DE", "de"), ("eng", "en")])
def test_tags_become_codes(tag: str, code: str) -> None:
    assert code_of(tag) == code


def test_an_unknown_language_is_one_sentence_with_a_remedy() -> None:
    assert "knows English only, and the language is 'de'" in unknown_language("de", {"en"})
    assert "knows 2 languages" in unknown_language("tlh", {"en", "de"})


@pytest.mark.parametrize("word", ["crockedile", "turbulants", "reourns", "Larkspir"])
def test_invented_words_are_in_no_lexicon(word: str) -> None:
    assert not is_known(word, "en", ())
    assert is_known(word, "en", {word.casefold()}), "names of the sidecar are known"


@pytest.mark.parametrize(
    ("word", "language"),
    [
        ("Okay,", "en"),
        ("don't", "en"),
        ("three-year-old", "en"),
        ("I'll", "en"),
        ("42%", "en"),
        ("Kühlschrank.", "de"),
        ("perché", "it"),
        ("aujourd'hui", "fr"),
        ("mañana", "es"),
        ("wszystko", "pl"),
    ],
)
def test_words_of_a_language_are_known(word: str, language: str) -> None:
    assert is_known(word, language, ())


def test_a_language_without_a_list_doubts_no_word() -> None:
    assert has_lexicon("en")
    assert not has_lexicon("pl")
    assert is_known("crockedile", "pl", ())
