"""Calibrate a voice's scores: of short utterances and strange voices a network knows less."""

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

_STRANGEST = 2.5
"""A voice that is stranger is calibrated as this."""


@dataclass(frozen=True)
class VoiceCalibration:
    """A temperature that depends on how long somebody speaks, and on how strange it sounds.

    `temperature` holds for three seconds of a voice as strange as those trained on. It is
    multiplied by `(seconds / 3) ** exponent` and by `strangeness ** strangeness_exponent`.
    """

    temperature: float
    exponent: float = 0.0
    strangeness_exponent: float = 0.0

    def temperatures(
        self, seconds: NDArray[np.floating], strangeness: NDArray[np.floating] | None = None
    ) -> NDArray[np.float32]:
        """Return the temperatures (n,) of utterances with so much voice (n,).

        Without strangeness (n,), or where it is NaN, a voice is taken for a usual one.
        """
        strange = np.ones(1) if strangeness is None else relative_strangeness(strangeness)
        factors = relative_lengths(seconds) ** self.exponent * strange**self.strangeness_exponent
        return np.asarray(self.temperature * factors, dtype=np.float32)

    def scores(
        self,
        logits: NDArray[np.float32],
        seconds: NDArray[np.floating],
        strangeness: NDArray[np.floating] | None = None,
    ) -> Scores:
        """Return probabilities (n, classes) of logits (n, classes)."""
        return softmax(logits / self.temperatures(seconds, strangeness)[:, None])

    def as_config(self) -> Json:
        """Return what the header of the weights holds."""
        return {
            "temperature": round(self.temperature, 4),
            "duration_exponent": round(self.exponent, 4),
            "strangeness_exponent": round(self.strangeness_exponent, 4),
        }


def calibration_of(config: Json) -> VoiceCalibration:
    """Read a calibration from the header of weights."""
    return VoiceCalibration(
        float(config["temperature"]),
        float(config.get("duration_exponent", 0.0)),
        float(config.get("strangeness_exponent", 0.0)),
    )


def relative_lengths(seconds: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return durations (n,) as shares of three seconds, within what was fitted to."""
    return np.clip(np.asarray(seconds, dtype=np.float64), _SHORTEST, _LONGEST) / USUAL


def relative_strangeness(strangeness: NDArray[np.floating]) -> NDArray[np.float64]:
    """Clip strangeness (n,) to what was fitted to, 1 where it is NaN."""
    return np.clip(np.nan_to_num(np.asarray(strangeness, np.float64), nan=1.0), 1.0, _STRANGEST)


def voiced_seconds(samples: Samples) -> Seconds:
    """Return how long an utterance is without the silence around it."""
    return len(trim_silence(samples)) / SAMPLE_RATE
