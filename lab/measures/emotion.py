"""Measures of emotion recognition: recall and F1, calibration, risk against coverage.

Unweighted average recall (UAR) is the field's figure for unbalanced classes (Schuller et al.
2009, "The INTERSPEECH 2009 Emotion Challenge"). All averages are over the classes that occur.
"""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.protocols import Scores
from schemas.emotions import EMOTIONS
from schemas.values import Json, Value

N_BINS = 15
"""Equal-width bins of the calibration error, as in Guo et al. 2017."""

_RESAMPLES = 1000
_CURVE_POINTS = 50

Classes = NDArray[np.int64]
Probabilities = NDArray[np.float64]


class ReliabilityBin(Value):
    """One filled bin of confidence: its lower edge, and what its samples are like on average."""

    low: float
    share: float
    accuracy: float
    confidence: float


class Measures(Value):
    """What was measured on `n` labelled samples; every rate is in [0, 1].

    `recall` holds the classes that occur; `confusion[i][j]` counts samples of class i (in the
    order of `classes`) that were called j; `ece` is the expected calibration error of the best
    class's probability; `accuracy_at_half_coverage` that of the more confident half;
    `risk_coverage` pairs of a share of samples, the surest first, and the share of errors among
    them, `aurc` the area under it; `uar_interval` the 95 % bootstrap interval over speakers,
    where speakers are known. `multi_label_macro_f1` is there where samples have several labels.
    """

    n: int
    classes: tuple[str, ...]
    accuracy: float
    uar: float
    macro_f1: float
    weighted_f1: float
    recall: dict[str, float]
    ece: float
    accuracy_at_half_coverage: float
    aurc: float
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[ReliabilityBin, ...]
    risk_coverage: tuple[tuple[float, float], ...]
    uar_interval: tuple[float, float] | None = None
    multi_label_macro_f1: float | None = None


def measure(
    labels: Sequence[int],
    scores: Scores,
    speakers: Sequence[str] | None = None,
    classes: Sequence[str] = EMOTIONS,
) -> Measures:
    """Measure probabilities of shape (n, classes) against class indices of length n.

    Raises `ValueError` where there is no sample, the lengths differ, or a score is missing.
    """
    return Measures(**figures_of(labels, scores, speakers, classes))


def figures_of(
    labels: Sequence[int],
    scores: Scores,
    speakers: Sequence[str] | None,
    classes: Sequence[str],
) -> Json:
    """All the fields of `Measures`, by name."""
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

    truth = np.asarray(labels, dtype=np.int64)
    probabilities = _checked(truth, scores, len(classes))
    guess = probabilities.argmax(axis=1)
    occurring = np.unique(truth)
    confusion = confusion_matrix(truth, guess, labels=range(len(classes)))
    recall = _recall(confusion)
    risks = risks_by_coverage(truth, probabilities)
    f1 = {
        average: float(f1_score(truth, guess, labels=occurring, average=average, zero_division=0.0))
        for average in ("macro", "weighted")
    }
    return {
        "n": len(truth),
        "classes": tuple(classes),
        "accuracy": float(accuracy_score(truth, guess)),
        "uar": float(recall[occurring].mean()),
        "macro_f1": f1["macro"],
        "weighted_f1": f1["weighted"],
        "recall": {classes[i]: float(recall[i]) for i in occurring},
        "ece": calibration_error(truth, probabilities),
        "accuracy_at_half_coverage": 1.0 - float(risks[_kept(len(truth), 0.5) - 1]),
        "aurc": float(risks.mean()),
        "confusion": tuple(tuple(int(count) for count in row) for row in confusion),
        "reliability": tuple(reliability(truth, probabilities)),
        "risk_coverage": _curve(risks),
        "uar_interval": None
        if speakers is None
        else _interval(truth, guess, speakers, len(classes)),
    }


def _checked(truth: Classes, scores: Scores, n_classes: int) -> Probabilities:
    probabilities = np.asarray(scores, dtype=np.float64)
    if not len(truth):
        raise ValueError("There is nothing to measure: no labelled sample was given.")
    if probabilities.shape != (len(truth), n_classes):
        raise ValueError(f"{len(truth)} labels do not fit scores of shape {probabilities.shape}.")
    if not np.isfinite(probabilities).all():
        raise ValueError("A missing score cannot be measured; leave its sample out and say so.")
    return probabilities


