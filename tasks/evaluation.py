"""Measures of emotion recognition: accuracy, unweighted average recall, calibration; and reports.

Unweighted average recall (UAR) is the field's figure for unbalanced classes (Schuller et al.
2009, "The INTERSPEECH 2009 Emotion Challenge"). All averages are over the classes that occur.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.protocols import Scores
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from schemas.values import Value

_BINS = 15
"""Equal-width bins of the calibration error, as in Guo et al. 2017."""

_RESAMPLES = 1000


class Measures(Value):
    """What was measured on `n` labelled samples; every rate is in [0, 1].

    `recall` holds the classes that occur; `confusion[i][j]` counts samples of class i (in the
    order of `classes`) that were called j; `ece` is the expected calibration error of the best
    class's probability; `accuracy_at_half_coverage` that of the more confident half;
    `uar_interval` the 95 % bootstrap interval over speakers, where speakers are known.
    """

    n: int
    classes: tuple[str, ...]
    accuracy: float
    uar: float
    macro_f1: float
    recall: dict[str, float]
    ece: float
    accuracy_at_half_coverage: float
    confusion: tuple[tuple[int, ...], ...]
    uar_interval: tuple[float, float] | None = None


def measure(
    labels: Sequence[int],
    scores: Scores,
    speakers: Sequence[str] | None = None,
    classes: Sequence[str] = EMOTIONS,
) -> Measures:
    """Measure probabilities of shape (n, classes) against class indices of length n.

    Raises `ValueError` where there is no sample, the lengths differ, or a score is missing.
    """
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score

    truth = np.asarray(labels, dtype=np.int64)
    probabilities = _checked(truth, scores, len(classes))
    guess = probabilities.argmax(axis=1)
    occurring = np.unique(truth)
    confusion = confusion_matrix(truth, guess, labels=range(len(classes)))
    recall = _recall(confusion)
    return Measures(
        n=len(truth),
        classes=tuple(classes),
        accuracy=float(accuracy_score(truth, guess)),
        uar=_uar_of_occurring(balanced_accuracy_score, truth, guess),
        macro_f1=float(
            f1_score(truth, guess, labels=occurring, average="macro", zero_division=0.0)
        ),
        recall={classes[i]: float(recall[i]) for i in occurring},
        ece=calibration_error(truth, probabilities),
        accuracy_at_half_coverage=_accuracy_at_coverage(truth, probabilities, 0.5),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        uar_interval=None if speakers is None else _interval(truth, guess, speakers, len(classes)),
    )


def _checked(truth: NDArray[np.int64], scores: Scores, n_classes: int) -> NDArray[np.float64]:
    probabilities = np.asarray(scores, dtype=np.float64)
    if not len(truth):
        raise ValueError("There is nothing to measure: no labelled sample was given.")
    if probabilities.shape != (len(truth), n_classes):
        raise ValueError(f"{len(truth)} labels do not fit scores of shape {probabilities.shape}.")
    if not np.isfinite(probabilities).all():
        raise ValueError("A missing score cannot be measured; leave its sample out and say so.")
    return probabilities


def _uar_of_occurring(
    balanced_accuracy: Any, truth: NDArray[np.int64], guess: NDArray[np.int64]
) -> float:
    import warnings

    with warnings.catch_warnings():
        # a class that is guessed but never occurs is left out, as wanted; sklearn warns of it
        warnings.simplefilter("ignore", UserWarning)
        return float(balanced_accuracy(truth, guess))


def _recall(confusion: NDArray[Any]) -> NDArray[np.float64]:
    """Recall per class from counts of shape (..., classes, classes); NaN where none occurs."""
    total = confusion.sum(axis=-1)
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, hits / np.maximum(total, 1), np.nan)


def calibration_error(
    labels: Sequence[int] | NDArray[np.int64], scores: NDArray[np.floating[Any]]
) -> float:
    """Expected calibration error over 15 equal-width bins of confidence (Guo et al. 2017)."""
    return float(
        sum(share * abs(right - sure) for _, share, right, sure in _reliability(labels, scores))
    )


def _reliability(
    labels: Sequence[int] | NDArray[np.int64], scores: Scores
) -> list[tuple[float, float, float, float]]:
    """Per filled bin: its lower edge, share of samples, accuracy, mean confidence."""
    probabilities = np.asarray(scores, dtype=np.float64)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == np.asarray(labels)
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return [
        (
            index / _BINS,
            float(members.mean()),
            float(right[members].mean()),
            float(confidence[members].mean()),
        )
        for index in range(_BINS)
        if (members := bins == index).any()
    ]


def _accuracy_at_coverage(
    truth: NDArray[np.int64], probabilities: NDArray[np.float64], coverage: float
) -> float:
    kept = np.argsort(-probabilities.max(axis=1), kind="stable")
    kept = kept[: max(1, round(coverage * len(truth)))]
    return float((probabilities[kept].argmax(axis=1) == truth[kept]).mean())


def _interval(
    truth: NDArray[np.int64], guess: NDArray[np.int64], speakers: Sequence[str], n_classes: int
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


def fit_temperature(labels: Sequence[int], logits: NDArray[np.floating[Any]]) -> float:
    """Return the temperature that makes `softmax(logits / temperature)` most likely.

    Logits have shape (n, classes); a log of probabilities serves as well. After Guo et al. 2017,
    "On Calibration of Modern Neural Networks".
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    truth = np.asarray(labels, dtype=np.int64)
    rows = np.arange(len(truth))
    values = np.asarray(logits, dtype=np.float64)

    def surprise(log_temperature: float) -> float:
        return float(-log_softmax(values / np.exp(log_temperature), axis=1)[rows, truth].mean())

    found = minimize_scalar(surprise, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(found.x))


