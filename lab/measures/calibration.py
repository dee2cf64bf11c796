"""Calibrate by one temperature, fitted on people of neither training nor test."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def fit_temperature(
    labels: Sequence[int],
    logits: NDArray[np.floating],
    weights: NDArray[np.floating] | None = None,
) -> float:
    """Return the temperature that makes `softmax(logits / temperature)` most likely.

    Logits have shape (n, classes); a log of probabilities serves as well. `weights` (n,) say how
    much each sample counts. After Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    truth = np.asarray(labels, dtype=np.int64)
    rows = np.arange(len(truth))
    values = np.asarray(logits, dtype=np.float64)

    def surprise(log_temperature: float) -> float:
        chances = log_softmax(values / np.exp(log_temperature), axis=1)[rows, truth]
        return float(-np.average(chances, weights=weights))

    found = minimize_scalar(surprise, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(found.x))
