"""Every engine of the table keeps to its protocol: its methods, their results, its identity."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, get_type_hints

import numpy as np
import pytest

from models.faces.evidence import N_SIGNS, Evidence
from models.network_store import is_there, networks_of
from models.protocols import (
    ActiveSpeaker,
    Diarizer,
    EmotionBranch,
    FaceDetector,
    FaceSequence,
    Fusion,
    Samples,
    SpeakerHints,
    TextSample,
    Transcriber,
)
from models.registry import ENGINES, constructor, identify, load_engine
from schemas.errors import SettingsError, WeightsError
from schemas.settings import EngineSettings, WeightSettings
from schemas.speech import Diarization, Transcript, Turn

PROTOCOLS: dict[str, type[Any]] = {
    "diarizer": Diarizer,
    "transcriber": Transcriber,
    "face_detector": FaceDetector,
    "active_speaker": ActiveSpeaker,
    "audio": EmotionBranch,
    "video": EmotionBranch,
    "text": EmotionBranch,
    "fusion": Fusion,
}
EVERY = [(job, name) for job, names in ENGINES.items() for name in names]
WEIGHTS = WeightSettings()


class Tone:
    """Three seconds of a quiet tone, as a `Waveform`."""

    sample_rate = 16_000
    duration = 3.0

    def read(self, start: float, end: float) -> Samples:
        times = np.arange(round((end - start) * self.sample_rate)) / self.sample_rate + start
        inside = (times >= 0) & (times < self.duration)
        return np.where(inside, 0.1 * np.sin(2 * np.pi * 220 * times), 0).astype(np.float32)


def try_diarizer(engine: Any) -> None:
    found = engine.diarize(Tone(), SpeakerHints())
    assert isinstance(found, Diarization)
    assert all(0 <= turn.start < turn.end <= 3.1 for turn in (*found.turns, *found.exclusive))


def try_transcriber(engine: Any) -> None:
    turns = [Turn(start=0.0, end=3.0, speaker="SPEAKER_00")]
    found = engine.transcribe(Tone(), turns, "en", ("Ana",), languages=("en",))
    assert isinstance(found, Transcript)
    assert [w.start for w in found.words] == sorted(w.start for w in found.words)
    assert found.words or found.reason


def try_face_detector(engine: Any) -> None:
    assert engine.detect(np.zeros((120, 160, 3), dtype=np.uint8)) == []


def try_active_speaker(engine: Any) -> None:
    evidence = Evidence(np.arange(3), np.zeros(3, np.intp), np.zeros((3, N_SIGNS)))
    odds = engine.log_odds(evidence)
    assert odds.shape == (3,)
    assert np.isfinite(odds).all()


def try_branch(samples: Sequence[Any], engine: Any) -> None:
    assert engine.languages is None or isinstance(engine.languages, frozenset)
    assert engine.baseline is None or len(engine.baseline.reference) == 7
    scores = engine.score(samples)
    assert scores.shape == (len(samples), 7)
    assert engine.score([]).shape == (0, 7)
    judged = scores[np.isfinite(scores).all(axis=1)]
    assert np.allclose(judged.sum(axis=1), 1.0, atol=1e-4)
    assert (judged >= 0).all()


def try_fusion(engine: Any) -> None:
    scores = np.full((3, 7), 1 / 7, dtype=np.float32)
    scores[2] = np.nan
    fused = engine.fuse({"audio": scores, "text": scores})
    assert fused.shape == (3, 7)
    assert np.allclose(fused[:2].sum(axis=1), 1.0, atol=1e-4)
    assert np.isnan(fused[2]).all()


TRIALS: dict[str, Callable[[Any], None]] = {
    "diarizer": try_diarizer,
    "transcriber": try_transcriber,
    "face_detector": try_face_detector,
    "active_speaker": try_active_speaker,
    "audio": lambda engine: try_branch([Tone().read(0, 2), Tone().read(0, 0.6)], engine),
    "video": lambda engine: try_branch(
        [
            FaceSequence(np.zeros((4, 64, 64), dtype=np.uint8), np.arange(4, dtype=np.float32) / 5),
            FaceSequence(np.zeros((0, 64, 64), dtype=np.uint8), np.zeros(0, dtype=np.float32)),
        ],
        engine,
    ),
    "text": lambda engine: try_branch(
        [TextSample("that is wonderful", "en"), TextSample("", None)], engine
    ),
    "fusion": try_fusion,
}


def test_the_table_has_the_jobs_of_the_settings() -> None:
    assert set(ENGINES) == set(EngineSettings.model_fields) == set(PROTOCOLS) == set(TRIALS)


@pytest.mark.parametrize(("job", "name"), EVERY)
def test_its_methods_take_what_the_protocol_says(job: str, name: str) -> None:
    made = constructor(job, name)
    if not inspect.isclass(made):
        assert get_type_hints(made)["return"] in (PROTOCOLS[job], EmotionBranch[Any])
        return
    for method, wanted in inspect.getmembers(PROTOCOLS[job], inspect.isfunction):
        if method.startswith("_"):
            continue
        found = inspect.signature(getattr(made, method)).parameters
        expected = inspect.signature(wanted).parameters
        assert [p.kind for p in found.values()] == [p.kind for p in expected.values()]
        keywords = [n for n, p in expected.items() if p.kind is p.KEYWORD_ONLY]
        assert keywords == [n for n, p in found.items() if p.kind is p.KEYWORD_ONLY]


@pytest.mark.parametrize(("job", "name"), EVERY)
def test_its_results_are_what_the_protocol_says(job: str, name: str) -> None:
    if not all(is_there(network, WEIGHTS) for network in networks_of(job, name, WEIGHTS)):
        pytest.skip("its networks are not installed")
    try:
        engine = load_engine(job, name, WEIGHTS)
    except WeightsError as error:
        pytest.skip(error.sentence)
    assert engine.name
    assert len(engine.digest) >= 8
    TRIALS[job](engine)


@pytest.mark.parametrize(("job", "name"), EVERY)
def test_its_identity_needs_no_loading(job: str, name: str) -> None:
    assert identify(job, name, WEIGHTS).startswith(f"{name}@")


def test_an_unknown_engine_is_one_sentence() -> None:
    with pytest.raises(SettingsError, match="There is no face detector 'harr'; known are"):
        load_engine("face_detector", "harr", WEIGHTS)
