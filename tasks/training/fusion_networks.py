"""Train the networks that the pool is compared with, on the same people and the same scores."""

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.evaluation import fit_temperature
from tasks.training.fusion_judgements import Join, Judgements, Use, class_weights

if TYPE_CHECKING:
    from torch import Tensor, nn

_EPOCHS = 150
_LEARNING_RATE = 5e-3
_WEIGHT_DECAY = 1e-2
_ABSENT = 0.3
"""Probability with which modality dropout hides a branch."""

_VALIDATION_SHARE = 8
"""One person in so many stops the training and sets the temperature."""

Build = Callable[[Judgements], "nn.Module"]
"""A network for these branches: forward(shown, present) -> logits."""


def perceptron(judged: Judgements) -> "nn.Module":
    """Seed S0's: the branches' probabilities into 32 hidden units."""
    from torch import nn

    from models.fusion.networks import ProbabilityNetwork

    size, classes = len(judged.branches), len(judged.classes)

    class Perceptron(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = ProbabilityNetwork(size, n_classes=classes)

        def forward(self, shown: Sequence["Tensor"], present: "Tensor") -> "Tensor":
            import torch

            scores = torch.stack([own[:, -classes:] for own in shown], dim=1)
            logits: Tensor = self.network(scores, present)
            return logits

    return Perceptron()


def concatenation(judged: Judgements) -> "nn.Module":
    """Seeds S1, S2 and S4: what each branch is shown by, side by side, into a dense layer."""
    from models.fusion.networks import ConcatenationNetwork

    widths = [shown.shape[1] for shown in _shown(judged)]
    return ConcatenationNetwork(widths, n_classes=len(judged.classes))


def join_by_network(build: Build, seed: int, *, modality_dropout: bool) -> Join:
    """A way to join: train the network that `build` makes; absent branches are masked."""

    def join(learned: Judgements) -> Use:
        import torch

        torch.manual_seed(seed)
        held = np.isin(learned.speakers, np.unique(learned.speakers)[::_VALIDATION_SHARE])
        train, validation = learned.rows(~held), learned.rows(held)
        network = _fit(build(train), train, validation, _ABSENT if modality_dropout else 0.0)
        temperature = fit_temperature(validation.labels.tolist(), _logits(network, validation))
        return lambda tested: _softmax(_logits(network, tested) / temperature)

    return join


def _fit(
    network: "nn.Module", train: Judgements, validation: Judgements, absent: float
) -> "nn.Module":
    """Train to the epoch with the lowest loss on the validation people."""
    import torch
    from torch.nn.functional import cross_entropy

    shown, present = _tensors(train)
    labels = torch.from_numpy(train.labels)
    weights = torch.from_numpy(class_weights(train.labels)).float()
    judged, there = _tensors(validation)
    truth = torch.from_numpy(validation.labels)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY
    )
    best, state = float("inf"), copy.deepcopy(network.state_dict())
    for _ in range(_EPOCHS):
        network.train()
        loss = cross_entropy(network(shown, _hidden(present, absent)), labels, reduction="none")
        optimiser.zero_grad()
        torch.autograd.backward((loss * weights).mean())
        optimiser.step()
        network.eval()
        with torch.inference_mode():
            found = float(cross_entropy(network(judged, there), truth))
        if found < best:
            best, state = found, copy.deepcopy(network.state_dict())
    network.load_state_dict(state)
    return network.eval()


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import softmax

    scores: NDArray[np.float64] = softmax(logits, axis=1)
    return scores


def _hidden(present: "Tensor", absent: float) -> "Tensor":
    """Hide branches at random; one that would leave a row empty is kept."""
    import torch

    kept = present & (torch.rand(present.shape) >= absent)
    return torch.where(kept.any(dim=1, keepdim=True), kept, present)


def _logits(network: "nn.Module", judged: Judgements) -> NDArray[np.float64]:
    import torch

    with torch.inference_mode():
        found: NDArray[np.float64] = network(*_tensors(judged)).double().numpy()
    return found


def _tensors(judged: Judgements) -> tuple[list["Tensor"], "Tensor"]:
    import torch

    present = np.isfinite(judged.scores).all(axis=2).T
    shown = [torch.from_numpy(own).float() for own in _shown(judged)]
    return shown, torch.from_numpy(present)


def _shown(judged: Judgements) -> list[NDArray[np.float64]]:
    """What each branch is shown by, (n, width): its representation, if any, and its scores."""
    known = judged.representations or [np.zeros((len(judged.labels), 0))] * len(judged.branches)
    return [
        np.concatenate([own, scores], axis=1)
        for own, scores in zip(known, judged.scores, strict=True)
    ]
