"""The fusion that comes with tonescribe: a log-linear pool with a weight per branch and company.

f(c) is proportional to the product over the branches present of p_m(c) ** w_m(S), where S is the
set of branches present: Genest and Zidek 1986, "Combining Probability Distributions: A Critique
and an Annotated Bibliography". Independent branches would have weights of one; what they share
makes their weights smaller, which is what keeps their agreement from becoming overconfidence.
A branch alone has weight one: its own calibrated scores come out as they went in.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import file_digest, load_weights, shipped
from models.protocols import Scores
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

BRANCHES = ("audio", "video", "text")
"""The branches in the order of a weight row."""

FLOOR = 0.01
"""Share of doubt mixed into each branch, so that none can veto a class alone."""

Company = tuple[str, ...]
"""Branches that judged together, in the order of `BRANCHES`."""

COMPANIES: tuple[Company, ...] = tuple(
    company for size in (1, 2, 3) for company in combinations(BRANCHES, size)
)

PoolWeights = dict[Company, NDArray[np.float64]]
"""Weights of the branches of each company, in its order."""


class EmbeddedFusion:
    """Joins any subset of the branches; calibrated on speakers that no branch was trained on.

    Raises `WeightsError` where its weights are missing or do not cover every company.
    """

    name = "embedded"

    def __init__(self, weights: WeightSettings) -> None:
        del weights  # its few numbers come with tonescribe
        path = shipped("fusion")
        _, config = load_weights(path)
        self._weights = read_weights(config.get("weights", {}), str(path))
        self.digest = file_digest(path)

    def fuse(self, scores: Mapping[str, Scores]) -> Scores:
        """Fuse scores of shape (n, 7); a row of NaN is a missing branch, none at all gives NaN."""
        stacked = stack_branches(scores)
        fused = np.full(stacked.shape[1:], np.nan, dtype=np.float32)
        present = np.isfinite(stacked).all(axis=2)
        for company in COMPANIES:
            members = np.array([branch in company for branch in BRANCHES])
            rows = (present == members[:, None]).all(axis=0)
            if rows.any():
                fused[rows] = log_pool(stacked[members][:, rows], self._weights[company])
        return fused


def read_weights(stored: Mapping[str, "Sequence[float]"], source: str) -> PoolWeights:
    """Read weights stored as `{"audio+video": [0.9, 0.7], ...}`."""
    missing = [company for company in COMPANIES if "+".join(company) not in stored]
    if missing:
        raise WeightsError(f"{source} has no weights for {'+'.join(missing[0])}; train it anew.")
    return {company: np.asarray(stored["+".join(company)], float) for company in COMPANIES}


def stack_branches(scores: Mapping[str, Scores]) -> NDArray[np.float64]:
    """Stack branches to (3, n, 7) in the order of `BRANCHES`, NaN where one is missing."""
    count = max((len(rows) for rows in scores.values()), default=0)
    stacked = np.full((len(BRANCHES), count, len(EMOTIONS)), np.nan)
    for index, branch in enumerate(BRANCHES):
        if branch in scores:
            stacked[index] = scores[branch]
    return stacked


def log_pool(scores: NDArray[np.float64], weights: NDArray[np.float64]) -> Scores:
    """Pool scores (branches, n, 7) with weights (branches,); a single one comes out unchanged."""
    if len(scores) == 1:
        alone: Scores = scores[0].astype(np.float32)
        return alone
    doubted = scores * (1 - FLOOR) + FLOOR / scores.shape[2]
    logs = np.tensordot(weights, np.log(doubted), axes=1)
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    pooled: Scores = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return pooled
