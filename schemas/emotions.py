"""The seven classes and their scores."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Self

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


class EmotionFacts(NamedTuple):
    """What is fixed about a class: where it lies on the circumplex, and how it is shown.

    `valence` and `arousal` are in [-1, 1], after Russell and Mehrabian (1977), "Evidence for a
    three-factor theory of emotions". `colour` is the page's, `style` the terminal's.
    """

    valence: float
    arousal: float
    colour: str
    style: str


FACTS: dict[Emotion, EmotionFacts] = {
    "neutral": EmotionFacts(0.0, 0.0, "#7f8a9c", "white"),
    "happy": EmotionFacts(0.81, 0.51, "#bd8600", "yellow"),
    "sad": EmotionFacts(-0.63, -0.27, "#3f6fd1", "blue"),
    "angry": EmotionFacts(-0.51, 0.59, "#d03a2f", "red"),
    "fearful": EmotionFacts(-0.64, 0.60, "#7c4dcc", "magenta"),
    "disgust": EmotionFacts(-0.60, 0.35, "#3d8f4f", "green"),
    "surprised": EmotionFacts(0.40, 0.67, "#d9569b", "bright_magenta"),
}
"""One row per class."""

_LABELS: dict[Emotion, str] = {
    "neutral": "neutral neutrality neu calm no_emotion none",
    "happy": "happy happiness joy joyful hap admiration amusement approval caring desire "
    "excitement gratitude love optimism pride relief",
    "sad": "sad sadness disappointment embarrassment grief remorse",
    "angry": "angry anger ang mad annoyance disapproval frustration",
    "fearful": "fearful fear fea scared nervousness worry",
    "disgust": "disgust disgusted dis",
    "surprised": "surprised surprise sur confusion curiosity realization",
}

EMOTION_OF_LABEL: dict[str, Emotion] = {
    label: emotion for emotion, labels in _LABELS.items() for label in labels.split()
}
"""What classifiers call the seven classes; GoEmotions' 27 are grouped as its authors do."""


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
        """Return the scores in the order of `EMOTIONS`."""
        return tuple(getattr(self, name) for name in EMOTIONS)

    @property
    def best(self) -> Emotion:
        """The class with the highest probability."""
        return max(EMOTIONS, key=lambda name: getattr(self, name))

    def expected_valence_arousal(self) -> tuple[float, float]:
        """Mean position on the circumplex under these probabilities, each in [-1, 1]."""
        pairs = [
            (getattr(self, name), FACTS[name].valence, FACTS[name].arousal) for name in EMOTIONS
        ]
        return sum(p * v for p, v, _ in pairs), sum(p * a for p, _, a in pairs)
