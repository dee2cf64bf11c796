"""Fit the log-linear pools: the one that ships, and the one with fixed weights beside it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lab.fusion.judgements import Judgements, Use, class_weights
from lab.measures import fit_temperature
from models.fusion.embedded import evened, log_pool, pool

_MOST_WEIGHT = 2.0
_MOST_DISCOUNT = 4.0
_OFFSET_PENALTY = 1e-3
_CALIBRATED_AS_IT_OCCURS = frozenset({"text"})

Vector = NDArray[np.float64]


def fit_discounts(judged: Judgements) -> Vector:
    """Discounts (branches, branches) that make the truth most likely, whatever is missing.

    Modality dropout taken to its end: each performance is shown once for every set of two
    branches or more, the others masked.
    """
    size = len(judged.branches)
    others = ~np.eye(size, dtype=bool)
    companies = [c for n in range(2, size + 1) for c in combinations(judged.branches, n)]
    shown = [judged.hiding(company).scores for company in companies]

    def placed(values: Vector) -> Vector:
        discounts = np.zeros((size, size))
        discounts[others] = values
        return discounts

    def surprise(values: Vector) -> float:
        discounts = placed(values)
        return sum(_surprise(pool(scores, discounts), judged.labels) for scores in shown)

    return placed(_least(surprise, np.full(others.sum(), 0.5), _MOST_DISCOUNT))


def fit_prior(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> Vector:
    """Fit the shares of the classes (classes,) that the scores (n, classes) of a branch assume.

    Divided by them, the scores make the truth most likely where every class counts alike. After
    Alexandari et al. 2020, "Maximum Likelihood with Bias-Corrected Calibration is Hard-To-Beat at
    Label Shift Adaptation".
    """
    from scipy.optimize import minimize
    from scipy.special import softmax

    logs = _logs(scores)

    def surprise(offsets: Vector) -> float:
        even = softmax(logs - offsets, axis=1)
        return _surprise(even, labels) + _OFFSET_PENALTY * float(np.square(offsets).sum())

    offsets: Vector = minimize(surprise, np.zeros(scores.shape[1]), method="L-BFGS-B").x
    return np.asarray(softmax(offsets), dtype=np.float64)


def fit_priors(judged: Judgements) -> Vector:
    """Return each branch's prior (branches, classes); but for words they are even.

    Voice and face learned every class alike; words are calibrated on texts as they occur.
    """
    size = len(judged.classes)
    return np.stack(
        [
            fit_prior(scores, judged.labels)
            if branch in _CALIBRATED_AS_IT_OCCURS
            else np.full(size, 1 / size)
            for branch, scores in zip(judged.branches, judged.scores, strict=True)
        ]
    )


def without_priors(judged: Judgements, priors: Vector) -> Judgements:
    """Return the judgements as if every class were equally likely."""
    return replace(judged, scores=evened(judged.scores, priors))


def fit_weights(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> Vector:
    """Fit fixed weights (judges,) of scores (judges, n, classes) by maximum likelihood."""
    return _least(
        lambda weights: _surprise(log_pool(scores, weights), labels),
        np.full(len(scores), 0.8),
        _MOST_WEIGHT,
    )


def join_by_discounts(learned: Judgements) -> Use:
    """Return the pool that ships: priors out, then discounts."""
    priors = fit_priors(learned)
    discounts = fit_discounts(without_priors(learned, priors))
    return lambda tested: pool(evened(tested.scores, priors), discounts)


def join_by_weights(learned: Judgements) -> Use:
    """Return the pool with one fixed weight per branch, for branches that are all there."""
    weights = fit_weights(learned.scores, learned.labels)
    return lambda tested: log_pool(tested.scores, weights)


def join_calibrated(learned: Judgements) -> Use:
    """Return the shipped pool after a temperature per branch, for uncalibrated branches."""
    labels = learned.labels.tolist()
    temperatures = [fit_temperature(labels, own) for own in _logs(learned.scores)]
    discounts = fit_discounts(replace(learned, scores=_cooled(learned.scores, temperatures)))
    return lambda tested: pool(_cooled(tested.scores, temperatures), discounts)


def _cooled(scores: NDArray[np.float64], temperatures: Sequence[float]) -> NDArray[np.float64]:
    from scipy.special import softmax

    cooled: NDArray[np.float64] = softmax(
        _logs(scores) / np.asarray(temperatures)[:, None, None], axis=2
    )
    return cooled


def _logs(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = np.log(np.maximum(scores, 1e-9))
    return logs


def _surprise(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean negative log-likelihood when every class counts alike."""
    likelihood = np.maximum(scores[np.arange(len(labels)), labels], 1e-9)
    return float(-(class_weights(labels) * np.log(likelihood)).mean())


def _least(surprise: Callable[[Vector], float], start: Vector, most: float) -> Vector:
    from scipy.optimize import minimize

    found = minimize(surprise, start, method="L-BFGS-B", bounds=[(0.0, most)] * len(start))
    best: Vector = found.x
    return best
