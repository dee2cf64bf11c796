"""Correct scores for how often each emotion occurs in a recording.

The networks were trained on evenly many samples of each class; in meetings most utterances are
neutral. The shares of a recording are estimated by expectation maximisation (Saerens et al. 2002,
"Adjusting the Outputs of a Classifier to New a Priori Probabilities"), with a Dirichlet prior that
expects mostly neutral utterances. Scores must be calibrated before (Alexandari et al. 2020,
"Maximum Likelihood with Bias-Corrected Calibration is Hard-To-Beat at Label Shift Adaptation").
"""

import numpy as np
from numpy.typing import NDArray

from models.protocols import Scores
from schemas.emotions import EMOTIONS
from schemas.settings import MeetingSettings

_MOST_STEPS = 200
_SETTLED = 1e-5


def adapt_to_meeting(scores: Scores, rules: MeetingSettings) -> Scores:
    """Return scores (n, 7) under the recording's own shares of the classes.

    Rows of NaN stay. With `rules.expected_neutral` 0 nothing is changed.
    """
    judged = np.isfinite(scores).all(axis=1)
    if not rules.expected_neutral or not judged.any():
        return scores
    known = scores[judged].astype(np.float64)
    adapted = scores.copy()
    adapted[judged] = _weighted(known, meeting_shares(known, rules))
    return adapted


def meeting_shares(scores: NDArray[np.float64], rules: MeetingSettings) -> NDArray[np.float64]:
    """Estimate the shares (7,) of the classes in a recording from scores (n, 7) of equal priors.

    The expectation counts as much as `rules.expected_weight` utterances.
    """
    shares = expected = _expected(rules.expected_neutral)
    for _ in range(_MOST_STEPS):
        before = shares
        total = _weighted(scores, shares).sum(axis=0) + rules.expected_weight * expected
        shares = total / total.sum()
        if np.abs(shares - before).max() < _SETTLED:
            break
    return shares


def _expected(neutral: float) -> NDArray[np.float64]:
    rest = (1 - neutral) / (len(EMOTIONS) - 1)
    return np.array([neutral if name == "neutral" else rest for name in EMOTIONS])


def _weighted(scores: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    weighted = scores * shares
    return np.asarray(weighted / weighted.sum(axis=1, keepdims=True))
