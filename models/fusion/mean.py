"""A plain fusion: the mean of the branches that are present."""

from collections.abc import Mapping

import numpy as np

from models.fusion.embedded import stack_branches
from models.protocols import Scores
from schemas.settings import WeightSettings


class MeanFusion:
    """Averages the branches' probabilities; needs no weights and is rather underconfident."""

    name = "mean"
    digest = "000000000001"

    def __init__(self, weights: WeightSettings) -> None:
        del weights  # it has none

    def fuse(self, scores: Mapping[str, Scores]) -> Scores:
        """Average scores of shape (n, 7) over the branches present; none at all gives NaN."""
        stacked = stack_branches(scores)
        present = np.isfinite(stacked).all(axis=2, keepdims=True)
        total = np.where(present, stacked, 0.0).sum(axis=0)
        count = present.sum(axis=0)
        fused: Scores = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
        return fused
