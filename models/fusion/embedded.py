"""The shipped fusion: a log-linear pool that discounts what branches share.

f(c) is proportional to the product over the branches present of p_m(c) ** w_m: Genest and Zidek
1986, "Combining Probability Distributions: A Critique and an Annotated Bibliography". Branches
that err independently would all have weights of one; what they share has to be taken off, or
their agreement becomes overconfidence. Here w_m = 1 / (1 + sum over the others k of d_mk e_k),
where e_k, the evidence of branch k, is one minus its normalised entropy and d_mk a learned
discount. So a branch that is undecided discounts nothing, and one that is absent is masked: both
leave the others as they were. A branch alone has weight one.

A calibrated branch says how likely a class is where its own texts or pictures come from; half of
the lines that words were calibrated on are neutral. Such a prior would count once per branch, and
again where scores are corrected for the meeting, so it is taken out first: pooled scores hold
where every class is equally likely (Saerens et al. 2002).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import file_digest, load_weights, shipped
from models.protocols import Scores
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings

if TYPE_CHECKING:
    import torch

BRANCHES = ("audio", "video", "text")
"""The branches in the order of the discounts' rows and columns."""

FLOOR = 0.01
"""Share of doubt mixed into each branch, so that none can veto a class alone."""

Pooled = NDArray[np.float64]
"""Scores of branches stacked (branches, n, classes), or of what became of them (n, classes)."""


class EmbeddedFusion:
    """Joins any subset of the branches; fitted on speakers that no branch was trained on.

    Its few numbers come with tonescribe, unless `weights.fusion` names a pool fitted anew. Raises
    `WeightsError` where they are missing or of another fusion.
    """

    name = "embedded"

    def __init__(self, weights: WeightSettings) -> None:
        path = Path(weights.fusion) if weights.fusion else shipped("fusion")
        state, _ = load_weights(path)
        self._discounts = read_discounts(state, str(path))
        self._priors = read_priors(state, str(path))
        self.digest = file_digest(path)

    def fuse(self, scores: Mapping[str, Scores]) -> Scores:
        """Fuse scores of shape (n, 7); a row of NaN is a missing branch, none at all gives NaN."""
        even = evened(stack_branches(scores), self._priors)
        fused: Scores = pool(even, self._discounts).astype(np.float32)
        return fused


def read_discounts(state: Mapping[str, "torch.Tensor"], source: str) -> NDArray[np.float64]:
    """Read the discounts (branches, branches) of a state dict; `WeightsError` for another one."""
    size = len(BRANCHES)
    found = state.get("discounts")
    if found is None or tuple(found.shape) != (size, size):
        raise WeightsError(f"{source} has no discounts for {', '.join(BRANCHES)}; train it anew.")
    discounts: NDArray[np.float64] = found.numpy().astype(np.float64)
    return discounts


def read_priors(state: Mapping[str, "torch.Tensor"], source: str) -> NDArray[np.float64]:
    """Read the priors (branches, classes) of a state dict, even ones where it has none."""
    shape = (len(BRANCHES), len(EMOTIONS))
    found = state.get("priors")
    if found is None:
        return np.full(shape, 1 / len(EMOTIONS))
    if tuple(found.shape) != shape or not bool((found > 0).all()):
        raise WeightsError(f"{source} has no priors of the seven classes; train it anew.")
    priors: NDArray[np.float64] = found.numpy().astype(np.float64)
    return priors


def stack_branches(scores: Mapping[str, Scores]) -> Pooled:
    """Stack branches to (3, n, 7) in the order of `BRANCHES`, NaN where one is missing."""
    count = max((len(rows) for rows in scores.values()), default=0)
    stacked = np.full((len(BRANCHES), count, len(EMOTIONS)), np.nan)
    for index, branch in enumerate(BRANCHES):
        if branch in scores:
            stacked[index] = scores[branch]
    return stacked


def evened(scores: Pooled, priors: NDArray[np.float64]) -> Pooled:
    """Take the prior of each branch (branches, classes) out of scores (branches, n, classes)."""
    weighted = scores / priors[:, None]
    even: Pooled = weighted / weighted.sum(axis=2, keepdims=True)
    return even


def pool(scores: Pooled, discounts: NDArray[np.float64]) -> Pooled:
    """Pool scores (branches, n, classes), NaN where absent, into (n, classes), NaN where all are.

    `discounts` (branches, branches) has zeros on its diagonal; a branch alone comes out unchanged.
    """
    present = np.asarray(np.isfinite(scores).all(axis=2))
    known = np.where(present[:, :, None], scores, 1 / scores.shape[2])
    weights = present / (1 + discounts @ evidence(known))
    pooled = log_pool(known, weights)
    return leave_alone(pooled, scores)


def leave_alone(joined: Pooled, scores: Pooled) -> Pooled:
    """Pool scores (n, classes); a lone branch is returned unchanged, NaN where none is present.

    `scores` (branches, n, classes) is what was joined, NaN where absent.
    """
    present = np.asarray(np.isfinite(scores).all(axis=2))
    left = joined.copy()
    alone = present.sum(axis=0) == 1
    left[alone] = scores[present.argmax(axis=0)[alone], alone]
    left[~present.any(axis=0)] = np.nan
    return left


def evidence(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """How decided scores (..., classes) are: 0 for even ones, 1 for a certain class."""
    logs = np.log(np.maximum(scores, 1e-12))
    share: NDArray[np.float64] = 1 + (scores * logs).sum(axis=-1) / np.log(scores.shape[-1])
    return np.clip(share, 0.0, 1.0)


def log_pool(scores: Pooled, weights: NDArray[np.float64]) -> Pooled:
    """Pool scores (branches, n, classes) with weights (branches,) or (branches, n)."""
    doubted = scores * (1 - FLOOR) + FLOOR / scores.shape[2]
    each = weights.reshape(len(scores), -1, 1)
    logs = (each * np.log(doubted)).sum(axis=0)
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    pooled: Pooled = powers / powers.sum(axis=1, keepdims=True)
    return pooled
