"""Calibrate the audio network on corpora that were left out of its training.

Speakers of the training corpora, even unseen ones, flatter: their studio, task and language were
trained on. A temperature that holds for strangers is fitted on corpora that the network did not
learn from, each left out once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.audio.folds import CLEAN, FoldLogits
from lab.audio.sounds import classes_of
from lab.measures import Measures, fit_temperature, measure
from models.audio.embedded import merge_calm
from models.scores import softmax
from schemas.corpus import LabelledClip


@dataclass(frozen=True)
class Strangers:
    """One corpus that was left out: its clips and their uncalibrated logits, shape (n, 7)."""

    corpus: str
    clips: tuple[LabelledClip, ...]
    logits: NDArray[np.float32]


def strangers_of(folds: FoldLogits) -> list[Strangers]:
    """Return the left-out corpora of folds that test one corpus each."""
    return [
        Strangers(split.test[0].corpus, split.test, merge_calm(heard[CLEAN]))
        for split, heard in zip(folds.splits, folds.test, strict=True)
    ]


def temperature_for_strangers(found: Sequence[Strangers]) -> float:
    """Fit one temperature to all left-out corpora; each corpus counts alike, whatever its size."""
    labels = [label for each in found for label in classes_of(each.clips)]
    weights = np.concatenate([np.full(len(each.clips), 1 / len(each.clips)) for each in found])
    return fit_temperature(labels, np.concatenate([each.logits for each in found]), weights)


def measures_on_strangers(found: Sequence[Strangers]) -> dict[str, Measures]:
    """Measure each left-out corpus at the temperature that the other corpora set."""
    measures = {}
    for each in found:
        others = [other for other in found if other is not each]
        scores = softmax(each.logits / np.float32(temperature_for_strangers(others)))
        speakers = [f"{clip.corpus}/{clip.speaker}" for clip in each.clips]
        measures[f"{each.corpus}, left out"] = measure(classes_of(each.clips), scores, speakers)
    return measures
