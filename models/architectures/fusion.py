"""A fusion network of the table, trained and stored, as the fusion that annotates."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from models.architectures.branch import architecture_of, read_trained, take_state
from models.architectures.classes import without_emotion
from models.architectures.joint_fusion import JOINT, TrainedJointFusion
from models.architectures.table import construct
from models.checkpoint import file_digest
from models.fusion.embedded import BRANCHES, EmbeddedFusion, Pooled, leave_alone, stack_branches
from models.protocols import Fusion, Scores
from models.scores import softmax
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.values import Json

RUNNABLE = frozenset({"probability-mlp"})
"""Architectures that need no more of the branches than scores, which is all that they hand over."""

GIVEN = {"n_branches": len(BRANCHES), "n_classes": len(EMOTIONS)}
"""What a runnable network is built with."""


class TrainedFusion:
    """Joins branches by a `.safetensors` file whose header names a runnable architecture.

    Two branches or more are judged by the network at its temperature. A branch alone keeps its own
    scores, as calibrated as they are: there is nothing to join. Raises `WeightsError` where the
    file is missing, damaged or of another kind.
    """

    name = "embedded"

    def __init__(self, path: Path) -> None:
        state, config = read_trained("fusion", path)
        if tuple(config["classes"]) != EMOTIONS:
            raise WeightsError(f"{path} holds no fusion of the seven classes; train it anew.")
        architecture = config.get("architecture", "")
        if architecture not in RUNNABLE or tuple(config.get("branches", ())) != BRANCHES:
            raise WeightsError(
                f"{path} holds no fusion of {', '.join(BRANCHES)} by their scores; train it anew "
                f"with --architecture {' or '.join(sorted(RUNNABLE))}."
            )
        self.config: Json = config
        self._network = construct("fusion", architecture, config.get("parameters"), GIVEN)
        take_state(self._network, state, path, architecture)
        self._temperature = float(config["temperature"])
        self.digest = file_digest(path)

    def fuse(self, scores: Mapping[str, Scores]) -> Scores:
        """Fuse scores of shape (n, 7); a row of NaN is a missing branch, none at all gives NaN."""
        stacked = stack_branches(scores)
        fused: Scores = leave_alone(self._judge(stacked), stacked).astype(np.float32)
        return fused

    def _judge(self, stacked: Pooled) -> Pooled:
        import torch

        rows = torch.from_numpy(stacked).float().transpose(0, 1)
        with torch.inference_mode():
            logits = self._network(rows, rows.isfinite().all(dim=2)).numpy()
        return softmax(logits / np.float32(self._temperature)).astype(np.float64)


def open_fusion(weights: WeightSettings) -> Fusion:
    """Return the fusion of the settings' file, a network or a pool, else the shipped one."""
    own = weights.fusion and architecture_of(Path(weights.fusion))
    if own in JOINT:
        joint = TrainedJointFusion(weights)
        if others := without_emotion(joint.classes):
            raise WeightsError(
                f"{weights.fusion} cannot annotate: {others[0]} is near none of the seven "
                "emotions; it can be evaluated with --weights."
            )
        return joint
    return TrainedFusion(Path(weights.fusion)) if own else EmbeddedFusion(weights)
