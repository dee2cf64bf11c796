"""Made-up branches of fusion whose truth is known."""

import numpy as np

from lab.fusion.judgements import Judgements
from models.fusion.embedded import BRANCHES


def witnesses(count: int, *, alike: bool, seed: int = 0) -> Judgements:
    """Three calibrated branches: independent ones, or three times the same one."""
    random = np.random.default_rng(seed)
    labels = np.tile(np.arange(7), count // 7 + 1)[:count]

    def branch() -> np.ndarray:
        shown = random.normal(size=(count, 7))
        shown[np.arange(count), labels] += 1.0
        likelihood = np.exp(shown)
        return likelihood / likelihood.sum(axis=1, keepdims=True)

    first = branch()
    scores = np.stack([first, first, first] if alike else [first, branch(), branch()])
    speakers = np.array([str(row % 12) for row in range(count)])
    folds = np.array([row % 12 // 2 for row in range(count)])
    return Judgements(BRANCHES, tuple(map(str, range(count))), labels, speakers, folds, scores)


def accuracy(judged: Judgements, scores: np.ndarray) -> float:
    return float((scores.argmax(axis=1) == judged.labels).mean())
