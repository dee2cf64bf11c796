"""Cross-validation of the voice network: every score is of a speaker whom it never heard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.audio.embedded import softmax
from models.protocols import Scores
from schemas.corpus import LabelledClip, Split
from schemas.emotions import EMOTIONS
from tasks.corpora.speech import stem
from tasks.corpora.splits import FOLDS, held_out_speakers, speaker_folds, trainable
from tasks.evaluation import Measures, fit_temperature, measure
from tasks.training.voice_data import classes_of
from tasks.training.voice_material import Material
from tasks.training.voice_probe import fit_head, head_logits

if TYPE_CHECKING:
    from models.audio.network import VoiceNetwork

VALIDATION_SPEAKERS = 2
"""Training speakers of each fold that only set the temperature."""

Logits = NDArray[np.float32]
Fit = Callable[[Split, int], tuple[Logits, Logits]]
"""Fits on a split's training side (the number is the fold's): logits of validation and test."""


@dataclass(frozen=True)
class FoldScores:
    """Scores of every test clip of a protocol, each by the fold that did not train on it."""

    clips: tuple[LabelledClip, ...]
    labels: tuple[int, ...]
    folds: tuple[int, ...]
    scores: Scores
    classes: tuple[str, ...] = EMOTIONS

    def measures(self) -> Measures:
        """Figures over all folds together, with the interval over speakers."""
        speakers = [f"{clip.corpus}/{clip.speaker}" for clip in self.clips]
        return measure(self.labels, self.scores, speakers, self.classes)

    def fold_uars(self) -> list[float]:
        """Unweighted average recall of each fold."""
        folds = np.asarray(self.folds)
        return [
            measure(np.asarray(self.labels)[rows], self.scores[rows], None, self.classes).uar
            for fold in sorted(set(self.folds))
            if (rows := folds == fold).any()
        ]

    def save(self, path: Path) -> None:
        """Write names, labels, folds and scores as `.npz`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            stem=[stem(clip.source or "") for clip in self.clips],
            speaker=[clip.speaker for clip in self.clips],
            label=self.labels,
            fold=self.folds,
            scores=self.scores,
        )


def run_folds(
    splits: Sequence[Split],
    fit: Fit,
    label: Callable[[Sequence[LabelledClip]], list[int]] = classes_of,
    classes: tuple[str, ...] = EMOTIONS,
) -> FoldScores:
    """Fit each split, calibrate on its validation speakers, score its test speakers."""
    clips: list[LabelledClip] = []
    folds: list[int] = []
    scores: list[Scores] = []
    for number, split in enumerate(splits):
        validation, test = fit(split, number)
        temperature = fit_temperature(label(split.validation), validation)
        scores.append(softmax(test / np.float32(temperature)))
        clips += split.test
        folds += [number] * len(split.test)
    return FoldScores(
        tuple(clips), tuple(label(clips)), tuple(folds), np.concatenate(scores), classes
    )


def corpus_splits(
    clips: Sequence[LabelledClip], corpus: str, *, joined: bool, seed: int = 0
) -> list[Split]:
    """The folds of one corpus; `joined` adds the other corpora to every training side."""
    own = [clip for clip in clips if clip.corpus == corpus]
    others = [clip for clip in clips if clip.corpus != corpus] if joined else []
    validation = min(VALIDATION_SPEAKERS, max(1, len({clip.speaker for clip in own}) // 4))
    splits = speaker_folds(own, FOLDS[corpus], validation, others, seed)
    return [split for split in splits if split.test]


def unseen_corpus(clips: Sequence[LabelledClip], corpus: str, seed: int = 0) -> Split:
    """Train on all corpora but one, which is tested whole."""
    others = [clip for clip in clips if clip.corpus != corpus]
    train, validation = held_out_speakers(others, seed=seed)
    tested = tuple(clip for clip in clips if clip.corpus == corpus and clip.emotion)
    return Split(train=trainable(train), validation=trainable(validation), test=tested)


def probe_fit(
    network: "VoiceNetwork",
    material: Material,
    label: Callable[[Sequence[LabelledClip]], list[int]] = classes_of,
) -> Fit:
    """A fit of the head alone, on statistics pooled once for all folds."""

    def fit(split: Split, number: int) -> tuple[Logits, Logits]:
        del number  # nothing is drawn at random
        n_classes = network.head.out_features
        rows = material.for_training(split.train)
        targets = np.full((len(rows), n_classes), 1 / n_classes, dtype=np.float32)
        targets[: len(split.train)] = np.eye(n_classes, dtype=np.float32)[label(split.train)]
        fit_head(network, [take[rows] for take in material.takes], targets)
        as_they_are = material.takes[0]
        return (
            head_logits(network, as_they_are[material.of(split.validation)]),
            head_logits(network, as_they_are[material.of(split.test)]),
        )

    return fit
