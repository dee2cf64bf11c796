"""A network of several branches, trained as one, as the fusion that annotates."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.architectures.branch import header_of, judge, load_trained, pieces_of
from models.architectures.classes import emotion_matrix
from models.architectures.table import ARCHITECTURES
from models.checkpoint import file_digest
from models.fusion.embedded import BRANCHES, EmbeddedFusion
from models.precision import choose_device
from models.protocols import Representations, Scores
from models.scores import softmax
from schemas.settings import WeightSettings
from schemas.values import Json, speaks

if TYPE_CHECKING:
    from models.architectures.joint import JointNetwork

JOINT = frozenset(
    name
    for name, row in ARCHITECTURES["fusion"].items()
    if row.constructor.endswith(":JointNetwork")
)
"""Architectures whose branches are trained as one."""


class TrainedJointFusion:
    """Judges by a `.safetensors` file whose header names an architecture of `JOINT`.

    An utterance of which every branch of the file has a representation is judged by the file alone,
    whatever the branches by themselves say; any other by the pool that ships. Raises `WeightsError`
    where the file, or what lies beside it, is missing or does not fit.
    """

    name = "embedded"

    def __init__(self, weights: WeightSettings) -> None:
        path = Path(weights.fusion)
        network, config = load_trained("fusion", path)
        self._network: JointNetwork = network  # type: ignore[assignment]
        self.config: Json = config
        self.parts = tuple(self._network.parts)
        self.classes = tuple(config["classes"])
        self._emotions = emotion_matrix(self.classes)
        self._temperature = float(config["temperature"])
        self._device = choose_device(weights.device)
        self._network.to(self._device)
        self._batch_size = weights.batch_size
        self._pool = EmbeddedFusion(weights.model_copy(update={"fusion": ""}))
        self.digest = file_digest(path)

    def represent(self, branch: str, samples: Sequence[Any]) -> Representations:
        """Return what a branch of the network knows of its samples: (n, width).

        Long sounds are heard in windows and averaged. A row is NaN where there is nothing to judge,
        or words are in a language that the network was not trained on.
        """
        part = self._network.parts[branch]
        pieces = [
            (row, piece)
            for row, sample in enumerate(samples)
            if branch != "text" or speaks(part.languages, sample.language)
            for piece in pieces_of(branch, sample)
        ]
        found = np.full((len(samples), part.head.out_features), np.nan, dtype=np.float32)
        if not pieces:
            return found
        features = [part.prepare(piece) for _, piece in pieces]
        known = judge(part, features, self._device, self._batch_size)
        owners = np.array([row for row, _ in pieces])
        for row in np.unique(owners):
            found[row] = known[owners == row].mean(axis=0)
        return found

    def fuse(self, scores: Mapping[str, Scores]) -> Scores:
        """Fuse scores of shape (n, 7) by the pool that ships, without its own branches."""
        return self._pool.fuse(scores)

    def join(self, scores: Mapping[str, Scores], known: Mapping[str, Representations]) -> Scores:
        """Judge (n, 7) by each part's representation (n, its width) where all are, else pool."""
        fused = self.fuse(scores)
        if set(self.parts) <= set(known):
            joined = self.score_classes(known)
            there = np.isfinite(joined).all(axis=1)
            fused[there] = joined[there] @ self._emotions
        return fused

    def score_classes(self, known: Mapping[str, Representations]) -> Scores:
        """Probabilities (n, classes) of the classes of the file; NaN where a part knows nothing."""
        import torch

        there = np.all([np.isfinite(known[part]).all(axis=1) for part in self.parts], axis=0)
        scores = np.full((len(there), len(self.classes)), np.nan, dtype=np.float32)
        if there.any():
            rows = [torch.from_numpy(known[part][there]).to(self._device) for part in self.parts]
            with torch.inference_mode():
                logits = self._network.join(rows).float().cpu().numpy()
            scores[there] = softmax(logits / np.float32(self._temperature))
        return scores


def parts_of(weights: WeightSettings) -> tuple[str, ...]:
    """Return the branches whose representations the fusion of the settings wants; mostly none."""
    made = header_of(Path(weights.fusion)) if weights.fusion else {}
    name = made.get("architecture")
    if name not in JOINT:
        return ()
    chosen = ARCHITECTURES["fusion"][name].preset | made.get("parameters", {})
    return tuple(branch for branch in BRANCHES if chosen.get(branch))
