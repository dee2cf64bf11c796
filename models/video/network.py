"""The video network: ResNet18 on gray crops, positions in time, a transformer over frames.

ResNet18 stands in `resnet.py`; the transformer is Vaswani et al. 2017, "Attention Is All You
Need", with the norm first and a padding mask.
"""

import math
from dataclasses import asdict, dataclass

import torch
from torch import nn

from models.video.resnet import GrayResNet18
from schemas.values import Json

_CONTRAST_FLOOR = 4.0
"""Gray levels added to a crop's deviation, so that a blank crop stays blank."""


@dataclass(frozen=True)
class VideoEmotionNetworkShape:
    """Sizes of the network; `crop` in pixels, `longest` frames are looked at per sequence."""

    crop: int = 48
    width: int = 256
    layers: int = 2
    heads: int = 4
    feedforward: int = 512
    classes: int = 7
    longest: int = 24
    dropout: float = 0.1

    def as_config(self) -> Json:
        """Return the shape as the JSON header of the weights holds it."""
        return asdict(self)


def normalised(crops: torch.Tensor) -> torch.Tensor:
    """Take light and contrast out of gray crops (n, size, size) in [0, 255]; (n, 1, size, size)."""
    pixels = crops.float().unsqueeze(1)
    mean = pixels.mean(dim=(2, 3), keepdim=True)
    deviation = pixels.std(dim=(2, 3), keepdim=True)
    return (pixels - mean) / (deviation + _CONTRAST_FLOOR)


def positions_in_time(times: torch.Tensor, width: int) -> torch.Tensor:
    """Sinusoids of times in seconds (batch, frames): (batch, frames, width), tenths to minutes."""
    half = width // 2
    periods = torch.exp(torch.linspace(math.log(0.4), math.log(60.0), half, device=times.device))
    phase = 2 * math.pi * times.unsqueeze(-1) / periods
    return torch.cat([phase.sin(), phase.cos()], dim=-1)


class VideoEmotionNetwork(nn.Module):
    """Judges a sequence of gray face crops: logits of the seven classes."""

    def __init__(self, shape: VideoEmotionNetworkShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = GrayResNet18(shape.width)
        layer = nn.TransformerEncoderLayer(
            shape.width,
            shape.heads,
            shape.feedforward,
            shape.dropout,
            batch_first=True,
            norm_first=True,
            activation="gelu",
        )
        self.temporal = nn.TransformerEncoder(layer, shape.layers, enable_nested_tensor=False)
        self.position_scale = nn.Parameter(torch.tensor(0.1))
        self.head = nn.Linear(shape.width, shape.classes)
        self._start_as_mean_of_frames()

    def _start_as_mean_of_frames(self) -> None:
        """Silence the transformer at the start: the network is then the mean of its frames."""
        for layer in self.temporal.layers:
            nn.init.zeros_(layer.self_attn.out_proj.weight)
            nn.init.zeros_(layer.linear2.weight)
            nn.init.zeros_(layer.linear2.bias)

    def embed(self, crops: torch.Tensor) -> torch.Tensor:
        """Describe single crops (n, size, size) in [0, 255] by vectors (n, width)."""
        pixels = normalised(crops).contiguous(memory_format=torch.channels_last)
        vectors: torch.Tensor = self.encoder(pixels)
        return vectors

    def judge_frames(self, crops: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes) of single crops without the temporal part."""
        logits: torch.Tensor = self.head(self.embed(crops))
        return logits

    def judge_vectors(
        self, vectors: torch.Tensor, times: torch.Tensor, present: torch.Tensor
    ) -> torch.Tensor:
        """Logits (batch, classes) of frame vectors (batch, frames, width).

        `times` (batch, frames) in seconds; `present` (batch, frames) is False on padding.
        """
        start = times[:, :1]
        marks = self.position_scale * positions_in_time(times - start, self.shape.width)
        seen = self.temporal(vectors + marks, src_key_padding_mask=~present) - marks
        weight = present.unsqueeze(-1).to(seen.dtype)
        pooled = (seen * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)
        logits: torch.Tensor = self.head(pooled)
        return logits

    def forward(
        self, crops: torch.Tensor, times: torch.Tensor, present: torch.Tensor
    ) -> torch.Tensor:
        """Logits (batch, classes) of crops (batch, frames, size, size) in [0, 255]."""
        found = self.embed(crops[present])
        vectors = found.new_zeros((*present.shape, found.shape[-1]))
        vectors[present] = found
        return self.judge_vectors(vectors, times, present)
