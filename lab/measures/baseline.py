"""What mostly neutral people look or sound like to a branch: the reference of own baselines."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.protocols import Scores
from schemas.emotions import EMOTIONS

MOSTLY_NEUTRAL = 0.8
"""Share of neutral speech that a person's own baseline is taken to have. An assumption."""

_NEUTRAL = EMOTIONS.index("neutral")
_LEAST = 1e-6


def log_scores(scores: Scores) -> NDArray[np.float64]:
    """Return log-probabilities (n, 7) of scores, as far as a millionth."""
    return np.asarray(np.log(np.maximum(scores, _LEAST)), dtype=np.float64)


def neutral_reference(labels: Sequence[int], scores: Scores) -> NDArray[np.float64]:
    """Return mean log-probabilities (7,) of samples of which `MOSTLY_NEUTRAL` are neutral.

    `scores` (n, 7) are of people that the branch was not trained on. The rest is of all classes
    alike.
    """
    logs = log_scores(scores)
    truth = np.asarray(labels)
    means = [logs[truth == number].mean(axis=0) for number in range(7) if (truth == number).any()]
    neutral = logs[truth == _NEUTRAL].mean(axis=0) if (truth == _NEUTRAL).any() else means[0]
    return np.asarray(MOSTLY_NEUTRAL * neutral + (1 - MOSTLY_NEUTRAL) * np.mean(means, axis=0))


def reference_config(labels: Sequence[int], scores: Scores) -> list[float]:
    """Return a reference as the header of weights holds it, `neutral_reference`."""
    return [round(float(value), 4) for value in neutral_reference(labels, scores)]
