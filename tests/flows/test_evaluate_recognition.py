"""`evaluate words` as a user meets it, on the engines that hear tones."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli.app import app
from flows.evaluate_recognition import evaluate_words, measure_words
from lab.wer.figures import RecognitionFigures
from schemas.errors import InputError, SettingsError
from tests.material.sounds import CONVERSATION, tone_voices, write_wav

STM = """\
;; one word is another than the tones say, and one is left out
talk 1 A 0.5 2.5 What a horrible day, I
talk 1 B 3.0 5.0 this is terrible and makes
talk 1 A 5.5 7.0 am so happy
talk 1 B 7.5 9.5 me very angry this is
quiet 1 nobody 0 5
"""


@pytest.fixture
def recordings(synthetic: Path) -> Path:
    """A folder with a conversation and a silence, and the reference beside them."""
    folder = synthetic / "sound"
    folder.mkdir()
    write_wav(folder / "talk.wav", tone_voices(CONVERSATION, 10.0))
    write_wav(folder / "quiet.wav", tone_voices([], 5.0))
    (folder / "set.stm").write_text(STM)
    return folder


def test_the_command_tells_all_figures_by_recording_and_in_all(recordings: Path) -> None:
    options = ["--data", str(recordings / "set.stm"), "--audio", str(recordings)]
    ended = CliRunner().invoke(
        app, ["evaluate", "words", *options, "--json", "--report", str(recordings / "report")]
    )
    assert ended.exit_code == 0, ended.output
    found = json.loads(ended.stdout)
    assert found["segments"] == "diarizer"
    assert found["engine"].startswith("synthetic@")
    assert set(found["files"]) == {"talk", "quiet"}
    for figures in (found["all"], *found["files"].values()):
        assert set(figures) == set(RecognitionFigures.model_fields)
    in_all = found["all"]
    assert in_all["n_words"] == 18
    assert (in_all["substitutions"], in_all["insertions"], in_all["deletions"]) == (1, 1, 0)
    assert in_all["wer"] == in_all["cp_wer"] == pytest.approx(2 / 18)
    assert in_all["precision_of_kept_words"] == pytest.approx(17 / 19)
    assert in_all["word_ece"] == pytest.approx(2 / 19)  # the tones' words are all sure
    assert in_all["audio_seconds"] == pytest.approx(15.0)
    assert found["files"]["quiet"]["insertions_on_silence"] == 0
    assert "warnings" not in found
    names = {path.name for path in (recordings / "report").iterdir()}
    assert names == {"index.html", "report.md", "measures.json", "files.csv", "reliability.png"}
    page = (recordings / "report" / "report.md").read_text()
    assert "what a horrible  day" in page
    assert "what a wonderful day" in page


def test_what_is_wrong_is_said_in_one_sentence(recordings: Path) -> None:
    stm = recordings / "set.stm"
    with pytest.raises(SettingsError, match="needs --data with an STM file"):
        evaluate_words(stm, None)
    with pytest.raises(SettingsError, match="diarizer or reference, not 'both'"):
        measure_words(stm, recordings, segments="both")
    with pytest.raises(SettingsError, match="There is no folder nowhere; name the one with the"):
        measure_words(stm, recordings, "nowhere")
    (recordings / "quiet.wav").unlink()
    with pytest.raises(SettingsError, match=r"--report is a folder, and .*set\.stm is a file"):
        measure_words(recordings / "set.stm", recordings, report=recordings / "set.stm")
    crowd = recordings / "crowd.stm"
    crowd.write_text("".join(f"quiet 1 S{n} {n} {n + 1} yes\n" for n in range(21)))
    with pytest.raises(InputError, match="quiet has 21 speakers in the reference"):
        measure_words(crowd, recordings)
    with pytest.raises(InputError, match=r"set\.stm tells of quiet, but"):
        measure_words(stm, recordings)
    refused = CliRunner().invoke(app, ["evaluate", "words", "--robustness"])
    assert isinstance(refused.exception, SettingsError)
    assert "--robustness is not for this branch" in str(refused.exception)


def test_words_are_compared_by_the_rules_of_their_language(
    recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (recordings / "set.stm").write_text("talk 1 A 0.5 2.5 twenty one colours\n")
    told = {}
    for language in ("en", "de"):
        monkeypatch.setenv("TONESCRIBE_LANGUAGE", language)
        found = measure_words(recordings / "set.stm", recordings)
        told[language] = found["all"]["n_words"], found["languages"]
    assert told == {"en": (2, {"talk": "en"}), "de": (3, {"talk": "de"})}


def test_a_reader_is_warned_of_silence_and_of_a_reference_that_overruns(
    recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (recordings / "set.stm").write_text("quiet 1 A 0 9 Hello there\n")
    said = evaluate_words(recordings / "set.stm", recordings)
    assert ["WER", "1.000"] in [line.split() for line in said.splitlines()]
    warned = capsys.readouterr().err.splitlines()
    assert warned[0].startswith("quiet: no word was recognised. There is no tone")
    assert warned[1].startswith("quiet: the reference ends at 9.0 s, the recording at 5.0 s")
