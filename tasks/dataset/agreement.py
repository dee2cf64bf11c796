"""How far labels of the models and of reviewers agree, where somebody looked."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from schemas.corrections import Correction, standing
from schemas.dataset import Dataset
from schemas.emotions import EMOTIONS
from schemas.values import Value
from tasks.dataset.corrections import utterances_of

UNSURE = "unsure"
LABELS = (*EMOTIONS, UNSURE)

_DRAWS = 1000
_FEWEST_RECORDINGS = 5
"""Recordings from which an interval is given: it is drawn over recordings, whose utterances are
alike."""

Place = tuple[str, int]
Pairs = Sequence[tuple[str, str, str]]
"""(recording, first label, second label) of an utterance."""


class Agreement(Value):
    """Labels of `first` against those of `second` on `n` utterances.

    `kappa` is Cohen's (1960), None where all labels are one; `interval` its 95 % by a bootstrap
    over recordings, where there are five. `confusion` counts: row of `LABELS` by the first, column
    by the second.
    """

    first: str
    second: str
    n: int
    agreed: float
    kappa: float | None
    interval: tuple[float, float] | None
    confusion: tuple[tuple[int, ...], ...]


def agreements(dataset: Dataset) -> tuple[Agreement, ...]:
    """Compare the models with all reviewers, with each of them, and each two reviewers.

    An utterance counts for a reviewer who corrected its emotion or confirmed it: the last word of
    each reviewer, unless it was undone.
    """
    corrections = standing(dataset.corrections())
    by_reviewer = judgements(corrections)
    places = {place for labels in by_reviewer.values() for place in labels}
    models = _published(dataset, {recording for recording, _ in places})
    every = [
        (place[0], models[place], label)
        for labels in by_reviewer.values()
        for place, label in labels.items()
        if place in models
    ]
    made = [_compared("models", "all reviewers", every)] if every else []
    for who, labels in sorted(by_reviewer.items()):
        pairs = [(p[0], models[p], label) for p, label in labels.items() if p in models]
        if len(by_reviewer) > 1 and pairs:
            made.append(_compared("models", who, pairs))
    for one, other in combinations(sorted(by_reviewer), 2):
        shared = by_reviewer[one].keys() & by_reviewer[other].keys()
        both = [(p[0], by_reviewer[one][p], by_reviewer[other][p]) for p in sorted(shared)]
        if both:
            made.append(_compared(one, other, both))
    return tuple(made)


def judgements(corrections: Sequence[Correction]) -> dict[str, dict[Place, str]]:
    """Return the last label of each reviewer for each utterance that they judged."""
    made: dict[str, dict[Place, str]] = {}
    for each in corrections:
        if each.field == "emotion" and each.utterance is not None:
            place = (each.recording, each.utterance)
            made.setdefault(each.who, {})[place] = each.new or UNSURE
    return made


def _published(dataset: Dataset, recordings: set[str]) -> Mapping[Place, str]:
    return {
        (recording, row["utterance_index"]): row["emotion"] or UNSURE
        for recording in sorted(recordings)
        for row in utterances_of(dataset, recording)
        if "no_consent" not in row["flags"]
    }


def _compared(first: str, second: str, pairs: Pairs) -> Agreement:
    recordings = sorted({recording for recording, _, _ in pairs})
    counts = np.zeros((len(recordings), len(LABELS), len(LABELS)), int)
    for recording, one, other in pairs:
        place = LABELS.index(one), LABELS.index(other)
        counts[(recordings.index(recording), *place)] += 1
    whole = counts.sum(axis=0)
    return Agreement(
        first=first,
        second=second,
        n=len(pairs),
        agreed=float(np.trace(whole) / whole.sum()),
        kappa=kappa(whole),
        interval=_interval(counts),
        confusion=tuple(tuple(int(n) for n in row) for row in whole),
    )


def kappa(confusion: "np.typing.NDArray[np.int_]") -> float | None:
    """Return Cohen's kappa of a table of counts; None where chance explains all of it."""
    shares = confusion / confusion.sum()
    chance = float(shares.sum(axis=1) @ shares.sum(axis=0))
    return None if chance >= 1 else float((np.trace(shares) - chance) / (1 - chance))


def _interval(counts: "np.typing.NDArray[np.int_]") -> tuple[float, float] | None:
    if len(counts) < _FEWEST_RECORDINGS:
        return None
    random = np.random.default_rng(0)
    drawn = (
        kappa(counts[random.integers(len(counts), size=len(counts))].sum(axis=0))
        for _ in range(_DRAWS)
    )
    found = [each for each in drawn if each is not None]
    low, high = np.quantile(found, (0.025, 0.975)) if found else (np.nan, np.nan)
    return float(low), float(high)
