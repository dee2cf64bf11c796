"""Figures over folds: each on its own, their mean and deviation, and all samples together."""

from collections.abc import Sequence

import numpy as np

from lab.measures.emotion import Measures, figures_of
from models.protocols import Scores
from schemas.emotions import EMOTIONS
from schemas.values import Value

FOLD_FIGURES = (
    "accuracy",
    "uar",
    "macro_f1",
    "weighted_f1",
    "ece",
    "aurc",
    "accuracy_at_half_coverage",
)
"""Figures that are reported for each fold."""


class FoldFigures(Value):
    """The figures of one fold, and whom it held out."""

    n: int
    speakers: tuple[str, ...] = ()
    accuracy: float
    uar: float
    macro_f1: float
    weighted_f1: float
    ece: float
    aurc: float
    accuracy_at_half_coverage: float


class FoldedMeasures(Measures):
    """Figures of a cross-validation: over all samples together, and of each fold.

    `protocol` is one sentence that says what was trained on and who was held out. `mean` and
    `deviation` map a figure's name to its mean and its standard deviation over the folds (that of
    the folds at hand, divided by their number).
    """

    protocol: str = ""
    folds: tuple[FoldFigures, ...]
    mean: dict[str, float]
    deviation: dict[str, float]


def measure_folds(
    labels: Sequence[int],
    scores: Scores,
    folds: Sequence[int],
    speakers: Sequence[str] | None = None,
    classes: Sequence[str] = EMOTIONS,
    protocol: str = "",
) -> FoldedMeasures:
    """Measure out-of-fold probabilities (n, classes); `folds` says which fold scored each sample.

    Raises `ValueError` as `measure` does.
    """
    truth, fold_of, rows = np.asarray(labels), np.asarray(folds), np.asarray(scores)
    people = None if speakers is None else np.asarray(speakers)
    together = figures_of(labels, scores, speakers, classes)
    each = []
    for fold in np.unique(fold_of):
        inside = fold_of == fold
        found = figures_of(truth[inside].tolist(), rows[inside], None, classes)
        held_out = () if people is None else tuple(map(str, np.unique(people[inside])))
        figures = {name: found[name] for name in ("n", *FOLD_FIGURES)}
        each.append(FoldFigures(speakers=held_out, **figures))
    values = {name: [getattr(fold, name) for fold in each] for name in FOLD_FIGURES}
    return FoldedMeasures(
        **together,
        protocol=protocol,
        folds=tuple(each),
        mean={name: float(np.mean(figures)) for name, figures in values.items()},
        deviation={name: float(np.std(figures)) for name, figures in values.items()},
    )
