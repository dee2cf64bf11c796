"""The seven classes and their scores."""

from collections.abc import Sequence
from typing import Literal, Self

from schemas.values import Probability, Value

Emotion = Literal["neutral", "happy", "sad", "angry", "fearful", "disgust", "surprised"]

EMOTIONS: tuple[Emotion, ...] = (
    "neutral",
    "happy",
    "sad",
    "angry",
    "fearful",
    "disgust",
    "surprised",
)
"""The order of every score array in tonescribe."""

CIRCUMPLEX: dict[Emotion, tuple[float, float]] = {
    "neutral": (0.0, 0.0),
    "happy": (0.81, 0.51),
    "sad": (-0.63, -0.27),
    "angry": (-0.51, 0.59),
    "fearful": (-0.64, 0.60),
    "disgust": (-0.60, 0.35),
    "surprised": (0.40, 0.67),
}
"""(valence, arousal) of each class in [-1, 1], after Russell and Mehrabian (1977),
"Evidence for a three-factor theory of emotions"."""


class EmotionScores(Value):
    """Probabilities of the seven classes; they sum to one."""

    neutral: Probability
    happy: Probability
    sad: Probability
    angry: Probability
    fearful: Probability
    disgust: Probability
    surprised: Probability

    @classmethod
    def from_array(cls, scores: Sequence[float]) -> Self:
        """Make scores from seven non-negative numbers in the order of `EMOTIONS`."""
        total = float(sum(scores))
        return cls(**{name: float(s) / total for name, s in zip(EMOTIONS, scores, strict=True)})

    def as_tuple(self) -> tuple[float, ...]:
        """The scores in the order of `EMOTIONS`."""
        return tuple(getattr(self, name) for name in EMOTIONS)

    @property
    def best(self) -> Emotion:
        """The class with the highest probability."""
        return max(EMOTIONS, key=lambda name: getattr(self, name))

    def expected_valence_arousal(self) -> tuple[float, float]:
        """Mean position on the circumplex under these probabilities, each in [-1, 1]."""
        pairs = [(getattr(self, name), *CIRCUMPLEX[name]) for name in EMOTIONS]
        return sum(p * v for p, v, _ in pairs), sum(p * a for p, _, a in pairs)