def write_report(
    folder: Path,
    title: str,
    measures: Measures,
    labels: Sequence[int],
    scores: Scores,
    extra: dict[str, Any] | None = None,
) -> None:
    """Write `measures.json`, `report.md`, `confusion.png` and `reliability.png` into a folder.

    `extra` is put into the JSON beside the measures (folds, weights, data).
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = {"title": title, **(extra or {}), **measures.model_dump()}
    text = json.dumps(record, indent=2, ensure_ascii=False)
    (folder / "measures.json").write_text(text + "\n", encoding="utf-8")
    (folder / "report.md").write_text(to_markdown(title, measures), encoding="utf-8")
    draw_confusion(measures, folder / "confusion.png")
    draw_reliability(labels, scores, folder / "reliability.png")


def to_markdown(title: str, measures: Measures) -> str:
    """Write the measures as a page of markdown: figures, recall per class, confusion."""
    interval = measures.uar_interval
    spread = f" (95 % interval {interval[0]:.1%} to {interval[1]:.1%})" if interval else ""
    lines = [
        f"# {title}",
        "",
        f"{measures.n} samples. UAR {measures.uar:.1%}{spread}, accuracy {measures.accuracy:.1%}, "
        f"macro-F1 {measures.macro_f1:.3f}, calibration error {measures.ece:.3f}, "
        f"accuracy of the more confident half {measures.accuracy_at_half_coverage:.1%}.",
        "",
        "| truth | recall | " + " | ".join(measures.classes) + " |",
        "|---|---|" + "---|" * len(measures.classes),
    ]
    for name, row in zip(measures.classes, measures.confusion, strict=True):
        recall = f"{measures.recall[name]:.1%}" if name in measures.recall else "-"
        lines.append(f"| {name} | {recall} | " + " | ".join(map(str, row)) + " |")
    return "\n".join([*lines, ""])


def _figure(title: str) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SettingsError("Figures need matplotlib: install tonescribe[train].") from error
    figure = Figure(figsize=(5.5, 5.0), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    return figure, axes


def draw_confusion(measures: Measures, path: Path) -> None:
    """Draw the confusion matrix as shares of each true class, with the counts in its cells."""
    counts = np.asarray(measures.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = _figure(f"UAR {measures.uar:.1%}, n = {measures.n}")
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    ticks = range(len(measures.classes))
    axes.set_xticks(ticks, measures.classes, rotation=45, ha="right")
    axes.set_yticks(ticks, measures.classes)
    axes.set(xlabel="called", ylabel="truth")
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=color, fontsize=8)
    figure.savefig(path, dpi=110)


def draw_reliability(labels: Sequence[int], scores: Scores, path: Path) -> None:
    """Draw accuracy against confidence per bin; on the diagonal a confidence means what it says."""
    bins = _reliability(labels, scores)
    figure, axes = _figure(f"Calibration error {calibration_error(labels, scores):.3f}")
    axes.bar(
        [low for low, *_ in bins],
        [right for _, _, right, _ in bins],
        width=1 / _BINS,
        align="edge",
        edgecolor="white",
    )
    axes.plot([0, 1], [0, 1], color="gray", linestyle="--")
    axes.scatter([sure for *_, sure in bins], [right for _, _, right, _ in bins], color="black")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy")
    figure.savefig(path, dpi=110)
