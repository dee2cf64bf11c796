"""The one table of engines: job -> name -> constructor.

A constructor takes the `WeightSettings` and loads its weights, or raises `WeightsError`.
The `synthetic` engines are deterministic and need no weights: tones stand for voices, drawn
ovals for faces. The whole flow runs on them in tests, and they show how to write an engine.
"""

import functools
import hashlib
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, overload

from models.checkpoint import SHIPPED, file_digest, shipped
from models.network_store import is_there, networks_of
from models.networks import NETWORKS
from models.protocols import (
    ActiveSpeaker,
    Diarizer,
    EmotionBranch,
    FaceDetector,
    FaceSequence,
    Fusion,
    Samples,
    TextSample,
    Transcriber,
)
from schemas.errors import SettingsError
from schemas.settings import WeightSettings

ENGINES: dict[str, dict[str, str]] = {
    "diarizer": {
        "embedded": "models.diarization.embedded:EmbeddedDiarizer",
        "community-1": "models.diarization.community:CommunityDiarizer",
        "synthetic": "models.diarization.synthetic:ToneDiarizer",
    },
    "transcriber": {
        "none": "models.recognition.no_recogniser:NoTranscriber",
        "embedded": "models.recognition.whisper:open_embedded",
        "whisper": "models.recognition.whisper:open_standard",
        "synthetic": "models.recognition.synthetic:ToneTranscriber",
    },
    "face_detector": {
        "auto": "models.faces.detectors:YuNetDetector",
        "yunet": "models.faces.detectors:YuNetDetector",
        "synthetic": "models.faces.synthetic:DrawnFaceDetector",
    },
    "active_speaker": {
        "embedded": "models.faces.speaking:EmbeddedActiveSpeaker",
        "light-asd": "models.faces.light_asd:LightAsd",
    },
    "audio": {
        "embedded": "models.architectures.branch:open_audio",
        "wav2vec2": "models.audio.wav2vec2:Wav2Vec2Branch",
        "synthetic": "models.audio.synthetic:LoudnessBranch",
    },
    "video": {
        "embedded": "models.architectures.branch:open_video",
        "synthetic": "models.video.synthetic:BrightnessBranch",
    },
    "text": {
        "embedded": "models.architectures.branch:open_text",
        "transformer": "models.text.transformer:TransformerTextBranch",
        "synthetic": "models.text.synthetic:KeywordBranch",
    },
    "fusion": {
        "embedded": "models.architectures.fusion:open_fusion",
        "mean": "models.fusion.mean:MeanFusion",
    },
}

_SHIPPED_FILES: dict[str, Path] = {
    "face_detector": SHIPPED / "face_detector.onnx",
    "active_speaker": SHIPPED / "active_speaker.json",
}
"""Jobs whose shipped weights are no safetensors file named after the job."""

_ON_SHIPPED_FILES = ("embedded", "auto", "yunet", "light-asd")
"""Engines that compute with the shipped weights of their job, alone or beside others."""


@overload
def load_engine(job: Literal["diarizer"], name: str, weights: WeightSettings) -> Diarizer: ...
@overload
def load_engine(job: Literal["transcriber"], name: str, weights: WeightSettings) -> Transcriber: ...
@overload
def load_engine(
    job: Literal["face_detector"], name: str, weights: WeightSettings
) -> FaceDetector: ...
@overload
def load_engine(
    job: Literal["active_speaker"], name: str, weights: WeightSettings
) -> ActiveSpeaker: ...
@overload
def load_engine(
    job: Literal["audio"], name: str, weights: WeightSettings
) -> EmotionBranch[Samples]: ...
@overload
def load_engine(
    job: Literal["video"], name: str, weights: WeightSettings
) -> EmotionBranch[FaceSequence]: ...
@overload
def load_engine(
    job: Literal["text"], name: str, weights: WeightSettings
) -> EmotionBranch[TextSample]: ...
@overload
def load_engine(job: Literal["fusion"], name: str, weights: WeightSettings) -> Fusion: ...
@overload
def load_engine(job: str, name: str, weights: WeightSettings) -> Any: ...
def load_engine(job: str, name: str, weights: WeightSettings) -> Any:
    """Load the engine of a job once per process.

    Raises `SettingsError` for an unknown name, `WeightsError` where weights are missing.
    """
    return _load_engine(job, name, weights)


def unload_engines() -> None:
    """Forget the engines that are loaded, so that their memory can be freed."""
    _load_engine.cache_clear()


@functools.cache
def _load_engine(job: str, name: str, weights: WeightSettings) -> Any:
    known = ENGINES[job]
    if name not in known:
        raise SettingsError(
            f"There is no {job.replace('_', ' ')} '{name}'; known are {', '.join(sorted(known))}."
        )
    return constructor(job, name)(weights)


def constructor(job: str, name: str) -> Callable[[WeightSettings], Any]:
    """Import what the table names: a class, or a function that returns an engine."""
    module, attribute = ENGINES[job][name].split(":")
    made: Callable[[WeightSettings], Any] = getattr(importlib.import_module(module), attribute)
    return made


def identify(job: str, name: str, weights: WeightSettings) -> str:
    """Return `name@digest` of an engine without loading it.

    The digest covers the weights that ship with tonescribe, the pinned networks of the table and
    whether they are there, or the file or folder that the settings name.
    """
    seen = hashlib.sha256(f"{job} {name}".encode())
    path = _SHIPPED_FILES.get(job, shipped(job))
    if name in _ON_SHIPPED_FILES and path.is_file():
        seen.update(f"{path.name} {file_digest(path)}".encode())
    for network in networks_of(job, name, weights):
        there = is_there(network, weights)
        seen.update(f"{network} {NETWORKS[network].digest} {there}".encode())
    if source := getattr(weights, job, ""):
        seen.update(_state_of(source).encode())
    return f"{name}@{seen.hexdigest()[:12]}"


def _state_of(source: str) -> str:
    path = Path(source)
    if path.is_file():
        return file_digest(path)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        states = [(str(f.relative_to(path)), f.stat().st_size, f.stat().st_mtime_ns) for f in files]
        return repr(states)
    return source
