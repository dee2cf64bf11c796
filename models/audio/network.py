"""The audio network: a Whisper-shaped encoder, statistics pooled over layers and time, a head.

The encoder is that of Radford et al. 2022 (Whisper, size "tiny") and its parameters carry the
names of `transformers`' `WhisperEncoder`, so that its weights load as they are. It differs in
one thing: clips are not padded to 30 seconds but masked, which is what makes it fast.
"""

from collections.abc import Sequence
from typing import TypedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class NetworkShape(TypedDict):
    """Sizes of the network, stored in its weights' header."""

    n_mels: int
    width: int
    n_layers: int
    n_heads: int
    n_inner: int
    n_positions: int
    n_classes: int


WHISPER_TINY: NetworkShape = {
    "n_mels": 80,
    "width": 384,
    "n_layers": 4,
    "n_heads": 6,
    "n_inner": 1536,
    "n_positions": 1500,
    "n_classes": 8,
}


class SelfAttention(nn.Module):
    """Multi-head self-attention; Whisper's keys have no bias."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """Attend over (batch, time, width); `mask` (batch, 1, 1, time) is True at real frames."""
        query, key, value = (
            project(hidden).unflatten(2, (self.n_heads, -1)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        joined = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        attended: Tensor = self.out_proj(joined.transpose(1, 2).flatten(2))
        return attended


class EncoderLayer(nn.Module):
    """One pre-norm transformer layer."""

    def __init__(self, width: int, n_heads: int, n_inner: int) -> None:
        super().__init__()
        self.self_attn = SelfAttention(width, n_heads)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, n_inner)
        self.fc2 = nn.Linear(n_inner, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """Transform (batch, time, width)."""
        hidden = hidden + self.self_attn(self.self_attn_layer_norm(hidden), mask)
        inner = F.gelu(self.fc1(self.final_layer_norm(hidden)))
        transformed: Tensor = hidden + self.fc2(inner)
        return transformed


class VoiceEncoder(nn.Module):
    """Whisper's encoder over clips of any length up to 30 s; gives out every layer."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        width = shape["width"]
        self.conv1 = nn.Conv1d(shape["n_mels"], width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(shape["n_positions"], width)
        self.layers = nn.ModuleList(
            EncoderLayer(width, shape["n_heads"], shape["n_inner"])
            for _ in range(shape["n_layers"])
        )
        self.layer_norm = nn.LayerNorm(width)

    def forward(self, mel: Tensor, n_frames: Tensor) -> tuple[list[Tensor], Tensor]:
        """Encode log-mel (batch, mels, frames), of which `n_frames` (batch,) are real.

        Returns n_layers + 1 tensors of shape (batch, frames / 2, width), from the convolutions'
        output to the last layer's, and the mask of real frames (batch, frames / 2).
        """
        real = torch.arange(mel.shape[2], device=mel.device) < n_frames[:, None]
        # padding is silenced again so that a clip's last frame does not depend on its batch
        hidden = F.gelu(self.conv1(mel * real[:, None])) * real[:, None]
        hidden = F.gelu(self.conv2(hidden)).transpose(1, 2)
        hidden = hidden + self.embed_positions.weight[: hidden.shape[1]]
        real = real[:, ::2]
        mask = None if bool(real.all()) else real[:, None, None, :]
        outputs = [hidden]
        for layer in self.layers:
            outputs.append(layer(outputs[-1], mask))
        outputs[-1] = self.layer_norm(outputs[-1])
        return outputs, real


class AttentivePooling(nn.Module):
    """Statistics over time in which telling frames count more.

    After Okabe et al. 2018, "Attentive Statistics Pooling for Deep Speaker Embedding". It begins
    as plain mean and deviation: its last weights are zero.
    """

    def __init__(self, width: int, n_inner: int = 128) -> None:
        super().__init__()
        self.inner = nn.Linear(width, n_inner)
        self.outer = nn.Linear(n_inner, 1, bias=False)
        nn.init.zeros_(self.outer.weight)

    def forward(self, hidden: list[Tensor], real: Tensor) -> Tensor:
        """Pool every layer (batch, time, width) to (batch, 2 * width * layers)."""
        attention = self.outer(torch.tanh(self.inner(hidden[-1]))).float()
        weights = attention.masked_fill(~real[:, :, None], -torch.inf).softmax(dim=1)
        return torch.cat([statistics(layer.float(), weights) for layer in hidden], dim=1)


class AudioEmotionNetwork(nn.Module):
    """Log-mel frames of a clip to class scores."""

    def __init__(self, shape: NetworkShape, dropout: float = 0.5) -> None:
        super().__init__()
        self.encoder = VoiceEncoder(shape)
        self.pooling = AttentivePooling(shape["width"])
        n_pooled = 2 * shape["width"] * (shape["n_layers"] + 1)
        self.norm = nn.BatchNorm1d(n_pooled, affine=False)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(n_pooled, shape["n_classes"])

    def pool(self, mel: Tensor, n_frames: Tensor) -> Tensor:
        """Summarise log-mel (batch, mels, frames) to (batch, pooled), not yet normalised."""
        hidden, real = self.encoder(mel, n_frames)
        pooled: Tensor = self.pooling(hidden, real)
        return pooled

    def describe(self, mel: Tensor, n_frames: Tensor) -> Tensor:
        """Return normalised statistics (batch, pooled) of log-mel (batch, mels, frames)."""
        described: Tensor = self.norm(self.pool(mel, n_frames))
        return described

    def forward(self, mel: Tensor, n_frames: Tensor) -> Tensor:
        """Score log-mel (batch, mels, frames): logits of shape (batch, classes)."""
        logits: Tensor = self.head(self.dropout(self.describe(mel, n_frames)))
        return logits.float()


def pad_frames(mels: Sequence[Tensor], multiple: int = 2) -> tuple[Tensor, Tensor]:
    """Stack log-mels (mels, frames) to a multiple of frames; return them and their lengths."""
    lengths = torch.tensor([mel.shape[1] for mel in mels])
    longest = -(-int(lengths.max()) // multiple) * multiple
    return torch.stack([F.pad(mel, (0, longest - mel.shape[1])) for mel in mels]), lengths


def statistics(hidden: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean and deviation over time of (batch, time, width): (batch, 2 * width).

    `weights` (batch, time, 1 or width) sum to one over time.
    """
    mean = (hidden * weights).sum(dim=1)
    variance = ((hidden - mean[:, None]).square() * weights).sum(dim=1)
    return torch.cat([mean, variance.clamp(min=1e-6).sqrt()], dim=1)
