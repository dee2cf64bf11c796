"""Classes of one's own, and the emotions that they stand for when they annotate."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.emotions import EMOTION_OF_LABEL, EMOTIONS, Emotion

NEAREST: dict[str, Emotion] = {
    **EMOTION_OF_LABEL,
    "boredom": "neutral",
    "peaceful": "neutral",
    "contempt": "disgust",
}
"""A corpus' label in small letters, `_` for a space -> the nearest of the seven.

Most are the words of `EMOTION_OF_LABEL`. The others go by place on the circumplex (Russell 1980, "A
circumplex model of affect"). Excitement is pleasant and high in arousal, as happiness: most who
report four classes of IEMOCAP join them. Frustration is unpleasant and high in arousal, as anger.
Calm, boredom and peace are low in arousal without much valence: what listeners call neutral.
Contempt rejects somebody, as disgust does. Anticipation and trust are near none of the seven.
"""


def emotion_of_class(name: str) -> Emotion | None:
    """Return the one of the seven that a class stands for; None where none is near."""
    return NEAREST.get(name.lower().replace(" ", "_"))


def without_emotion(classes: Sequence[str]) -> list[str]:
    """Return the classes that stand for none of the seven, such as positive and negative."""
    return [name for name in classes if emotion_of_class(name) is None]


def emotion_matrix(classes: Sequence[str]) -> NDArray[np.float32]:
    """Return (classes, 7) with a one where a class stands for an emotion.

    `scores @ emotion_matrix(classes)` gives the probability of every class to its emotion, added up
    where two share one, and nought to emotions without a class.
    """
    matrix = np.zeros((len(classes), len(EMOTIONS)), dtype=np.float32)
    for row, name in enumerate(classes):
        if (emotion := emotion_of_class(name)) is not None:
            matrix[row, EMOTIONS.index(emotion)] = 1.0
    return matrix
