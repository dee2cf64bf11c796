"""Draw measures as PNG files that can be read without their text.

Every function writes one file. Colours differ in lightness too, never in hue alone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lab.measures.emotion import N_BINS, Measures, ReliabilityBin
from schemas.errors import SettingsError

_DOTS_PER_INCH = 110
_BLUE, _GRAY, _ORANGE = "#2f6db5", "#8a94a6", "#d9822b"
_STYLES = ("o-", "s--", "^-.", "D:")
_SEEN_SHARE = 0.01
"""A bin with a smaller share of the samples says nothing."""


def _figure(title: str, size: tuple[float, float] = (5.5, 5.0)) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SettingsError("Figures need matplotlib: install tonescribe[train].") from error
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # without the date the same figures make the same bytes
    figure.savefig(path, dpi=_DOTS_PER_INCH, metadata={"Software": None})


def draw_confusion(measures: Measures, path: Path) -> None:
    """Draw the confusion matrix: each cell's share of its true class, and its count."""
    counts = np.asarray(measures.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = _figure(f"UAR {measures.uar:.1%}, {measures.n} samples", (6.4, 5.8))
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    ticks = range(len(measures.classes))
    axes.set_xticks(ticks, measures.classes, rotation=45, ha="right")
    axes.set_yticks(ticks, measures.classes)
    axes.set(xlabel="called", ylabel="truth")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if shares[row, column] > 0.5 else "black"
            said = f"{shares[row, column]:.0%}\n{count}"
            axes.text(column, row, said, ha="center", va="center", color=color, fontsize=8)
    _save(figure, path)


def draw_recall(measures: Measures, path: Path) -> None:
    """Draw the recall of each class that occurs, beside chance and the mean (UAR)."""
    names = [name for name in measures.classes if name in measures.recall]
    values = [measures.recall[name] for name in names]
    figure, axes = _figure("Recall per class", (6.4, 4.2))
    bars = axes.bar(names, values, color=_BLUE)
    axes.bar_label(bars, [f"{value:.0%}" for value in values], label_type="center", color="white")
    axes.axhline(measures.uar, color="black", linestyle="--", linewidth=1, label="mean (UAR)")
    chance = 1 / len(measures.classes)
    axes.axhline(chance, color=_GRAY, linestyle=":", linewidth=1.5, label="chance")
    axes.set(ylim=(0, 1.18), ylabel="recall")
    axes.tick_params(axis="x", rotation=30)
    axes.legend(loc="upper right", ncols=2, fontsize=8)
    _save(figure, path)


def draw_reliability(measures: Measures, path: Path) -> None:
    """Draw accuracy against confidence per bin."""
    draw_reliability_of(measures.reliability, N_BINS, f"Calibration error {measures.ece:.3f}", path)


def draw_reliability_of(
    bins: Sequence[ReliabilityBin], n_bins: int, title: str, path: Path
) -> None:
    """Draw accuracy against confidence per bin; the diagonal is a perfect calibration."""
    figure, axes = _figure(title)
    low = [found.low for found in bins]
    accuracy = [found.accuracy for found in bins]
    axes.bar(low, accuracy, width=1 / n_bins, align="edge", color=_BLUE, edgecolor="white")
    axes.plot([0, 1], [0, 1], color=_GRAY, linestyle="--", label="as sure as right")
    axes.scatter(
        [found.confidence for found in bins],
        accuracy,
        s=[20 + 400 * found.share for found in bins],
        color=_ORANGE,
        edgecolor="black",
        zorder=3,
        label="mean of a bin, larger for more of them",
    )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy")
    axes.legend(loc="upper left", fontsize=8)
    _save(figure, path)


def draw_risk_coverage(measures: Measures, path: Path) -> None:
    """Draw the share of errors among the surest samples, against how many of them are kept."""
    coverage, risk = zip(*measures.risk_coverage, strict=True)
    figure, axes = _figure(f"Risk and coverage: area {measures.aurc:.3f}")
    axes.plot(coverage, risk, color=_BLUE, linewidth=2)
    half = 1 - measures.accuracy_at_half_coverage
    axes.plot([0.5, 0.5, 0.0], [0.0, half, half], color=_GRAY, linestyle=":")
    axes.annotate(f"surest half: {half:.1%} wrong", (0.5, half), (0.06, half + 0.03), fontsize=9)
    axes.annotate(
        f"all: {risk[-1]:.1%} wrong", (1.0, risk[-1]), (0.98, risk[-1] + 0.03), ha="right"
    )
    axes.set(xlim=(0, 1.0), xlabel="share of samples judged, the surest first", ylabel="errors")
    axes.set_ylim(0, max(0.1, 1.25 * max(risk)))
    _save(figure, path)


def draw_strangers(groups: Mapping[str, Mapping[str, Measures]], path: Path) -> None:
    """Draw calibration and risk of several corpora side by side, a row per way to judge them.

    `groups` is way -> corpus -> measures. On the left of a row accuracy by confidence, a line per
    corpus; on the right the errors among the surest.
    """
    figure, _ = _figure("", (9.6, 4.2 * len(groups)))
    figure.clear()
    panels = figure.subplots(len(groups), 2, squeeze=False)
    for (way, measures), (left, right) in zip(groups.items(), panels, strict=True):
        left.plot([0, 1], [0, 1], color=_GRAY, linestyle="--")
        for (corpus, found), style in zip(measures.items(), _STYLES, strict=False):
            bins = [own for own in found.reliability if own.share >= _SEEN_SHARE]
            left.plot(
                [own.confidence for own in bins],
                [own.accuracy for own in bins],
                style,
                label=f"{corpus}: {found.ece:.3f}",
            )
            coverage, risk = zip(*found.risk_coverage, strict=True)
            half = 1 - found.accuracy_at_half_coverage
            right.plot(coverage, risk, style.strip("os^D"), label=f"{corpus}: {half:.0%} at half")
        left.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy")
        left.set_title(f"{way}: calibration error", fontsize=10)
        right.set(xlim=(0, 1), ylim=(0, 1), xlabel="share judged, the surest first")
        right.set_title(f"{way}: errors", fontsize=10)
        for panel in (left, right):
            panel.legend(loc="upper left", fontsize=8)
    _save(figure, path)


def draw_boxes(
    values: Mapping[str, Sequence[float]], title: str, quantity: str, path: Path
) -> None:
    """Draw a box per class: median, quartiles, whiskers to 1.5 quartile distances, outliers."""
    names = [name for name, found in values.items() if len(found)]
    figure, axes = _figure(title, (6.4, 4.2))
    axes.boxplot(
        [list(values[name]) for name in names],
        tick_labels=[f"{name}\n{len(values[name])}" for name in names],
        flierprops={"markersize": 3, "markeredgecolor": _GRAY},
        medianprops={"color": _ORANGE, "linewidth": 2},
    )
    axes.set(ylabel=quantity, xlabel="class, and how many samples")
    axes.tick_params(axis="x", labelsize=8)
    _save(figure, path)


def draw_validation(
    curves: Mapping[str, Sequence[tuple[float, float]]], title: str, path: Path
) -> None:
    """Draw accuracy and UAR of the validation people by training step."""
    figure, axes = _figure(title, (6.4, 4.2))
    for name, line, color in (("eval_accuracy", "-", _BLUE), ("eval_uar", "--", _ORANGE)):
        if name in curves:
            steps, values = zip(*curves[name], strict=True)
            said = "UAR" if name == "eval_uar" else "accuracy"
            axes.plot(steps, values, line, color=color, marker=".", label=said)
    axes.set(xlabel="step", ylabel="on validation people", ylim=(0, 1))
    axes.legend(loc="lower right", fontsize=8)
    _save(figure, path)


def draw_curves(
    curves: Mapping[str, Sequence[tuple[float, float]]], title: str, path: Path
) -> None:
    """Draw losses by training step, one line per name, and the learning rate if it is known."""
    figure, axes = _figure(title, (6.4, 4.2))
    styles = {"loss": ("-", _BLUE), "eval_loss": ("--", _ORANGE)}
    for name, points in curves.items():
        if name in styles:
            steps, values = zip(*points, strict=True)
            line, color = styles[name]
            axes.plot(steps, values, line, color=color, label=name.replace("_", " "))
    axes.set(xlabel="step", ylabel="loss")
    handles, names = axes.get_legend_handles_labels()
    if "learning_rate" in curves:
        other = axes.twinx()
        steps, values = zip(*curves["learning_rate"], strict=True)
        (drawn,) = other.plot(steps, values, ":", color=_GRAY, label="learning rate")
        other.set_ylabel("learning rate")
        handles, names = [*handles, drawn], [*names, "learning rate"]
    axes.legend(handles, names, loc="upper right", fontsize=8)
    _save(figure, path)
