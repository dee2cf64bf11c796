"""Networks of several branches that are trained as one, end to end."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.architectures.fusion_networks import ConcatenationNetwork
from models.architectures.network import TrainableNetwork
from models.architectures.table import build
from schemas.errors import SettingsError
from schemas.values import Json


class Headless(nn.Identity):
    """Stands where a network had its head: what it knows of a sample passes as it is."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_features = self.out_features = width


class JointNetwork(TrainableNetwork):
    """The representations of two or three branches side by side, into dense layers.

    Three earlier systems joined networks so (docs/seeds.md, S1, S2 and S4). `audio`, `video` and
    `text` name rows of the table, empty for none; `width` 0 is a linear layer alone. A sample is a
    mapping of branch to that branch's own sample, and all of its branches are there. Raises
    `SettingsError` for fewer than two branches.
    """

    parts: Mapping[str, TrainableNetwork]

    def __init__(
        self,
        n_classes: int,
        audio: str = "",
        video: str = "",
        text: str = "",
        width: int = 64,
        dropout: float = 0.2,
        encoder: Json | None = None,
    ) -> None:
        super().__init__()
        named = {"audio": audio, "video": video, "text": text}
        shapes = encoder or {}
        parts = {
            branch: build(branch, name, None, n_classes, shapes.get(branch))
            for branch, name in named.items()
            if name
        }
        if len(parts) < 2:
            raise SettingsError("A joint network has two branches or more; name them with --set.")
        self.parts = nn.ModuleDict(parts)  # type: ignore[assignment]
        self._n_classes, self._width, self._dropout = n_classes, width, dropout
        # an encoder that comes with a checkpoint has no head before
        if all(hasattr(part, "head") for part in parts.values()):
            self.joined = self._joining()
        languages = [part.languages for part in parts.values() if part.languages is not None]
        self.languages = languages[0] if languages else None

    def _joining(self) -> ConcatenationNetwork:
        """Take the head off every branch, and make the layers that join that."""
        widths = [part.head.in_features for part in self.parts.values()]
        for part, own in zip(self.parts.values(), widths, strict=True):
            part.head = Headless(own)  # type: ignore[assignment]
        return ConcatenationNetwork(widths, self._width, self._dropout, self._n_classes)

    @property
    def head(self) -> nn.Linear:  # type: ignore[override]
        """The last layer."""
        return self.joined.head

    def prepare(self, sample: Mapping[str, Any]) -> dict[str, Tensor]:  # type: ignore[override]
        """Features of each branch of a sample."""
        return {branch: part.prepare(sample[branch]) for branch, part in self.parts.items()}

    def forward(self, features: Mapping[str, Tensor], n_frames: Mapping[str, Tensor]) -> Tensor:
        """Logits (batch, classes) of each branch's padded features."""
        known = [part(features[name], n_frames[name]) for name, part in self.parts.items()]
        return self.join(known)

    def join(self, known: Sequence[Tensor]) -> Tensor:
        """Logits (n, classes) of each branch's representation (n, its width)."""
        present = torch.ones(len(known[0]), len(known), dtype=torch.bool, device=known[0].device)
        logits: Tensor = self.joined(known, present)
        return logits

    def learn_vocabulary(self, samples: Sequence[Mapping[str, Any]]) -> None:
        """Let each branch look at its samples."""
        for branch, part in self.parts.items():
            part.learn_vocabulary([sample[branch] for sample in samples])

    def learn_scale(self, features: Sequence[Mapping[str, Tensor]]) -> None:  # type: ignore[override]
        """Let each branch look at its features."""
        for branch, part in self.parts.items():
            part.learn_scale([own[branch] for own in features])

    def start_from(self, source: str | None) -> None:
        """Start each branch from the folder of its name in `source`, where there is one."""
        from pathlib import Path

        folders = {branch: Path(source) / branch for branch in self.parts} if source else {}
        there = {branch: folder for branch, folder in folders.items() if folder.exists()}
        if source and not there:
            names = ", ".join(self.parts)
            raise SettingsError(f"{source} has no folder of starting weights named {names}.")
        for branch, part in self.parts.items():
            self._start(branch, part, str(there[branch]) if branch in there else None)
        self.joined = self._joining()

    def _start(self, branch: str, part: TrainableNetwork, source: str | None) -> None:
        try:
            part.start_from(source)
        except SettingsError as error:
            raise SettingsError(f"Of the branch {branch}: {error.sentence}") from error

    def encoder_config(self) -> Json | None:
        """Return the shapes of the branches' pretrained encoders."""
        found = {branch: part.encoder_config() for branch, part in self.parts.items()}
        return {branch: shape for branch, shape in found.items() if shape is not None} or None

    def companions(self) -> dict[str, str]:
        """Return what lies beside each branch, by a suffix with its name."""
        return {
            f".{branch}{suffix}": text
            for branch, part in self.parts.items()
            for suffix, text in part.companions().items()
        }

    def take_companions(self, texts: dict[str, str]) -> None:
        """Give each branch its own back."""
        for branch, part in self.parts.items():
            own = {
                suffix.removeprefix(f".{branch}"): text
                for suffix, text in texts.items()
                if suffix.startswith(f".{branch}.")
            }
            if own:
                part.take_companions(own)
