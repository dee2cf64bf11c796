import unicodedata

import pytest

from schemas.names import best_spelling, name_key, tidy


@pytest.mark.parametrize(
    "other",
    [
        "ana garcía",
        "ANA GARCIA",
        "Ana  García ",
        "García, Ana",
        "Ana\u200b García",
        "\ufeffAna García",
        unicodedata.normalize("NFD", "Ana García"),
        "Ａｎａ García",
    ],
)
def test_spellings_of_one_name_are_one_person(other: str) -> None:
    assert name_key(other) == name_key("Ana García")


@pytest.mark.parametrize("other", ["Ana", "Garcia Ana Maria", "Anna Garcia", "Ana Garcia (guest)"])
def test_other_names_are_other_people(other: str) -> None:
    assert name_key(other) != name_key("Ana García")


def test_a_name_in_another_script_keeps_its_letters() -> None:
    assert name_key("Ольга") != name_key("Олег")
    assert name_key("かな") != name_key("がな")
    assert name_key("山田 太郎") == "山田 太郎"
    assert name_key("Müller,") == name_key("müller")


def test_the_best_written_spelling_is_shown() -> None:
    assert best_spelling(["ana garcia", "Ana Garcia", "Ana García", "ana garcia"]) == "Ana García"
    assert best_spelling(["GARCIA, ANA", "Ana Garcia"]) == "Ana Garcia"
    assert best_spelling(["bo"]) == "bo"


def test_a_shown_name_is_one_line_without_invisible_characters() -> None:
    assert tidy("Ana\u200b\n García") == "Ana García"
