"""A video branch for tests: bright faces are happy, dark ones sad."""

from collections.abc import Sequence

import numpy as np

from models.protocols import Baseline, FaceSequence, Scores
from schemas.emotions import EMOTIONS
from schemas.settings import WeightSettings

_MIDDLE = 128.0
_SPREAD = 24.0


class BrightnessBranch:
    """Judges by the mean brightness of the crops; deterministic, without weights."""

    name = "synthetic"
    baseline: Baseline | None = None
    digest = "brightness-1"
    languages: frozenset[str] | None = None

    def __init__(self, weights: WeightSettings) -> None:
        pass

    def score(self, samples: Sequence[FaceSequence]) -> Scores:
        """Return probabilities (n, 7); NaN where there is no crop."""
        return np.array([self._score_one(sample) for sample in samples], np.float32).reshape(
            -1, len(EMOTIONS)
        )

    def _score_one(self, sample: FaceSequence) -> list[float]:
        if not len(sample.crops):
            return [float("nan")] * len(EMOTIONS)
        bright = (float(sample.crops.mean()) - _MIDDLE) / _SPREAD
        leaning = {"happy": bright, "sad": -bright}
        weights = np.exp([leaning.get(name, 0.0) for name in EMOTIONS])
        return [float(weight) for weight in weights / weights.sum()]
