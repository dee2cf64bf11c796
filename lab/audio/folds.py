"""Cross-validate the audio network by speaker."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lab.audio.material import Material
from lab.audio.probe import fit_head, head_logits
from lab.audio.sounds import classes_of, voice_classes_of
from lab.corpora.speech import stem
from lab.corpora.splits import (
    CONVERSATIONS,
    FOLDS,
    PROTOCOL_CORPUS,
    Keep,
    has_emotion,
    held_out_speakers,
    other_sentence_folds,
    rotating_folds,
    shares_people,
    speaker_folds,
    trainable,
)
from lab.measures import FoldedMeasures, fit_temperature, measure_folds
from models.audio.embedded import VOICE_CLASSES, merge_calm
from models.protocols import Scores
from models.scores import softmax
from schemas.corpus import SAME_PEOPLE, LabelledClip, Split
from schemas.emotions import EMOTIONS

if TYPE_CHECKING:
    from models.audio.network import AudioEmotionNetwork

VALIDATION_SPEAKERS = 2
"""Training speakers of each fold that only set the temperature."""

Logits = NDArray[np.float32]
Heard = Mapping[str, Logits]
"""Condition of the sound -> log-probabilities (n, classes) of the test clips; `CLEAN` is one."""
Fit = Callable[[Split, int], tuple[Logits, Heard]]
"""Fits on a split's training side (the number is the fold's): of validation and of test clips."""

CLEAN = "clean"


@dataclass(frozen=True)
class FoldScores:
    """Scores of every test clip of a protocol, each by the fold that did not train on it."""

    clips: tuple[LabelledClip, ...]
    labels: tuple[int, ...]
    folds: tuple[int, ...]
    scores: Scores
    classes: tuple[str, ...] = EMOTIONS

    def measures(self, protocol: str = "") -> FoldedMeasures:
        """Figures over all folds together and of each, with the interval over speakers."""
        speakers = [clip.person for clip in self.clips]
        return measure_folds(self.labels, self.scores, self.folds, speakers, self.classes, protocol)

    def save(self, path: Path) -> None:
        """Write names, labels, folds, classes and scores as `.npz`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            stem=[stem(clip.source or "") for clip in self.clips],
            speaker=[clip.speaker for clip in self.clips],
            label=self.labels,
            fold=self.folds,
            classes=self.classes,
            scores=self.scores,
        )


@dataclass(frozen=True)
class FoldLogits:
    """Logits of all folds for validation and test clips, before calibration."""

    splits: tuple[Split, ...]
    validation: tuple[Logits, ...]
    test: tuple[Heard, ...]

    def seven(self, condition: str = CLEAN) -> FoldScores:
        """Scores of the seven classes, calibrated on each fold's validation speakers."""
        return self._scores(EMOTIONS, classes_of, merge_calm, condition)

    def eight(self, condition: str = CLEAN) -> FoldScores:
        """Scores with calm as an eighth class, as published for RAVDESS."""
        return self._scores(VOICE_CLASSES, voice_classes_of, lambda logits: logits, condition)

    def conditions(self) -> tuple[str, ...]:
        """Return the conditions that the test clips were judged in."""
        return tuple(self.test[0])

    def _scores(
        self,
        classes: tuple[str, ...],
        label: Callable[[Sequence[LabelledClip]], list[int]],
        view: Callable[[Logits], Logits],
        condition: str,
    ) -> FoldScores:
        clips: list[LabelledClip] = []
        folds: list[int] = []
        scores: list[Scores] = []
        for number, split in enumerate(self.splits):
            seen = view(self.validation[number])
            temperature = fit_temperature(label(split.validation), seen)
            scores.append(softmax(view(self.test[number][condition]) / np.float32(temperature)))
            clips += split.test
            folds += [number] * len(split.test)
        return FoldScores(
            tuple(clips), tuple(label(clips)), tuple(folds), np.concatenate(scores), classes
        )


def run_folds(splits: Sequence[Split], fit: Fit) -> FoldLogits:
    """Fit each split and judge its validation and test speakers."""
    found = [fit(split, number) for number, split in enumerate(splits)]
    return FoldLogits(tuple(splits), tuple(v for v, _ in found), tuple(t for _, t in found))


def corpus_splits(
    clips: Sequence[LabelledClip], protocol: str, seed: int = 0, keep: Keep = has_emotion
) -> list[Split]:
    """Return the folds of one protocol; of conversations whole sessions are tested and validate.

    Clips of another corpus of the same people (RAVDESS's songs beside its speech) are trained on
    where the protocol's corpus has their label, but never those of a tested or validating actor.
    A fold that leaves nobody to train on is left out, and so are clips that are not to `keep`.
    """
    corpus = PROTOCOL_CORPUS.get(protocol, protocol)
    own = [clip for clip in clips if clip.corpus == corpus]
    labels = {clip.label for clip in own}
    others = [clip for clip in clips if shares_people(clip, corpus) and clip.label in labels]
    speakers = {clip.speaker for clip in own}
    if corpus in CONVERSATIONS:
        there = [fold for fold in FOLDS[protocol] if speakers & set(fold)]
        splits = rotating_folds(own, there, disjoint_dialogues=True, keep=keep)
    else:
        validation = min(VALIDATION_SPEAKERS, max(1, len(speakers) // 4))
        splits = speaker_folds(own, FOLDS[protocol], validation, others, seed=seed, keep=keep)
    return [split for split in splits if split.train and split.test]


def other_sentence_splits(clips: Sequence[LabelledClip], corpus: str, seed: int = 0) -> list[Split]:
    """Return the folds with the first sentence in training and the second in the test."""
    own = [clip for clip in clips if clip.corpus == corpus]
    splits = other_sentence_folds(own, FOLDS[corpus], VALIDATION_SPEAKERS, seed=seed)
    return [split for split in splits if split.train and split.validation and split.test]


def unseen_corpus(clips: Sequence[LabelledClip], corpus: str, seed: int = 0) -> Split:
    """Train on all corpora of other people than one's, which is tested whole."""
    people = SAME_PEOPLE.get(corpus, corpus)
    others = [clip for clip in clips if clip.people != people]
    train, validation = held_out_speakers(others, seed=seed)
    tested = tuple(clip for clip in clips if clip.corpus == corpus and clip.emotion)
    return Split(train=trainable(train), validation=trainable(validation), test=tested)


def probe_fit(network: "AudioEmotionNetwork", material: Material) -> Fit:
    """Return a fit of the head alone, on statistics pooled once for all folds."""

    def fit(split: Split, number: int) -> tuple[Logits, Heard]:
        del number  # nothing is drawn at random
        rows = material.for_training(split.train)
        fit_head(network, [take[rows] for take in material.takes], material.sounds.targets[rows])
        return (
            head_logits(network, material.judged(split.validation)),
            {CLEAN: head_logits(network, material.judged(split.test))},
        )

    return fit
