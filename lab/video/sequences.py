"""Make face sequences from stills and fit the temporal part on them.

The frame encoder is frozen: each still is looked at once as a short walk of a camera, and
sequences are mixed from the vectors of those looks.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lab.corpora.faces import LabelledFaces
from lab.training.fitting import Batch, FittingPlan, fit
from lab.video.augmentation import draw_no_face, draw_shot, next_shot, take
from schemas.emotions import EMOTIONS

if TYPE_CHECKING:
    from models.video.network import VideoEmotionNetwork

Vectors = NDArray[np.float32]

WALK = 6
"""Frames of a face that are looked at."""

SAMPLING = 0.2
"""Seconds between the frames of a made sequence: five a second, as the stage samples."""

_WALKED_FACES = 10_000
_NO_FACES = 500
_LONGEST = 16
_SINGLE_SHARE = 0.2
_SECOND_FACE_SHARE = 0.4
_NEUTRAL_SHARE = 0.4
_LOST_SHARE = 0.3
_ENCODED_AT_ONCE = 256


def walk(face: NDArray[np.uint8], n_frames: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return a still as a drifting sequence (n_frames, size, size)."""
    shot = draw_shot(random)
    frames = []
    for _ in range(n_frames):
        frames.append(take(face, shot, random))
        shot = next_shot(shot, random)
    return np.stack(frames)


@dataclass
class MadeSequences:
    """Sequences drawn anew at each look, from the vectors of walked stills.

    `walks` (faces, WALK, width) with their `targets` (faces, 7) and `labels` (faces,);
    `no_faces` (n, width) are what a detector takes for a face by mistake.
    """

    walks: Vectors
    targets: NDArray[np.float32]
    labels: NDArray[np.int64]
    no_faces: Vectors
    random: np.random.Generator

    def __post_init__(self) -> None:
        self._of_label = {
            label: np.flatnonzero(self.labels == label) for label in np.unique(self.labels)
        }

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> Batch:
        if self.random.random() < _SINGLE_SHARE:
            frames = self.walks[row, self.random.integers(WALK)][np.newaxis]
        else:
            frames = self._mixed(row)
        return {"vectors": frames, "times": self._times(len(frames)), "targets": self.targets[row]}

    def _mixed(self, row: int) -> Vectors:
        """Return a drifting sequence with faces of its label, neutral ones and lost frames."""
        parts = [self.walks[row]]
        if self.random.random() < _SECOND_FACE_SHARE:
            parts.append(self._walk_of(self.labels[row]))
        if self.random.random() < _NEUTRAL_SHARE:
            few = 1 + int(self.random.integers(WALK // 2))
            parts.insert(int(self.random.integers(2)), self._walk_of(0)[:few])
        frames = np.concatenate(parts)
        if self.random.random() < _LOST_SHARE:
            lost = self.random.integers(len(frames), size=int(self.random.integers(1, 4)))
            frames[lost] = self.no_faces[self.random.integers(len(self.no_faces), size=len(lost))]
        length = int(self.random.integers(2, min(len(frames), _LONGEST) + 1))
        first = int(self.random.integers(len(frames) - length + 1))
        return frames[first : first + length]

    def _walk_of(self, label: int) -> Vectors:
        rows = self._of_label.get(label)
        row = int(self.random.choice(rows)) if rows is not None else 0
        vectors: Vectors = self.walks[row]
        return vectors

    def _times(self, n_frames: int) -> NDArray[np.float32]:
        """Rising times; long utterances are thinned, so steps are of up to two seconds."""
        step = SAMPLING * int(np.exp(self.random.uniform(0, np.log(10))))
        skipped = self.random.random(n_frames) < 0.1
        times: NDArray[np.float32] = (step * np.cumsum(1 + skipped)).astype(np.float32)
        return times


def encode(network: "VideoEmotionNetwork", crops: NDArray[np.uint8]) -> Vectors:
    """Vectors (n, width) of crops (n, size, size), computed in blocks."""
    import torch

    from models.precision import half_precision

    device = next(network.parameters()).device
    found = []
    network.eval()
    with torch.inference_mode(), half_precision(device):
        for start in range(0, len(crops), _ENCODED_AT_ONCE):
            block = torch.from_numpy(crops[start : start + _ENCODED_AT_ONCE]).to(device)
            found.append(network.embed(block).float().cpu().numpy())
    return np.concatenate(found)


def make_sequences(
    network: "VideoEmotionNetwork", faces: LabelledFaces, targets: NDArray[np.float32], seed: int
) -> MadeSequences:
    """Walk and encode up to ten thousand faces, in more even shares of the classes.

    The encoder learns from all faces as they come, the head from evened classes (Kang et al.
    2020, "Decoupling Representation and Classifier for Long-Tailed Recognition").
    """
    random = np.random.default_rng(seed)
    rows = _evened(faces.labels, random)
    vectors = np.concatenate(
        [
            encode(network, np.concatenate([walk(faces.images[r], WALK, random) for r in block]))
            for block in np.array_split(rows, max(1, len(rows) // 256))
        ]
    )
    size = faces.images.shape[1]
    no_faces = np.stack([draw_no_face(random, size) for _ in range(_NO_FACES)])
    return MadeSequences(
        walks=vectors.reshape(len(rows), WALK, -1),
        targets=targets[rows],
        labels=faces.labels[rows],
        no_faces=encode(network, no_faces),
        random=random,
    )


def _evened(labels: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.intp]:
    """Rows of up to ten thousand faces, classes drawn by the root of their frequency."""
    counts = np.bincount(labels, minlength=len(EMOTIONS))
    chance = 1 / np.sqrt(counts[labels])
    # the largest of u^(1/w) are a draw without replacement by weights w (Efraimidis, Spirakis)
    keys = np.log(random.random(len(labels))) / chance
    return np.argsort(-keys)[: min(_WALKED_FACES, len(labels))]


def pad_vectors(batch: list[Batch]) -> Batch:
    """Pad a batch of sequences of vectors."""
    import torch

    longest = max(len(row["vectors"]) for row in batch)
    width = batch[0]["vectors"].shape[1]
    vectors = np.zeros((len(batch), longest, width), dtype=np.float32)
    times = np.zeros((len(batch), longest), dtype=np.float32)
    present = np.zeros((len(batch), longest), dtype=bool)
    for index, row in enumerate(batch):
        n = len(row["vectors"])
        vectors[index, :n], times[index, :n], present[index, :n] = row["vectors"], row["times"], 1
    return {
        "vectors": torch.from_numpy(vectors),
        "times": torch.from_numpy(times),
        "present": torch.from_numpy(present),
        "targets": torch.from_numpy(np.stack([row["targets"] for row in batch])),
    }


def fit_sequences(
    network: "VideoEmotionNetwork", sequences: MadeSequences, out: Path, plan: FittingPlan
) -> None:
    """Fit the temporal part and the head; the frame encoder stays frozen."""
    import torch

    class Objective(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.temporal = network.temporal
            self.position_scale = network.position_scale
            self.head = network.head
            for parameter in self.parameters():
                parameter.requires_grad = True

        def forward(
            self,
            vectors: torch.Tensor,
            times: torch.Tensor,
            present: torch.Tensor,
            targets: torch.Tensor,
        ) -> dict[str, torch.Tensor]:
            logits = network.judge_vectors(vectors, times, present).float()
            return {"loss": -(targets * logits.log_softmax(dim=-1)).sum(dim=-1).mean()}

    fit(Objective(), sequences, pad_vectors, plan, out)
    network.eval()
