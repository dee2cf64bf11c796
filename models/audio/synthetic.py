"""An audio branch for tests: it judges by level alone."""

from collections.abc import Sequence

import numpy as np

from models.audio.sound import frame_levels
from models.protocols import Baseline, Samples, Scores
from schemas.emotions import EMOTIONS, Emotion
from schemas.settings import WeightSettings

_LOUD_AT: dict[Emotion, float] = {
    "neutral": -20.0,
    "happy": -14.0,
    "sad": -32.0,
    "angry": -8.0,
    "fearful": -26.0,
    "disgust": -38.0,
    "surprised": -2.0,
}
_LEVELS = np.array([_LOUD_AT.get(name, -44.0) for name in EMOTIONS], dtype=np.float32)
"""dBFS at which each class is the likeliest, in the order of `EMOTIONS`."""

_WIDTH = 4.0


class LoudnessBranch:
    """Takes loud for surprised, quiet for disgust, and the rest for what lies between.

    For tests and as an example of a branch; it says nothing of emotion.
    """

    name = "synthetic"
    baseline: Baseline | None = None
    digest = "000000000001"
    languages: frozenset[str] | None = None

    def __init__(self, weights: WeightSettings) -> None:
        del weights  # it has none

    def score(self, samples: Sequence[Samples]) -> Scores:
        """Score by the distance of each clip's level (dBFS) from the class's."""
        levels = np.array([_level(clip) for clip in samples], dtype=np.float32).reshape(-1, 1)
        fit = np.exp(-(((levels - _LEVELS) / _WIDTH) ** 2) / 2) + np.float32(1 / 1000)
        scores: Scores = (fit / fit.sum(axis=1, keepdims=True)).astype(np.float32)
        return scores.reshape(len(samples), len(EMOTIONS))


def _level(samples: Samples) -> float:
    frames = frame_levels(samples)
    power = float((frames.astype(np.float64) ** 2).mean()) if len(frames) else 0.0
    return float(10 * np.log10(max(power, 1e-12)))
