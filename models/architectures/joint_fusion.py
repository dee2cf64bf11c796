"""A network of several branches, trained as one, as the fusion that annotates."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.architectures.branch import header_of, judge, load_trained, pieces_of
from models.architectures.classes import emotion_matrix, without_emotion
from models.architectures.table import ARCHITECTURES
from models.checkpoint import file_digest
from models.fusion.embedded import BRANCHES, EmbeddedFusion
from models.precision import choose_device
from models.protocols import Representations, Scores
from models.scores import softmax
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.values import Json

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
        classes = tuple(config["classes"])
        if others := without_emotion(classes):
            raise WeightsError(
                f"{path} cannot annotate: {others[0]} is near none of the seven emotions; it can "
                "be evaluated with --weights."
            )
        self._emotions = emotion_matrix(classes)
        self._temperature = float(config["temperature"])
        self._device = choose_device(weights.device)
        self._network.to(self._device)
        self._batch_size = weights.batch_size
        self._pool = EmbeddedFusion(weights.model_copy(update={"fusion": ""}))
        self.digest = file_digest(path)

    def represent(self, branch: str, samples: Sequence[Any]) -> Representations:
        """Return what a branch of the network knows of its samples: (n, width).

        Long sounds are heard in windows and averaged. A row is NaN where there is nothing to judge.
        """
        part = self._network.parts[branch]
        pieces = [(row, p) for row, sample in enumerate(samples) for p in pieces_of(branch, sample)]
        found = np.full((len(samples), part.head.out_features), np.nan, dtype=np.float32)
        if not pieces:
            return found
        features = [part.prepare(piece) for _, piece in pieces]
        handed = judge(part, features, self._device, self._batch_size)
        owners = np.array([row for row, _ in pieces])
        for row in np.unique(owners):
            found[row] = handed[owners == row].mean(axis=0)
        return found

    def fuse(self, scores: Mapping[str, Scores]) -> Scores:
        """Fuse scores of shape (n, 7) by the pool that ships: of what no branch handed over."""
        return self._pool.fuse(scores)

    def join(self, scores: Mapping[str, Scores], handed: Mapping[str, Representations]) -> Scores:
        """Judge (n, 7) what every branch handed over, (n, its width); pool the rest's scores."""
        import torch

        fused = self.fuse(scores)
        if not set(self.parts) <= set(handed):
            return fused
        there = np.all([np.isfinite(handed[part]).all(axis=1) for part in self.parts], axis=0)
        if there.any():
            rows = [torch.from_numpy(handed[part][there]).to(self._device) for part in self.parts]
            with torch.inference_mode():
                logits = self._network.join(rows).float().cpu().numpy()
            fused[there] = softmax(logits / np.float32(self._temperature)) @ self._emotions
        return fused


def parts_of(weights: WeightSettings) -> tuple[str, ...]:
    """Return the branches whose representations the fusion of the settings wants; mostly none."""
    made = header_of(Path(weights.fusion)) if weights.fusion else {}
    name = made.get("architecture")
    if name not in JOINT:
        return ()
    chosen = ARCHITECTURES["fusion"][name].preset | made.get("parameters", {})
    return tuple(branch for branch in BRANCHES if chosen.get(branch))
