"""A small transformer over mel frames that knows how far apart two frames are."""

import functools
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from models.architectures.network import Standardise, TrainableNetwork, mean_of_real, real_frames
from models.audio.sound import normalise_loudness
from models.protocols import Samples
from schemas.values import SAMPLE_RATE

N_MELS = 296
_FFT, _WINDOW = 2048, 1024


@functools.cache
def _mel_filters() -> Tensor:
    from torchaudio.functional import melscale_fbanks

    filters: Tensor = melscale_fbanks(_FFT // 2 + 1, 0.0, SAMPLE_RATE / 2, N_MELS, SAMPLE_RATE)
    return filters


class RelativeAttention(nn.Module):
    """Self-attention by content and by distance, each in its own terms.

    After He et al. 2021, "DeBERTa: Decoding-enhanced BERT with Disentangled Attention": what a
    frame asks of another's content and of its distance, and what that other asks of the distance.
    Distances beyond `reach` frames count as `reach`.
    """

    def __init__(self, width: int, n_heads: int, reach: int) -> None:
        super().__init__()
        self.n_heads, self.reach = n_heads, reach
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.distance_keys = nn.Parameter(0.02 * torch.randn(2 * reach + 1, width))
        self.distance_queries = nn.Parameter(0.02 * torch.randn(2 * reach + 1, width))

    def forward(self, hidden: Tensor, real: Tensor) -> Tensor:
        """Attend over (batch, time, width) where `real` (batch, time)."""
        query, key, value = (
            project(hidden).reshape(*hidden.shape[:2], self.n_heads, -1).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(2, 3) + self._by_distance(query, key)
        scores = scores / math.sqrt(3 * query.shape[3])
        scores = scores.masked_fill(~real[:, None, None], -torch.inf)
        attended: Tensor = self.out((scores.softmax(dim=3) @ value).transpose(1, 2).flatten(2))
        return attended

    def _by_distance(self, query: Tensor, key: Tensor) -> Tensor:
        """Content to distance and distance to content, (batch, heads, time, time)."""
        length = query.shape[2]
        span = min(self.reach, length - 1)
        place = torch.arange(length, device=query.device)
        distance = (place[:, None] - place).clamp(-span, span) + span
        rows = slice(self.reach - span, self.reach + span + 1)
        keys, queries = (
            table[rows].reshape(2 * span + 1, self.n_heads, -1).permute(1, 2, 0)
            for table in (self.distance_keys, self.distance_queries)
        )
        shape = (*query.shape[:2], length, length)
        asked = (query @ keys).gather(3, distance.expand(shape))
        answered = (key @ queries).gather(3, distance.T.expand(shape)).transpose(2, 3)
        by_distance: Tensor = asked + answered
        return by_distance


class _Layer(nn.Module):
    def __init__(self, width: int, n_heads: int, n_inner: int, reach: int, dropout: float) -> None:
        super().__init__()
        self.attention = RelativeAttention(width, n_heads, reach)
        self.attention_norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, n_inner)
        self.outer = nn.Linear(n_inner, width)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, real: Tensor) -> Tensor:
        attended = self.dropout(self.attention(hidden, real))
        hidden = self.attention_norm(hidden + attended)
        inner = self.dropout(self.outer(nn.functional.gelu(self.inner(hidden))))
        normal: Tensor = self.norm(hidden + inner)
        return normal


class MelTransformer(TrainableNetwork):
    """Mel frames with noise, a dense layer, three layers of relative attention, their mean.

    An earlier system (docs/seeds.md, S3) had 296 mels, 495 frames of 1/94 second, noise of .1,
    dense 50, 10 heads and 192 inside, padded in front without a mask. `reach` is cut to 453 so that
    it has the 377,000 parameters of that system; `reach=494`, the table's `mel-transformer-495`,
    tells all distances within 495 frames apart. `frames_per_second` lower than 94 is faster: the
    work grows with its square.
    """

    def __init__(
        self,
        n_classes: int,
        width: int = 50,
        layers: int = 3,
        heads: int = 10,
        inner: int = 192,
        dropout: float = 0.2,
        noise: float = 0.1,
        reach: int = 453,
        frames_per_second: float = 93.75,
    ) -> None:
        super().__init__()
        self.hop = round(SAMPLE_RATE / frames_per_second)
        self.noise = noise
        self.scale = Standardise(N_MELS)
        self.dense = nn.Linear(N_MELS, width)
        self.layers = nn.ModuleList(
            _Layer(width, heads, inner, reach, dropout) for _ in range(layers)
        )
        self.head = nn.Linear(width, n_classes)

    def prepare(self, sample: Samples) -> Tensor:
        """Logarithms of mel power at an even loudness, shape (296, frames)."""
        sound = np.ascontiguousarray(normalise_loudness(sample), dtype=np.float32)
        if len(sound) < _FFT:
            sound = np.pad(sound, (0, _FFT - len(sound)))
        spectrum = torch.stft(
            torch.from_numpy(sound),
            _FFT,
            self.hop,
            _WINDOW,
            window=torch.hann_window(_WINDOW),
            return_complex=True,
        )
        return (_mel_filters().T @ spectrum.abs().square()).clamp(min=1e-8).log()

    def learn_scale(self, features: Sequence[Tensor]) -> None:
        """Standardise each mel band."""
        self.scale.learn(features)

    def forward(self, features: Tensor, n_frames: Tensor) -> Tensor:
        """Logits (batch, classes) of log-mel (batch, 296, frames)."""
        real = real_frames(n_frames, features.shape[2])
        scaled = self.scale(features, real).transpose(1, 2)
        if self.training:
            scaled = scaled + self.noise * torch.randn_like(scaled)
        hidden = self.dense(scaled)
        for layer in self.layers:
            hidden = layer(hidden, real)
        logits: Tensor = self.head(mean_of_real(hidden.transpose(1, 2), real))
        return logits
