"""Tell how much a voice is like those that a network learned from.

What a network makes of its training clips lies near a plane of few dimensions; how far a clip lies
beside it says how strange the clip is (Hoffmann 2007, "Kernel PCA for novelty detection", here
without a kernel). It does not tell which of two strangers is judged rightly, but it knows voices
that the network has no business with: high ones like a child's, several people at once, noise.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from schemas.values import Json, Seconds

if TYPE_CHECKING:
    import torch

_DIMENSIONS = 64
_QUANTILES = 41
_BASIS = "familiarity.basis"
_LEAST = 1e-3
"""Of a usual distance: of fewer clips than dimensions it would be nought."""

KNOTS: tuple[Seconds, ...] = (0.5, 1.0, 2.0, 4.0)
"""Seconds of voice at which the usual distance is known: short pieces scatter more."""


@dataclass(frozen=True)
class Familiarity:
    """What is usual among training clips, and how strange clips of strangers are.

    `basis` (dimensions, width) has orthonormal rows; `usual` are median distances of training
    clips from their plane at `KNOTS`, which strangeness is a multiple of. `strangers` are evenly
    spaced quantiles of the strangeness of clips from corpora that were left out, rising; empty
    where nobody has measured them.
    """

    basis: "torch.Tensor"
    usual: tuple[float, ...]
    strangers: tuple[float, ...] = ()

    def strangeness(
        self, described: "torch.Tensor", seconds: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return how strange clips are, (n,); 1 is usual.

        `described` (n, width) are normalised statistics of so many `seconds` of voice (n,).
        """
        distances = _beside(described, self.basis).cpu().numpy().astype(np.float64)
        usual = np.interp(np.log(np.maximum(seconds, 0.01)), np.log(KNOTS), self.usual)
        return np.asarray(distances / usual)

    def shares(self, strangeness: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the shares (n,) of strangers' clips that are at least as strange, 0 to 1."""
        if not self.strangers:
            return np.full(len(strangeness), np.nan)
        steps = np.linspace(1.0, 0.0, len(self.strangers))
        return np.interp(strangeness, self.strangers, steps)

    def as_state(self) -> dict[str, "torch.Tensor"]:
        """Return the tensors that are stored with the network's."""
        return {_BASIS: self.basis}

    def as_config(self) -> Json:
        """Return what the header of the weights holds."""
        return {
            "usual_distances": [round(value, 5) for value in self.usual],
            "strangers": [round(value, 4) for value in self.strangers],
        }


def fit_familiarity(described: "torch.Tensor", seconds: NDArray[np.float64]) -> Familiarity:
    """Fit basis and usual distances to training clips, whole ones and pieces.

    `described` (n, width) are normalised statistics of so many `seconds` of voice (n,).
    """
    import torch

    rank = min(_DIMENSIONS, *described.shape)
    _, _, right = torch.svd_lowrank(described, q=rank, niter=4)
    basis = right.T.contiguous()
    distances = _beside(described, basis).numpy().astype(np.float64)
    nearest = np.abs(np.log(seconds)[:, None] - np.log(KNOTS)).argmin(axis=1)
    there = [np.median(distances[nearest == k]) for k in range(len(KNOTS)) if (nearest == k).any()]
    known = [np.log(KNOTS[k]) for k in range(len(KNOTS)) if (nearest == k).any()]
    usual = np.maximum(np.interp(np.log(KNOTS), known, there), _LEAST)
    return Familiarity(basis, tuple(map(float, usual)))


def quantiles_of(strangeness: NDArray[np.float64]) -> tuple[float, ...]:
    """Return evenly spaced quantiles of clips' strangeness (n,), from the least to the most."""
    found = np.quantile(strangeness, np.linspace(0.0, 1.0, _QUANTILES))
    return tuple(float(value) for value in found)


def take_familiarity(state: dict[str, "torch.Tensor"], config: Json) -> Familiarity | None:
    """Take what weights say of familiarity out of their state; None where they say nothing."""
    basis = state.pop(_BASIS, None)
    if basis is None:
        return None
    strangers = tuple(map(float, config.get("strangers", ())))
    usual = tuple(map(float, config["usual_distances"]))
    return Familiarity(basis, usual, strangers)


def _beside(described: "torch.Tensor", basis: "torch.Tensor") -> "torch.Tensor":
    """Distances (n,) of clips from the plane, for each dimension of the statistics."""
    rest = described - (described @ basis.T) @ basis
    distance: torch.Tensor = rest.square().mean(dim=1).sqrt()
    return distance
