"""whisperX runs from local folders, in windows, and never reaches for the net unasked."""

import socket
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from models.protocols import Samples
from models.registry import load_engine
from models.words.whisperx import WhisperXTranscriber
from schemas.errors import SettingsError, WeightsError
from schemas.settings import WeightSettings
from schemas.speech import Turn
from tests.material.checkpoints import random_aligner, random_whisper
from tests.material.sounds import Spoken, tone_voices

pytestmark = pytest.mark.filterwarnings("ignore")


@dataclass
class Hour:
    """An hour of silence with some tones, which notes how much of it is read at once."""

    longest_read: float = 0.0
    sample_rate: int = 16_000
    duration: float = 3600.0

    def read(self, start: float, end: float) -> Samples:
        self.longest_read = max(self.longest_read, end - start)
        spoken = [Spoken(0, 0.5, 1.0)]
        return np.resize(tone_voices(spoken, 2.0), round((end - start) * self.sample_rate))


@dataclass(frozen=True)
class Checkpoints:
    recogniser: Path
    aligner: Path

    def settings(self, **changes: object) -> WeightSettings:
        return WeightSettings(
            transcriber=str(self.recogniser), aligner=str(self.aligner), device="cpu"
        ).model_copy(update=changes)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Checkpoints:
    folder = tmp_path_factory.mktemp("checkpoints")
    return Checkpoints(random_whisper(folder), random_aligner(folder / "aligner"))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Note every attempt to reach another machine, and refuse it."""
    attempts: list[object] = []

    def refuse(self: socket.socket, address: object) -> None:
        attempts.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: attempts.append(host) or []
    )
    return attempts


@pytest.fixture(scope="module")
def engine(checkpoints: Checkpoints) -> WhisperXTranscriber:
    made: WhisperXTranscriber = load_engine("transcriber", "whisperx", checkpoints.settings())
    return made


def turns(*spans: tuple[float, float]) -> list[Turn]:
    return [Turn(start=start, end=end, speaker="SPEAKER_00") for start, end in spans]


@pytest.mark.slow
def test_words_lie_in_the_turns(
    engine: WhisperXTranscriber,
    no_network: list[object],
    capfd: pytest.CaptureFixture[str],
) -> None:
    sound = Hour()
    transcript = engine.transcribe(sound, turns((10, 20), (3000, 3010)), None)
    assert transcript.engine == "whisperx"
    assert transcript.language == "en"
    assert any(word.start < 21 for word in transcript.words)
    assert any(word.start > 2999 for word in transcript.words)
    for word in transcript.words:
        assert 9.7 < word.start < word.end < 20.3 or 2999.7 < word.start < word.end < 3010.3
        assert word.timing == "interpolated" or word.score is not None
    assert sound.longest_read <= 300
    assert no_network == []
    assert capfd.readouterr().out == "", "standard output is not whisperX's to write on"


@pytest.mark.slow
def test_the_told_language_is_kept(engine: WhisperXTranscriber) -> None:
    assert engine.transcribe(Hour(), turns((10, 12)), "en-GB").language == "en-GB"


@pytest.mark.slow
def test_an_unknown_language_is_one_sentence(engine: WhisperXTranscriber) -> None:
    with pytest.raises(SettingsError, match="does not know the language 'de-CH'"):
        engine.transcribe(Hour(), turns((10, 12)), "de-CH")


@pytest.mark.slow
def test_where_nobody_speaks_nothing_is_heard(engine: WhisperXTranscriber) -> None:
    sound = Hour()
    transcript = engine.transcribe(sound, [], None)
    assert transcript.words == ()
    assert transcript.reason == "Nobody speaks in the recording."
    assert sound.longest_read == 0


@pytest.mark.slow
def test_words_that_cannot_be_aligned_are_interpolated(engine: WhisperXTranscriber) -> None:
    aligner = engine._aligner("en")
    assert aligner is not None
    samples = Hour().read(0, 10)
    words = aligner.align("we have 42 of them", samples, 1.0, 4.0, origin=100.0)
    assert [(word.word, word.timing) for word in words] == [
        ("we", "aligned"),
        ("have", "aligned"),
        ("42", "interpolated"),
        ("of", "aligned"),
        ("them", "aligned"),
    ]
    assert all(101.0 <= word.start < word.end <= 104.0 for word in words)
    (lonely, again) = aligner.align("42 %", samples, 1.0, 4.0, origin=100.0)
    assert (lonely.timing, again.timing) == ("interpolated", "interpolated")
    assert (lonely.start, again.end) == (101.0, 104.0)


@pytest.mark.slow
def test_the_digest_follows_the_weights(
    engine: WhisperXTranscriber, checkpoints: Checkpoints
) -> None:
    assert WhisperXTranscriber(checkpoints.settings()).digest == engine.digest
    assert WhisperXTranscriber(checkpoints.settings(aligner="other")).digest != engine.digest


@pytest.mark.slow
@pytest.mark.parametrize("aligner", ["", "nowhere/wav2vec2", "WAV2VEC2_ASR_BASE_960H"])
def test_a_missing_aligner_is_one_sentence_and_no_download(
    aligner: str,
    checkpoints: Checkpoints,
    no_network: list[object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    engine = WhisperXTranscriber(checkpoints.settings(aligner=aligner))
    with pytest.raises(WeightsError, match=r"set weights\.aligner to the folder"):
        engine.transcribe(Hour(), turns((10, 12)), "en")
    assert no_network == []


def test_a_recogniser_that_is_nowhere_is_one_sentence_and_no_download(
    no_network: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    for name in ("large-v3", "no-such-size", "someone/whisper"):
        with pytest.raises(WeightsError, match=f"The recogniser '{name}' is neither a folder"):
            WhisperXTranscriber(WeightSettings(transcriber=name))
    assert no_network == []


def test_a_folder_without_a_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"lacks model\.bin, tokenizer\.json"):
        WhisperXTranscriber(WeightSettings(transcriber=str(tmp_path)))


@pytest.mark.slow
def test_a_damaged_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "model.bin"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(WeightsError, match="cannot be loaded"):
        WhisperXTranscriber(WeightSettings(transcriber=str(tmp_path), device="cpu"))
