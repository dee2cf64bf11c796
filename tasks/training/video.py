"""Train the face network: stills first, then sequences made from stills.

There are no labelled videos of meetings to train on. The frame encoder learns from FER2013's
stills, seen as a meeting's camera would see them; the temporal part learns from sequences made
of the same stills: one face drifting at random, mixed with other faces of its label, neutral
ones and frames without a face. So it knows how to weigh frames, and nothing of how real faces
move: the card says so.
"""

import time

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.protocols import EmotionBranch, FaceSequence
from schemas.emotions import EMOTIONS
from tasks.corpora.faces import LabelledFaces, read_fer2013
from tasks.evaluation import Measures, fit_temperature, measure
from tasks.training.camera import draw_no_face, draw_shot, next_shot, take
from tasks.training.fitting import FittingPlan, fit
from tasks.training.options import TrainingOptions, TrainingReport

if TYPE_CHECKING:
    import torch

    from models.video.network import FaceNetwork

STILLS = FittingPlan(
    epochs=12, batch_size=128, learning_rate=0.1, weight_decay=5e-4, optimizer="sgd"
)
SEQUENCES = FittingPlan(epochs=3, batch_size=128, learning_rate=5e-4, weight_decay=1e-2)

_VOTES_SHARE = 0.6
"""Share of FERPlus' votes in a target; FER2013's own label has the rest. Both are noisy."""

_NO_FACE_SHARE = 0.03
_RARE_CLASS_POWER = 0.3
_WALK = 8
"""Frames of a face that are cached for the temporal part."""

_SAMPLING = 0.2
"""Seconds between the frames of a made sequence, as five frames a second have it."""


def train_video(data: Path, out: Path, options: TrainingOptions) -> TrainingReport:
    """Train on `data/face/fer2013.parquet`; write `video.safetensors` and its figures to `out`.

    The temperature is fitted on PublicTest; the figures are PrivateTest's.
    """
    import torch

    from models.video.network import FaceNetwork, FaceNetworkShape

    began = time.perf_counter()
    torch.manual_seed(options.seed)
    table = data / "face" / "fer2013.parquet"
    faces = _limited(_usable(read_fer2013(table, "Training")), options)
    network = FaceNetwork(FaceNetworkShape()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    fit_stills(network, faces, out / "stills", STILLS.told(options))
    fit_sequences(network, faces, out / "sequences", SEQUENCES.model_copy(update=_same(options)))
    temperature = _temperature(network, _limited(read_fer2013(table, "PublicTest"), options))
    weights = _save(network, temperature, out / "video.safetensors")
    measures = _measure_weights(weights, table, options)
    return TrainingReport(
        branch="video",
        weights=weights,
        n_train=len(faces),
        seconds=time.perf_counter() - began,
        measures={name: figures.model_dump() for name, figures in measures.items()},
    )


def _same(options: TrainingOptions) -> dict[str, Any]:
    told: dict[str, Any] = {
        "seed": options.seed,
        "device": options.device,
        "resume": options.resume,
    }
    return told | ({"threads": options.threads} if options.threads else {})


def _usable(faces: LabelledFaces) -> LabelledFaces:
    return faces.take(np.flatnonzero(faces.votes.sum(axis=1) > 0))


def _limited(faces: LabelledFaces, options: TrainingOptions) -> LabelledFaces:
    if options.limit is None or options.limit >= len(faces):
        return faces
    rows = np.random.default_rng(options.seed).permutation(len(faces))[: options.limit]
    return faces.take(np.sort(rows))


def targets_of(faces: LabelledFaces) -> NDArray[np.float32]:
    """Soft targets (n, 7): the votes of FERPlus mixed with FER2013's label."""
    own = np.eye(len(EMOTIONS), dtype=np.float32)[faces.labels]
    return _VOTES_SHARE * faces.votes + (1 - _VOTES_SHARE) * own


@dataclass
class StillShots:
    """Stills as a camera sees them, drawn anew at each look; some are no face at all."""

    faces: LabelledFaces
    targets: NDArray[np.float32]
    random: np.random.Generator

    def __len__(self) -> int:
        return round(len(self.faces) * (1 + _NO_FACE_SHARE))

    def __getitem__(self, row: int) -> dict[str, Any]:
        if row >= len(self.faces):
            uniform = np.full(len(EMOTIONS), 1 / len(EMOTIONS), dtype=np.float32)
            size = self.faces.images.shape[1]
            return {"crops": draw_no_face(self.random, size), "targets": uniform}
        shot = draw_shot(self.random)
        return {
            "crops": take(self.faces.images[row], shot, self.random),
            "targets": self.targets[row],
        }


def stack(batch: list[dict[str, Any]]) -> dict[str, Any]:
    """Stack the arrays of samples of equal shape into tensors."""
    import torch

    return {key: torch.from_numpy(np.stack([row[key] for row in batch])) for key in batch[0]}


def soft_loss(
    logits: "torch.Tensor", targets: "torch.Tensor", class_weights: "torch.Tensor"
) -> "torch.Tensor":
    """Cross-entropy of soft targets, each sample weighted by the classes of its target."""
    each = -(targets * logits.float().log_softmax(dim=-1)).sum(dim=-1)
    weight = targets @ class_weights
    return (each * weight).sum() / weight.sum()


def rare_class_weights(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights (7,) that grow as classes get rare, with mean one over the samples."""
    share = targets.mean(axis=0).clip(min=1e-4)
    weights = share**-_RARE_CLASS_POWER
    return (weights / (share * weights).sum()).astype(np.float32)


def fit_stills(network: "FaceNetwork", faces: LabelledFaces, out: Path, plan: FittingPlan) -> None:
    """Fit the frame encoder and the head on single stills."""
    import torch

    targets = targets_of(faces)
    weights = torch.from_numpy(rare_class_weights(targets))

    class Objective(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network
            for parameter in [*network.temporal.parameters(), network.position_scale]:
                parameter.requires_grad = False

        def forward(self, crops: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"loss": soft_loss(self.network.judge_frames(crops), targets, weights)}

    shots = StillShots(faces, targets, np.random.default_rng(plan.seed))
    fit(Objective(), shots, stack, plan, out)
