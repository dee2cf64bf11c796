"""Fit the log-linear pools: the one that ships, and the one with fixed weights beside it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lab.fusion.judgements import Judgements, Use, class_weights
from lab.measures import fit_temperature
from models.fusion.embedded import log_pool, pool

_MOST_WEIGHT = 2.0
_MOST_DISCOUNT = 4.0

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


def fit_weights(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> Vector:
    """Fit fixed weights (judges,) of scores (judges, n, classes) by maximum likelihood."""
    return _least(
        lambda weights: _surprise(log_pool(scores, weights), labels),
        np.full(len(scores), 0.8),
        _MOST_WEIGHT,
    )


def join_by_discounts(learned: Judgements) -> Use:
    """Return the pool that ships."""
    discounts = fit_discounts(learned)
    return lambda tested: pool(tested.scores, discounts)


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
