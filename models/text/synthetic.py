"""A text branch for tests: each emotion has a few keywords."""

import re
from collections.abc import Sequence

import numpy as np

from models.protocols import Baseline, Scores, TextSample
from schemas.emotions import EMOTIONS, Emotion
from schemas.settings import WeightSettings

KEYWORDS: dict[Emotion, frozenset[str]] = {
    "happy": frozenset({"good", "great", "happy", "nice", "thanks", "wonderful"}),
    "sad": frozenset({"sad", "sorry", "lost", "miss", "unfortunately"}),
    "angry": frozenset({"angry", "furious", "hate", "stop", "unacceptable"}),
    "fearful": frozenset({"afraid", "fear", "scared", "worried"}),
    "disgust": frozenset({"awful", "disgusting", "gross"}),
    "surprised": frozenset({"really", "surprised", "unbelievable", "what", "wow"}),
}
"""The words that speak for a class; a text without any is neutral."""

_PER_WORD = 1.5
_NEUTRAL_START = 1.0


class KeywordBranch:
    """Judges by counting keywords; deterministic, without weights."""

    name = "synthetic"
    baseline: Baseline | None = None
    digest = "keywords-001"
    languages: frozenset[str] | None = frozenset({"en"})

    def __init__(self, weights: WeightSettings) -> None:
        pass

    def score(self, samples: Sequence[TextSample]) -> Scores:
        """Return probabilities (n, 7)."""
        scores = [self._score_one(sample.text) for sample in samples]
        return np.array(scores, np.float32).reshape(-1, len(EMOTIONS))

    def _score_one(self, text: str) -> list[float]:
        words = re.findall(r"\w+", text.lower())
        counts = [sum(w in KEYWORDS.get(name, ()) for w in words) for name in EMOTIONS]
        logits = _PER_WORD * np.array(counts, dtype=np.float64)
        logits[EMOTIONS.index("neutral")] += _NEUTRAL_START
        weights = np.exp(logits - logits.max())
        return [float(weight) for weight in weights / weights.sum()]
