"""Calibrate a voice's scores: the shorter an utterance, the less a network knows of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.audio.sound import trim_silence
from models.protocols import Samples, Scores
from models.scores import softmax
from schemas.values import SAMPLE_RATE, Json, Seconds

USUAL: Seconds = 3.0
_SHORTEST: Seconds = 0.3
_LONGEST: Seconds = 4.0
"""Durations outside of these are calibrated as these: nothing longer was there to fit to."""


@dataclass(frozen=True)
class VoiceCalibration:
    """A temperature that depends on how long somebody speaks.

    `temperature` holds for three seconds of voice and is multiplied by `(seconds / 3) ** exponent`.
    """

    temperature: float
    exponent: float = 0.0

    def temperatures(self, seconds: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the temperatures (n,) of utterances with so much voice (n,)."""
        lengths = relative_lengths(seconds)
        return np.asarray(self.temperature * lengths**self.exponent, dtype=np.float32)

    def scores(self, logits: NDArray[np.float32], seconds: NDArray[np.floating]) -> Scores:
        """Return probabilities (n, classes) of logits (n, classes)."""
        return softmax(logits / self.temperatures(seconds)[:, None])

    def as_config(self) -> Json:
        """Return what the header of the weights holds."""
        return {
            "temperature": round(self.temperature, 4),
            "duration_exponent": round(self.exponent, 4),
        }


def calibration_of(config: Json) -> VoiceCalibration:
    """Read a calibration from the header of weights."""
    return VoiceCalibration(
        float(config["temperature"]), float(config.get("duration_exponent", 0.0))
    )


def relative_lengths(seconds: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return durations (n,) as shares of three seconds, within what was fitted to."""
    return np.clip(np.asarray(seconds, dtype=np.float64), _SHORTEST, _LONGEST) / USUAL


def voiced_seconds(samples: Samples) -> Seconds:
    """Return how long an utterance is without the silence around it."""
    return len(trim_silence(samples)) / SAMPLE_RATE
