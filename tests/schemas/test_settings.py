from pathlib import Path

import pytest

from schemas.errors import SettingsError
from schemas.settings import load_settings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_later_sources_win(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty_folder / "tonescribe.toml").write_text('language = "de"\n[judge]\nmin_seconds = 0.7\n')
    assert load_settings().language == "de"
    monkeypatch.setenv("TONESCRIBE_LANGUAGE", "fr")
    monkeypatch.setenv("TONESCRIBE_JUDGE__MIN_SECONDS", "0.9")
    settings = load_settings()
    assert (settings.language, settings.judge.min_seconds) == ("fr", 0.9)
    assert load_settings({"language": "it"}).language == "it"


@pytest.mark.parametrize(
    ("text", "named", "meant"),
    [
        ("langauge = 'de'", "langauge", "language"),
        ("[judge]\nmin_confidense = 0.5", "judge.min_confidense", "min_confidence"),
        ("[juge]\nmin_confidence = 0.5", "juge", "judge"),
    ],
)
def test_an_unknown_key_is_an_error_that_names_the_nearest(
    empty_folder: Path, text: str, named: str, meant: str
) -> None:
    (empty_folder / "tonescribe.toml").write_text(text)
    with pytest.raises(SettingsError, match=f"'{named}'; did you mean '{meant}'"):
        load_settings()


def test_an_unknown_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONESCRIBE_PROFIL", "standard")
    with pytest.raises(SettingsError, match="profile"):
        load_settings()


def test_a_wrong_value_names_its_key() -> None:
    with pytest.raises(SettingsError, match=r"judge\.min_confidence"):
        load_settings({"judge": {"min_confidence": 7}})


@pytest.mark.parametrize(
    "speakers",
    [{"at_least": 4, "at_most": 2}, {"exactly": 2, "at_least": 4}, {"exactly": 3, "at_most": 2}],
)
def test_counts_of_speakers_that_contradict_each_other_are_refused(
    speakers: dict[str, int],
) -> None:
    with pytest.raises(SettingsError, match="contradict"):
        load_settings({"speakers": speakers})


def test_a_language_is_a_tag() -> None:
    assert load_settings({"language": "pt-BR"}).language == "pt-BR"
    with pytest.raises(SettingsError, match="language"):
        load_settings({"language": "klingon language!!"})


def test_a_file_that_is_no_toml_is_one_sentence(empty_folder: Path) -> None:
    (empty_folder / "tonescribe.toml").write_text("profile = ")
    with pytest.raises(SettingsError, match=r"tonescribe\.toml"):
        load_settings()


def test_a_profile_is_a_named_set_of_engines() -> None:
    assert load_settings().engine("diarizer") == "embedded"
    standard = load_settings({"profile": "standard", "engines": {"audio": "embedded"}})
    assert standard.engine("diarizer") == "community-1"
    assert standard.engine("audio") == "embedded"
