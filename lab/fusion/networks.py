"""Train the networks that join branches, on the same people and the same scores as the pool."""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab.fusion.judgements import Join, Judgements, Use, class_weights
from lab.measures import fit_temperature
from models.architectures.table import Parameters, construct
from schemas.values import Json

if TYPE_CHECKING:
    from torch import Tensor, nn

_VALIDATION_SHARE = 8
"""One person in so many stops the training and sets the temperature."""


class Recipe(NamedTuple):
    """How a network of the table is fitted; all performances make one batch.

    `absent` is the probability with which modality dropout hides a branch.
    """

    architecture: str
    seed: int = 0
    parameters: Parameters = {}
    epochs: float = 150
    learning_rate: float = 5e-3
    weight_decay: float = 1e-2
    absent: float = 0.3


def recipe_of(told: Json) -> Recipe:
    """Return the recipe of options or of a header; missing values are the defaults."""
    known = {name: told.get(name) for name in Recipe._fields}
    return Recipe(**{name: value for name, value in known.items() if value is not None})


class _Row(NamedTuple):
    """What an architecture is built with for judgements, and what it is shown of them."""

    given: Callable[[Judgements], Json]
    shown: Callable[[Judgements], Any]


def _scores(judged: Judgements) -> "Tensor":
    """Probabilities (n, branches, classes)."""
    import torch

    return torch.from_numpy(judged.scores).float().transpose(0, 1)


def _representations(judged: Judgements) -> list["Tensor"]:
    """Return each branch's input (n, width): its representation, if any, and its scores."""
    import torch

    known = judged.representations or [np.zeros((len(judged.labels), 0))] * len(judged.branches)
    return [
        torch.from_numpy(np.concatenate([own, scores], axis=1)).float()
        for own, scores in zip(known, judged.scores, strict=True)
    ]


_ROWS = {
    "probability-mlp": _Row(lambda judged: {"n_branches": len(judged.branches)}, _scores),
    "concatenation": _Row(
        lambda judged: {"widths": [own.shape[1] for own in _representations(judged)]},
        _representations,
    ),
}


class FittedNetwork(NamedTuple):
    """A network that joins branches, its temperature, and the people who set it."""

    architecture: str
    network: "nn.Module"
    temperature: float
    held: tuple[str, ...]

    def use(self, tested: Judgements) -> NDArray[np.float64]:
        """Join the branches that are there: (n, classes)."""
        from scipy.special import softmax

        logits = _logits(self.architecture, self.network, tested)
        scores: NDArray[np.float64] = softmax(logits / self.temperature, axis=1)
        return scores


def fit_network(recipe: Recipe, learned: Judgements) -> FittedNetwork:
    """Train an architecture; an eighth of the people stop it and set the temperature.

    Raises `SettingsError` for a parameter that it does not have.
    """
    import torch

    torch.manual_seed(recipe.seed)
    name = recipe.architecture
    people = np.unique(learned.speakers)[::_VALIDATION_SHARE]
    held = np.isin(learned.speakers, people)
    train, validation = learned.rows(~held), learned.rows(held)
    given = _ROWS[name].given(train) | {"n_classes": len(train.classes)}
    network = construct("fusion", name, recipe.parameters, given)
    _fit(network, recipe, train, validation)
    logits = _logits(name, network, validation)
    temperature = fit_temperature(validation.labels.tolist(), logits)
    return FittedNetwork(name, network, temperature, tuple(map(str, people)))


def join_by_network(recipe: Recipe) -> Join:
    """Train a network as a way to fuse; absent branches are masked."""

    def join(learned: Judgements) -> Use:
        return fit_network(recipe, learned).use

    return join


def _fit(network: "nn.Module", recipe: Recipe, train: Judgements, validation: Judgements) -> None:
    """Train to the epoch with the lowest loss on the validation people; weights change in place."""
    import torch
    from torch.nn.functional import cross_entropy

    shown, present = _inputs(recipe.architecture, train)
    labels = torch.from_numpy(train.labels)
    weights = torch.from_numpy(class_weights(train.labels)).float()
    judged, there = _inputs(recipe.architecture, validation)
    truth = torch.from_numpy(validation.labels)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    best, state = float("inf"), copy.deepcopy(network.state_dict())
    for _ in range(round(recipe.epochs)):
        network.train()
        logits = network(shown, _hidden(present, recipe.absent))
        loss = cross_entropy(logits, labels, reduction="none")
        optimiser.zero_grad()
        torch.autograd.backward((loss * weights).mean())
        optimiser.step()
        network.eval()
        with torch.inference_mode():
            found = float(cross_entropy(network(judged, there), truth))
        if found < best:
            best, state = found, copy.deepcopy(network.state_dict())
    network.load_state_dict(state)
    network.eval()


def _hidden(present: "Tensor", absent: float) -> "Tensor":
    """Hide branches at random; one that would leave a row empty is kept."""
    import torch

    kept = present & (torch.rand(present.shape) >= absent)
    return torch.where(kept.any(dim=1, keepdim=True), kept, present)


def _logits(architecture: str, network: "nn.Module", judged: Judgements) -> NDArray[np.float64]:
    import torch

    with torch.inference_mode():
        found: NDArray[np.float64] = network(*_inputs(architecture, judged)).double().numpy()
    return found


def _inputs(architecture: str, judged: Judgements) -> tuple[Any, "Tensor"]:
    """Return the network's input, and which branches are present (n, branches)."""
    import torch

    present = np.isfinite(judged.scores).all(axis=2).T
    return _ROWS[architecture].shown(judged), torch.from_numpy(present)
