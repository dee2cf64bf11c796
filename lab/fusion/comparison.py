"""Compare ways to fuse branches, on people that no branch or fusion was trained on."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.corpora.actions import CLASSES, read_face_actions
from lab.corpora.posteriors import MODELS, PUBLISHED_FUSION, read_posteriors
from lab.corpora.splits import FOLDS
from lab.fusion.action_units import judge_actions
from lab.fusion.judgements import Join, Judgements, Use, out_of_fold
from lab.fusion.networks import Recipe, join_by_network
from lab.fusion.pool import join_by_discounts, join_by_weights, join_calibrated
from lab.measures import FoldedMeasures, Measures
from models.fusion.embedded import BRANCHES
from schemas.values import Json

FIVE = "RAVDESS, eight classes, five subject-wise folds"
SIX = "RAVDESS, seven classes, six folds"
_JOINED = (
    "The fusion of a fold is fitted to the out-of-fold scores of the other folds' people; the "
    "models behind them have not seen the people whom they judge."
)
RELATIVE = (
    "Action units are taken relative to each person's own mean and deviation over all that "
    "person's performances, unlabelled: not what others report, who judge each alone."
)
OWN_MEAN = "each face relative to its person's mean"
BOTH_OWN_MEANS = "face and voice relative to their person's means"

COMPANIES = (("audio", "video"), ("audio", "text"), ("video", "text"), BRANCHES)
"""The sets of branches that there is something to join of."""

Figures = dict[str, Measures]


def join_by_mean(learned: Judgements) -> Use:
    """Return the mean of the probabilities of the branches that are there; nothing is learned."""
    del learned
    return lambda tested: np.asarray(np.nanmean(tested.scores, axis=0))


def ways_to_join(seed: int) -> dict[str, Join]:
    """Name -> way to join branches that are all there."""
    return {
        "mean": join_by_mean,
        "perceptron": join_by_network(Recipe("probability-mlp", seed, absent=0.0)),
        "concatenation": join_by_network(Recipe("concatenation", seed, absent=0.0)),
        "pool, fixed weights": join_by_weights,
        "pool": join_by_discounts,
    }


def ways_to_miss(seed: int) -> dict[str, Join]:
    """Name -> one fusion for any set of branches, trained on all with some of them absent."""
    return {
        "mean": join_by_mean,
        "perceptron": join_by_network(Recipe("probability-mlp", seed)),
        "concatenation": join_by_network(Recipe("concatenation", seed)),
        "pool": join_by_discounts,
    }


def five_folds(people: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return the fold (n,) in which each of RAVDESS' actors is tested; five subject-wise ones."""
    fold_of = {name: fold for fold, names in enumerate(FOLDS["ravdess-five"]) for name in names}
    return np.array([fold_of[str(person)] for person in people], dtype=np.int64)


def judge_faces(data: Path, seed: int, *, relative: bool) -> Judgements:
    """Out-of-fold scores of all performances' action units, eight classes, five folds."""
    actions = read_face_actions(data)
    folds = five_folds(actions.people)
    own = actions.relative_to_person() if relative else actions
    scores = judge_actions(own, folds, len(CLASSES), seed)
    return Judgements(
        branches=("video",),
        stems=own.names,
        labels=own.labels,
        speakers=own.people,
        folds=folds,
        scores=scores[None],
        classes=CLASSES,
        representations=(own.units,),
    )


def measure_published(data: Path, seed: int) -> Figures:
    """Return published outputs: each model, its authors' fusion, and ours of the same three."""
    table = read_posteriors(data)
    judged = Judgements(
        MODELS,
        table.names,
        table.labels,
        table.people,
        table.folds,
        np.stack([table.scores[model] for model in MODELS]),
        CLASSES,
    )
    start = f"{FIVE}: published"
    found: Figures = {
        f"{start} {model}": judged.measures(table.scores[model], "As published.")
        for model in (*MODELS, PUBLISHED_FUSION)
    }
    # these outputs are not calibrated: the pool that ships asks for a temperature first
    ways = ways_to_join(seed) | {"pool": join_calibrated}
    for way, join in ways.items():
        (scores,) = out_of_fold(judged, join)
        found[f"{start} outputs joined, {way}"] = judged.measures(scores, _JOINED)
    return found


def measure_together(
    judged: Judgements, protocol: str, ways: Mapping[str, Join], note: str = ""
) -> Figures:
    """Each branch alone, and the ways to join them where all are there."""
    found: Figures = {
        f"{protocol}: {branch} alone": judged.measures(judged.scores[place], note)
        for place, branch in enumerate(judged.branches)
    }
    together = " + ".join(judged.branches)
    for way, join in ways.items():
        (scores,) = out_of_fold(judged, join)
        found[f"{protocol}: {together}, {way}"] = judged.measures(scores, f"{_JOINED} {note}")
    return found


def measure_missing(
    judged: Judgements, ways: Mapping[str, Join], companies: Sequence[Sequence[str]]
) -> Figures:
    """One fusion for every set of branches: what each way makes of the sets in `companies`."""
    found: Figures = {}
    hidden = [judged.hiding(company) for company in companies]
    for way, join in ways.items():
        for company, scores in zip(companies, out_of_fold(judged, join, hidden), strict=True):
            name = f"{SIX}, any may be absent: {' + '.join(company)}, {way}"
            found[name] = judged.measures(scores, f"{_JOINED} Trained with modality dropout.")
    return found


def summarise(measures: Measures) -> Json:
    """Summarise the figures of a protocol for the training report."""
    named = ("accuracy", "uar", "macro_f1", "ece", "accuracy_at_half_coverage")
    figures: Json = {name: round(float(getattr(measures, name)), 4) for name in named}
    figures["n"] = measures.n
    figures["recall"] = {name: round(value, 4) for name, value in measures.recall.items()}
    if isinstance(measures, FoldedMeasures):
        figures["mean_accuracy"] = round(measures.mean["accuracy"], 4)
        figures["deviation_of_accuracy"] = round(measures.deviation["accuracy"], 4)
    return figures
