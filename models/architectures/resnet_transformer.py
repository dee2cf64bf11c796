"""ResNet18 over frames, positions, a transformer over time or a plain average."""

import math
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from models.architectures.network import TrainableNetwork, mean_of_real, real_frames
from models.protocols import FaceSequence
from schemas.errors import SettingsError, WeightsError

_LONGEST = 64
"""Frames that are looked at per sequence."""

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's colours, which pretrained networks expect."""


class ResnetTransformer(TrainableNetwork):
    """torchvision's ResNet18 without its last layer, over each crop, then over time.

    The five variants of an earlier system (docs/seeds.md, S2): from scratch (no `--start`);
    `trained=none` with `pooling=average`, and with `pooling=transformer`; `trained=last-two` (the
    last two stages of ResNet18); and `trained=all`. The transformer has three layers, two heads
    and a padding mask, and its mean goes into one linear layer. It cropped the middle of each
    frame; here faces were found before.
    """

    colour_mean: Tensor
    colour_deviation: Tensor

    def __init__(
        self,
        n_classes: int,
        pooling: Literal["transformer", "average"] = "transformer",
        trained: Literal["none", "last-two", "all"] = "all",
        size: int = 64,
        inner: int = 512,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        from torchvision.models import resnet18

        self.pooling, self.trained, self.size = pooling, trained, size
        self.encoder = nn.Sequential(*list(resnet18(weights=None).children())[:9])
        self.temporal = _temporal(inner, dropout) if pooling == "transformer" else None
        self.head = nn.Linear(512, n_classes)
        mean, deviation = (torch.tensor(v)[:, None, None] * 255 for v in (_MEAN, _DEVIATION))
        self.register_buffer("colour_mean", mean, persistent=False)
        self.register_buffer("colour_deviation", deviation, persistent=False)

    def start_from(self, source: str | None) -> None:
        """Take torchvision's ResNet18 from a file or a folder; None: from scratch.

        Raises `WeightsError` for other weights, `SettingsError` where untrained layers would
        stay as they are.
        """
        from torchvision.models import resnet18

        if source is None:
            if self.trained != "all":
                raise SettingsError(
                    f"trained={self.trained} freezes layers of ResNet18 that nobody has trained: "
                    "name its weights with --start, or set trained=all."
                )
            return
        state = _read_state(source)
        whole = resnet18(weights=None)
        known = {name: value for name, value in state.items() if not name.startswith("fc.")}
        try:
            missing, _ = whole.load_state_dict(known, strict=False)
        except RuntimeError as error:
            raise WeightsError(f"{source} holds no ResNet18: its shapes differ.") from error
        if absent := [name for name in missing if not name.startswith("fc.")]:
            raise WeightsError(f"{source} holds no ResNet18 of torchvision: {absent[0]} is absent.")
        self.encoder = nn.Sequential(*list(whole.children())[:9])
        self._freeze()

    def _freeze(self) -> None:
        for number, stage in enumerate(self.encoder):
            # children 6 and 7 are the last two stages; 8 is the average over the picture
            learns = self.trained == "all" or (self.trained == "last-two" and number in (6, 7))
            stage.requires_grad_(learns)

    def train(self, mode: bool = True) -> "ResnetTransformer":
        """Frozen stages keep the statistics that they came with."""
        super().train(mode)
        for stage in self.encoder:
            if not any(parameter.requires_grad for parameter in stage.parameters()):
                stage.eval()
        return self

    def prepare(self, sample: FaceSequence) -> Tensor:
        """Gray crops (size, size, frames) uint8, at most 64, spread evenly over the sequence."""
        from models.video.embedded import pad_sequences, thin

        crops, _, _ = pad_sequences([thin(sample, _LONGEST)], self.size)
        return crops[0].permute(1, 2, 0)

    def forward(self, features: Tensor, n_frames: Tensor) -> Tensor:
        """Logits (batch, classes) of crops (batch, size, size, frames) in [0, 255]."""
        real = real_frames(n_frames, features.shape[3])
        crops = features.permute(0, 3, 1, 2)[real]
        pixels = (crops[:, None].float() - self.colour_mean) / self.colour_deviation
        found = self.encoder(pixels).flatten(1)
        vectors = found.new_zeros((*real.shape, found.shape[1]))
        vectors[real] = found
        if self.temporal is not None:
            vectors = vectors + _positions(real.shape[1], found.shape[1], found.device)
            vectors = self.temporal(vectors, src_key_padding_mask=~real)
        logits: Tensor = self.head(mean_of_real(vectors.transpose(1, 2), real))
        return logits


def _temporal(inner: int, dropout: float) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(512, 2, inner, dropout, batch_first=True, norm_first=True)
    return nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)


def _positions(length: int, width: int, device: torch.device) -> Tensor:
    """Sinusoids of Vaswani et al. 2017, "Attention Is All You Need": (length, width)."""
    place = torch.arange(length, device=device)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(10_000.0) / width))
    return torch.stack([(place * rate).sin(), (place * rate).cos()], dim=2).flatten(1)


def _read_state(source: str) -> dict[str, Tensor]:
    """Read a state dict from `.safetensors`, `.pth` or `.pt`, or the only such file of a folder."""
    from safetensors.torch import load_file

    path = Path(source)
    suffixes = (".safetensors", ".pth", ".pt")
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    files = [file for file in files if file.suffix in suffixes and file.is_file()]
    if len(files) != 1:
        raise WeightsError(
            f"{source} holds {len(files) or 'no'} files of weights; name one .safetensors or .pth "
            "of torchvision's ResNet18, as in the folder hub/checkpoints of torch's cache."
        )
    if files[0].suffix == ".safetensors":
        return load_file(str(files[0]))
    # tensors only: a pickle could run anything
    state: dict[str, Tensor] = torch.load(files[0], map_location="cpu", weights_only=True)
    return state
