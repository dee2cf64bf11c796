"""Samples for the training of the audio network, and their augmentation."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lab.acoustics.augmentation import change_speed, crop, like_a_meeting, no_voice
from lab.corpora.sound import read_sound
from models.audio.embedded import VOICE_CLASSES, even_logits
from models.audio.sound import (
    FRAMES_PER_SECOND,
    log_mel,
    normalise_loudness,
    trim_silence,
    windows,
)
from models.protocols import Samples
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.values import SAMPLE_RATE

if TYPE_CHECKING:
    import torch

_HOP = SAMPLE_RATE // FRAMES_PER_SECOND

_NO_VOICE_SECONDS = (0.6, 6.0)
_CERTAIN = 0.4

MEETING_TARGET = np.array([0.45, 0.08, 0.06, 0.05, 0.03, 0.03, 0.05, 0.25], dtype=np.float32)
"""Of `VOICE_CLASSES`: neutral or calm in seven of ten pieces, a little of all else. An assumption,
not a measurement."""

_MEETING_PIECE = 3.0

_OTHER_TEMPO_SHARE = 0.6
_WIDEST_BAND, _LONGEST_BLOT = 10, 20


@dataclass(frozen=True)
class Sounds:
    """Decoded clips, even in loudness and kept as float16; `targets` has shape (n, classes)."""

    samples: list[NDArray[np.float16]]
    targets: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.samples)

    def hear(self, row: int) -> Samples:
        """Return the samples of one clip as float32."""
        return self.samples[row].astype(np.float32)


def hear(clip: LabelledClip) -> NDArray[np.float16]:
    """Decode a clip that has a source as `Sounds` keep it; `InputError` where it is damaged."""
    return normalise_loudness(trim_silence(read_sound(clip.source or ""))).astype(np.float16)


def heard(clips: Sequence[LabelledClip], samples: Sequence[NDArray[np.float16]]) -> Sounds:
    """Sounds of clips that have an emotion, with their classes as targets."""
    targets = np.eye(len(VOICE_CLASSES), dtype=np.float32)[voice_classes_of(clips)]
    return Sounds(list(samples), targets)


def classes_of(clips: Sequence[LabelledClip]) -> list[int]:
    """Index of each clip's emotion; raises `ValueError` for a clip that has none."""
    emotions: list[str] = [clip.emotion or "" for clip in clips]
    return [EMOTIONS.index(emotion) for emotion in emotions]


def voice_classes_of(clips: Sequence[LabelledClip]) -> list[int]:
    """Index of each clip's class in `VOICE_CLASSES`; `ValueError` for a clip without an emotion."""
    return [
        VOICE_CLASSES.index("calm") if clip.label == "calm" else emotion
        for clip, emotion in zip(clips, classes_of(clips), strict=True)
    ]


def joined(sounds: Sounds, samples: Sequence[Samples], target: NDArray[np.float32]) -> Sounds:
    """Add samples that all have one soft target (classes,)."""
    more = [normalise_loudness(trim_silence(clip)).astype(np.float16) for clip in samples]
    targets = np.tile(target.astype(np.float32), (len(more), 1)).reshape(-1, len(VOICE_CLASSES))
    return Sounds([*sounds.samples, *more], np.concatenate([sounds.targets, targets]))


def with_no_voice(sounds: Sounds, seed: int, share: float) -> Sounds:
    """Add clips without a voice, a `share` of those with one, whose target is even."""
    made = no_voice(
        max(1, round(share * len(sounds))), _NO_VOICE_SECONDS, np.random.default_rng(seed)
    )
    return joined(sounds, made, np.exp(even_logits(len(VOICE_CLASSES))))


def with_meetings(sounds: Sounds, recordings: Sequence[Path]) -> Sounds:
    """Add pieces of real meetings as probably neutral.

    Acted corpora make everyday speech sound sad beside them: most of it is neither acted nor
    sad. Nobody labelled these pieces; their target says what is known of meetings at large.
    """
    pieces = [
        piece
        for recording in recordings
        for piece in windows(read_sound(str(recording)), _MEETING_PIECE)
    ]
    return joined(sounds, pieces, MEETING_TARGET)


def class_weights(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights (classes,) that let each class that occurs count alike; 1 on average over clips.

    `targets` has shape (n, classes); clips without a voice, whose target is even, do not count.
    """
    counts = np.bincount(targets[targets.max(axis=1) > _CERTAIN].argmax(axis=1))
    counts = np.pad(counts, (0, targets.shape[1] - len(counts)))
    n_occurring = int((counts > 0).sum())
    weights = np.where(counts > 0, counts.sum() / (n_occurring * np.maximum(counts, 1)), 1.0)
    return weights.astype(np.float32)


def clip_weights(targets: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each clip's weight (n,): its class's, and 1 for a clip without a voice."""
    chosen = np.where(targets.max(axis=1) > _CERTAIN, weights[targets.argmax(axis=1)], 1.0)
    return chosen.astype(np.float32)


@dataclass
class VoiceBatches:
    """Makes training batches, drawn anew at each look.

    `weights` (classes,) say how much a clip of each class counts. All clips of a batch are cut
    to one random length in `seconds`, so that little is padded; a `meeting_share` of them is
    heard as in a meeting, most others at another tempo. A band of frequencies and a stretch of
    time are blotted out (Park et al. 2019, "SpecAugment").
    """

    sounds: Sounds
    weights: NDArray[np.float32]
    seconds: tuple[float, float]
    meeting_share: float
    random: np.random.Generator

    def __call__(self, items: Sequence[dict[str, int]]) -> dict[str, "torch.Tensor"]:
        """Return `mel` (batch, 80, frames), `n_frames`, `targets` (batch, classes), `weights`."""
        import torch

        from models.audio.network import pad_frames

        rows = [item["row"] for item in items]
        length = int(self.random.uniform(*self.seconds) * FRAMES_PER_SECOND) * _HOP
        mel, n_frames = pad_frames([self._blot(log_mel(self._shown(row, length))) for row in rows])
        targets = self.sounds.targets[np.asarray(rows)]
        return {
            "mel": mel,
            "n_frames": n_frames,
            "targets": torch.from_numpy(targets),
            "weights": torch.from_numpy(clip_weights(targets, self.weights)),
        }

    def _shown(self, row: int, length: int) -> Samples:
        samples = self.sounds.hear(row)
        # a little more than is needed, since a changed tempo shortens it
        samples = crop(samples, length + length // 8, self.random)
        if self.random.random() < self.meeting_share:
            samples = normalise_loudness(like_a_meeting(samples, self.random))
        elif self.random.random() < _OTHER_TEMPO_SHARE:
            samples = change_speed(samples, self.random)
        return crop(samples, length, self.random)

    def _blot(self, mel: "torch.Tensor") -> "torch.Tensor":
        level = mel.mean()
        for dimension, widest in ((0, _WIDEST_BAND), (1, min(_LONGEST_BLOT, mel.shape[1] // 6))):
            width = int(self.random.integers(widest + 1))
            start = int(self.random.integers(mel.shape[dimension] - width + 1))
            mel.narrow(dimension, start, width).fill_(level)
        return mel
