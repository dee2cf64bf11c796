"""Decoded clips and their pooled statistics, shared by the folds of a training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lab.audio.probe import Pooled, copies, pool
from lab.audio.sounds import Sounds, hear, heard, with_meetings, with_no_voice
from lab.corpora.samples import read_readable, warn_of_damaged
from models.audio.embedded import TEMPI
from models.protocols import Samples
from schemas.corpus import LabelledClip

if TYPE_CHECKING:
    import torch

    from models.audio.network import AudioEmotionNetwork

_NO_VOICE_SHARE = 0.05
"""Sounds without a voice for each clip with one."""


@dataclass(frozen=True)
class Material:
    """Clips, then sounds without a voice and of meetings, and statistics of all their takes.

    `takes` are the statistics (n, pooled) of the clips as they are, slower, faster, in a room,
    and in pieces; the first three are how a clip is judged. `clips` could be read, and `warnings`
    say what could not.
    """

    sounds: Sounds
    rows: dict[str, int]
    takes: list[Pooled]
    clips: tuple[LabelledClip, ...]
    warnings: tuple[str, ...]

    def of(self, clips: Sequence[LabelledClip]) -> NDArray[np.int64]:
        """Rows of these clips."""
        return np.array([self.rows[clip.source or ""] for clip in clips], dtype=np.int64)

    def judged(self, clips: Sequence[LabelledClip]) -> list[Pooled]:
        """Statistics of these clips at the tempi at which the branch judges."""
        rows = self.of(clips)
        return [take[rows] for take in self.takes[: len(TEMPI)]]

    def heard(self, clips: Sequence[LabelledClip]) -> list[Samples]:
        """Return the samples of these clips."""
        return [self.sounds.hear(row) for row in self.of(clips)]

    def for_training(self, clips: Sequence[LabelledClip]) -> NDArray[np.int64]:
        """Rows of these clips, and of everything that is no clip of a corpus."""
        return np.concatenate([self.of(clips), np.arange(len(self.rows), len(self.sounds))])

    def chosen(self, rows: NDArray[np.int64]) -> Sounds:
        """Return the sounds of some rows."""
        return Sounds([self.sounds.samples[row] for row in rows], self.sounds.targets[rows])


def gather(
    network: "AudioEmotionNetwork | None",
    clips: Sequence[LabelledClip],
    meetings: Sequence[Path],
    device: "torch.device",
    seed: int,
) -> Material:
    """Decode clips that have an emotion, add meetings and sounds without a voice, pool them all.

    Without a network nothing is pooled: enough where networks that are trained already judge.
    Damaged clips are left out; raises `InputError` where not one can be read.
    """
    found = read_readable(dict(enumerate(clips)), hear)
    warnings = warn_of_damaged(found.damaged, len(clips))
    kept = tuple(clips[row] for row in found.samples)
    voices = heard(kept, list(found.samples.values()))
    sounds = with_meetings(with_no_voice(voices, seed, _NO_VOICE_SHARE), meetings)
    takes = []
    if network is not None:
        takes = [pool(network.to(device), take, device) for take in copies(sounds, seed)]
        network.cpu()
    rows = {clip.source or "": row for row, clip in enumerate(kept)}
    return Material(sounds, rows, takes, kept, warnings)
