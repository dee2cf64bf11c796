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
from models.protocols import Baseline
from models.scores import softmax
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from tasks.emotion.baseline import relative_to

MOSTLY_NEUTRAL = 0.8
"""Share of neutral speech that a speaker's own baseline is taken to have. An assumption."""

_NEUTRAL = EMOTIONS.index("neutral")


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


def neutral_reference(
    labels: Sequence[int], logits: NDArray[np.float32], temperature: float
) -> NDArray[np.float64]:
    """Return mean log-probabilities (7,) of speech of which `MOSTLY_NEUTRAL` is neutral.

    `logits` (n, 7) are of speakers that the network was not trained on.
    """
    logs = np.log(np.maximum(softmax(logits / np.float32(temperature)), 1e-6)).astype(np.float64)
    truth = np.asarray(labels)
    means = [logs[truth == number].mean(axis=0) for number in range(7) if (truth == number).any()]
    neutral = logs[truth == _NEUTRAL].mean(axis=0) if (truth == _NEUTRAL).any() else means[0]
    return np.asarray(MOSTLY_NEUTRAL * neutral + (1 - MOSTLY_NEUTRAL) * np.mean(means, axis=0))


def measures_against_baselines(
    found: Sequence[Strangers],
    references: Sequence[NDArray[np.float64]],
    n_others: int,
    stray: float = 0.0,
    seed: int = 0,
) -> dict[str, Measures]:
    """Measure each left-out corpus with every clip relative to others of its speaker.

    For each clip `n_others` other clips of the speaker are drawn, of which `MOSTLY_NEUTRAL` are
    neutral, and a share `stray` is somebody else's, as a diarizer mistakes them. `references` come
    from the validation speakers of each fold, at the temperature that the other corpora set. This
    looks at other clips of the tested speaker, without their labels, and stands apart from figures
    that do not.
    """
    measures = {}
    random = np.random.default_rng(seed)
    for each, reference in zip(found, references, strict=True):
        others = [other for other in found if other is not each]
        temperature = temperature_for_strangers(others)
        logs = np.log(np.maximum(softmax(each.logits / np.float32(temperature)), 1e-6))
        labels = np.array(classes_of(each.clips))
        speakers = np.array([clip.speaker for clip in each.clips])
        baseline = Baseline(tuple(reference.tolist()), 3.0)  # in clips here, not in seconds
        relative = logs.copy()
        for row in range(len(logs)):
            drawn = _others(row, labels, speakers, n_others, stray, random)
            if not len(drawn):
                continue
            share = len(drawn) / (len(drawn) + baseline.halfway)
            relative[row] = relative_to(logs[row], logs[drawn].mean(axis=0), baseline, share)
        named = [f"{clip.corpus}/{clip.speaker}" for clip in each.clips]
        name = f"{each.corpus}, left out, against {n_others} others of the speaker"
        measures[name + (f", {stray:.0%} stray" if stray else "")] = measure(
            labels.tolist(), softmax(relative), named
        )
    return measures


def _others(
    row: int,
    labels: NDArray[np.int64],
    speakers: NDArray[np.str_],
    count: int,
    stray: float,
    random: np.random.Generator,
) -> NDArray[np.int64]:
    own = np.flatnonzero(speakers == speakers[row])
    own = own[own != row]
    neutral, other = own[labels[own] == _NEUTRAL], own[labels[own] != _NEUTRAL]
    n_neutral = min(int(random.binomial(count, MOSTLY_NEUTRAL)), len(neutral))
    n_other = min(count - n_neutral, len(other))
    drawn = np.concatenate(
        [
            random.choice(neutral, n_neutral, replace=False),
            random.choice(other, n_other, replace=False),
        ]
    )
    strangers = np.flatnonzero(speakers != speakers[row])
    wrong = random.random(len(drawn)) < (stray if len(strangers) else 0)
    drawn[wrong] = random.choice(strangers, int(wrong.sum())) if wrong.any() else drawn[wrong]
    return drawn
