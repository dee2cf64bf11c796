"""The one table of engines: job -> name -> constructor.

A constructor takes the `WeightSettings` and loads its weights, or raises `WeightsError`.
The `synthetic` engines are deterministic and need no weights: tones stand for voices, drawn
ovals for faces. The whole flow runs on them in tests, and they show how to write an engine.
"""

import functools
import importlib
from typing import Any

from schemas.errors import SettingsError
from schemas.settings import WeightSettings

ENGINES: dict[str, dict[str, str]] = {
    "diarizer": {
        "embedded": "models.voices.embedded:EmbeddedDiarizer",
        "community-1": "models.voices.community:CommunityDiarizer",
        "synthetic": "models.voices.synthetic:ToneDiarizer",
    },
    "transcriber": {
        "none": "models.words.none:NoTranscriber",
        # The embedded recogniser is yet to come; until then this profile has captions or no words.
        "embedded": "models.words.none:NoTranscriber",
        "whisperx": "models.words.whisperx:WhisperXTranscriber",
        "synthetic": "models.words.synthetic:ToneTranscriber",
    },
    "face_detector": {
        "auto": "models.faces.detectors:best_detector",
        "cascade": "models.faces.detectors:CascadeDetector",
        "yunet": "models.faces.detectors:YuNetDetector",
        "synthetic": "models.faces.synthetic:DrawnFaceDetector",
    },
    "audio": {
        "embedded": "models.audio.embedded:EmbeddedAudioBranch",
        "wav2vec2": "models.audio.wav2vec2:Wav2Vec2Branch",
        "synthetic": "models.audio.synthetic:LoudnessBranch",
    },
    "video": {
        "embedded": "models.video.embedded:EmbeddedVideoBranch",
        "synthetic": "models.video.synthetic:BrightnessBranch",
    },
    "text": {
        "embedded": "models.text.embedded:EmbeddedTextBranch",
        "transformer": "models.text.transformer:TransformerTextBranch",
        "synthetic": "models.text.synthetic:KeywordBranch",
    },
    "fusion": {
        "embedded": "models.fusion.embedded:EmbeddedFusion",
        "mean": "models.fusion.mean:MeanFusion",
    },
}


@functools.cache
def load_engine(job: str, name: str, weights: WeightSettings) -> Any:
    """Load the engine of a job once per process.

    Raises `SettingsError` for an unknown name, `WeightsError` where weights are missing.
    """
    known = ENGINES[job]
    if name not in known:
        raise SettingsError(
            f"There is no {job.replace('_', ' ')} '{name}'; known are {', '.join(sorted(known))}."
        )
    module, attribute = known[name].split(":")
    return getattr(importlib.import_module(module), attribute)(weights)
