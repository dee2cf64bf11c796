"""Scores of several branches for the same performances, and cross-validation of fusions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lab.measures import FoldedMeasures, measure_folds
from schemas.emotions import EMOTIONS


@dataclass(frozen=True)
class Judgements:
    """Probabilities of the branches for n performances, (branches, n, classes).

    Every one is by a model that had not seen the performer. `folds` says which models: those of
    a fold were trained on the people of the others. `representations` are what a network that
    joins the branches is shown of each, (n, width); without them, the logarithms of its scores.
    """

    branches: tuple[str, ...]
    stems: tuple[str, ...]
    labels: NDArray[np.int64]
    speakers: NDArray[np.str_]
    folds: NDArray[np.int64]
    scores: NDArray[np.float64]
    classes: tuple[str, ...] = EMOTIONS
    representations: tuple[NDArray[np.float64], ...] = ()

    def rows(self, chosen: NDArray[np.bool_]) -> "Judgements":
        """Return the chosen performances."""
        return replace(
            self,
            stems=tuple(stem for stem, keep in zip(self.stems, chosen, strict=True) if keep),
            labels=self.labels[chosen],
            speakers=self.speakers[chosen],
            folds=self.folds[chosen],
            scores=self.scores[:, chosen],
            representations=tuple(shown[chosen] for shown in self.representations),
        )

    def of(self, branches: Sequence[str]) -> "Judgements":
        """Return the chosen branches."""
        members = [self.branches.index(branch) for branch in branches]
        shown = self.representations
        return replace(
            self,
            branches=tuple(branches),
            scores=self.scores[members],
            representations=tuple(shown[member] for member in members) if shown else (),
        )

    def hiding(self, branches: Sequence[str]) -> "Judgements":
        """Return the same with the other branches absent: their scores are NaN."""
        absent = [branch not in branches for branch in self.branches]
        scores = self.scores.copy()
        scores[absent] = np.nan
        return replace(self, scores=scores)

    def relative_to_person(self) -> "Judgements":
        """Return log-probabilities as deviations from each person's mean over all performances.

        No label is used, but several performances of the person are needed, and that they are as
        evenly spread over the classes as RAVDESS's are: even scores then mean what they do alone.
        """
        logs = np.log(np.maximum(self.scores, 1e-6))
        for person in np.unique(self.speakers):
            own = self.speakers == person
            logs[:, own] -= logs[:, own].mean(axis=1, keepdims=True)
        powers = np.exp(logs - logs.max(axis=2, keepdims=True))
        return replace(self, scores=powers / powers.sum(axis=2, keepdims=True))

    def measures(self, scores: NDArray[np.float64], protocol: str) -> FoldedMeasures:
        """Figures of scores (n, classes), over all folds together and of each."""
        return measure_folds(
            self.labels.tolist(),
            scores.astype(np.float32),
            self.folds.tolist(),
            self.speakers.tolist(),
            self.classes,
            protocol,
        )


Use = Callable[[Judgements], NDArray[np.float64]]
"""Joins the branches that are there, whose scores are not NaN: (n, classes)."""

Join = Callable[[Judgements], Use]
"""Learns from judgements how to join others."""


def out_of_fold(
    judged: Judgements, join: Join, hidden: Sequence[Judgements] = ()
) -> list[NDArray[np.float64]]:
    """Join the branches for each fold by what was learned from the people of the others.

    What is joined there is out of fold itself, so a few numbers can be fitted to it honestly; the
    models behind it have seen other folds' people, among them those who are tested, which may
    move those few numbers but tells them no label. `hidden` are other views of `judged`, with
    branches absent, to judge by the same fit: one result (n, classes) each, else one of `judged`.
    """
    views = list(hidden) or [judged]
    joined = [np.zeros((len(judged.labels), len(judged.classes))) for _ in views]
    for fold in np.unique(judged.folds):
        tested = judged.folds == fold
        use = join(judged.rows(~tested))
        for scores, view in zip(joined, views, strict=True):
            scores[tested] = use(view.rows(tested))
    return joined


def class_weights(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights (n,) with which each class that occurs counts alike; they sum to n."""
    counts = np.bincount(labels)
    weights: NDArray[np.float64] = len(labels) / (counts[labels] * (counts > 0).sum())
    return weights