def _recall(confusion: NDArray[np.generic]) -> Probabilities:
    """Recall per class from counts of shape (..., classes, classes); NaN where none occurs."""
    total = confusion.sum(axis=-1)
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return np.where(total > 0, hits / np.maximum(total, 1), np.nan)


def calibration_error(labels: Sequence[int] | Classes, scores: NDArray[np.floating]) -> float:
    """Return the expected calibration error over 15 equal-width bins (Guo et al. 2017)."""
    bins = reliability(labels, scores)
    return float(sum(found.share * abs(found.accuracy - found.confidence) for found in bins))


def reliability(
    labels: Sequence[int] | Classes, scores: NDArray[np.floating]
) -> list[ReliabilityBin]:
    """How often samples of about the same confidence are right; empty bins are left out."""
    probabilities = np.asarray(scores, dtype=np.float64)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == np.asarray(labels)
    bins = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    return [
        ReliabilityBin(
            low=index / N_BINS,
            share=float(members.mean()),
            accuracy=float(right[members].mean()),
            confidence=float(confidence[members].mean()),
        )
        for index in range(N_BINS)
        if (members := bins == index).any()
    ]


def risks_by_coverage(truth: Classes, probabilities: Probabilities) -> Probabilities:
    """Share of errors among the k surest samples, for k = 1 to n; shape (n,).

    The mean of it is the area under the risk-coverage curve: Geifman and El-Yaniv 2017,
    "Selective Classification for Deep Neural Networks". Equally sure samples count as their
    mean, so that the order of the data does not matter.
    """
    confidence = probabilities.max(axis=1)
    wrong = (probabilities.argmax(axis=1) != truth).astype(np.float64)
    _, group = np.unique(-confidence, return_inverse=True)
    mean_of_group = np.bincount(group, wrong) / np.bincount(group)
    in_order = mean_of_group[np.sort(group)]
    return np.asarray(np.cumsum(in_order) / np.arange(1, len(truth) + 1), dtype=np.float64)


def _kept(n: int, coverage: float) -> int:
    return max(1, round(coverage * n))


def _curve(risks: Probabilities) -> tuple[tuple[float, float], ...]:
    counts = sorted({_kept(len(risks), i / _CURVE_POINTS) for i in range(1, _CURVE_POINTS + 1)})
    return tuple((count / len(risks), float(risks[count - 1])) for count in counts)


def _interval(
    truth: Classes, guess: Classes, speakers: Sequence[str], n_classes: int
) -> tuple[float, float] | None:
    """95 % interval of UAR when whole speakers are drawn anew; None for fewer than two."""
    names, speaker_of = np.unique(np.asarray(speakers), return_inverse=True)
    if len(names) < 2:
        return None
    counts = np.zeros((len(names), n_classes, n_classes), dtype=np.int64)
    np.add.at(counts, (speaker_of, truth, guess), 1)
    random = np.random.default_rng(0)
    drawn = random.integers(len(names), size=(_RESAMPLES, len(names)))
    uars = np.nanmean(_recall(counts[drawn].sum(axis=1)), axis=1)
    low, high = np.percentile(uars, [2.5, 97.5])
    return float(low), float(high)


def multi_label_macro_f1(
    truth: NDArray[np.generic], scores: NDArray[np.floating], threshold: float
) -> float:
    """Macro-F1 of samples with several labels: every class whose score reaches the threshold.

    `truth` of shape (n, classes) is 1 where a label holds. Classes that never occur do not count.
    """
    from sklearn.metrics import f1_score

    held = np.asarray(truth).astype(bool)
    occurring = np.flatnonzero(held.any(axis=0))
    called = np.asarray(scores) >= threshold
    with warnings.catch_warnings():
        # a sample with neither label nor call is in order here
        warnings.simplefilter("ignore")
        found = f1_score(
            held[:, occurring], called[:, occurring], average="macro", zero_division=0.0
        )
    return float(found)


def fit_threshold(truth: NDArray[np.generic], scores: NDArray[np.floating]) -> float:
    """Return the one threshold in steps of .01 that has the best multi-label macro-F1.

    To be fitted on development data, never on what is reported.
    """
    steps = np.arange(0.02, 0.98, 0.01)
    found = [multi_label_macro_f1(truth, scores, float(step)) for step in steps]
    return float(steps[int(np.argmax(found))])
