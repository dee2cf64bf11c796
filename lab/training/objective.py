"""The loss of an architecture, its batches, and the figures of its validation people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lab.training.fitting import Batch
from lab.training.material import Rows

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.architectures.network import Features, TrainableNetwork

_SMALLEST_WEIGHT = 1e-6
"""Of a batch whose classes all have none."""


def class_weights(labels: Rows, n_classes: int) -> NDArray[np.float32]:
    """Weights (classes,) that let each class that occurs count alike."""
    counts = np.bincount(labels, minlength=n_classes)
    n_occurring = int((counts > 0).sum())
    weights = np.where(counts > 0, len(labels) / (n_occurring * np.maximum(counts, 1)), 0.0)
    return weights.astype(np.float32)


def collate(batch: list[Batch]) -> Batch:
    """Pad a batch of prepared samples."""
    import torch

    from models.architectures.network import pad

    features, n_frames = pad([row["features"] for row in batch])
    labels = torch.tensor([row["label"] for row in batch])
    return {"features": features, "n_frames": n_frames, "labels": labels}


def labelled(features: Sequence["Features"], labels: Rows) -> list[Batch]:
    """Return samples for `collate`, one per prepared clip."""
    return [
        {"features": own, "label": int(label)} for own, label in zip(features, labels, strict=True)
    ]


def validation_figures(logits: NDArray[np.floating], labels: Rows) -> dict[str, float]:
    """Accuracy and UAR of logits (n, classes), in [0, 1]: the curves beside the loss."""
    right = logits.argmax(axis=1) == labels
    recalls = [right[labels == own].mean() for own in np.unique(labels)]
    return {"accuracy": float(right.mean()), "uar": float(np.mean(recalls))}


def weighted_loss(
    logits: "Tensor", labels: "Tensor", weights: "Tensor", label_smoothing: float
) -> "Tensor":
    """Mean cross-entropy of logits (n, classes), each sample counting by its class' weight.

    A smoothed target has the share `label_smoothing` spread over all classes, weighted alike. A
    batch of classes without weight costs nothing, where torch's own mean is no number.
    """
    from torch.nn.functional import cross_entropy

    total = cross_entropy(logits, labels, weights, reduction="sum", label_smoothing=label_smoothing)
    return total / weights[labels].sum().clamp(min=_SMALLEST_WEIGHT)


def objective_of(
    network: "TrainableNetwork", weights: NDArray[np.float32], label_smoothing: float
) -> "nn.Module":
    """Return the network with its loss, which `fit` takes."""
    import torch

    class Objective(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(
            self, features: "Features", n_frames: "Features", labels: torch.Tensor
        ) -> dict[str, torch.Tensor]:
            logits = self.network(features, n_frames).float()
            weight = torch.from_numpy(weights).to(logits.device)
            loss = weighted_loss(logits, labels, weight, label_smoothing)
            return {"loss": loss, "logits": logits}

    return Objective()
