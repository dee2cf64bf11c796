"""A VGG-like network over log-mel pieces of three seconds, averaged."""

import torch
from torch import Tensor, nn

from models.architectures.network import TrainableNetwork, mean_of_real, real_frames
from models.audio.sound import FRAMES_PER_SECOND, log_mel, normalise_loudness
from models.protocols import Samples

PIECE = 3 * FRAMES_PER_SECOND
"""Frames of a piece."""


class Vggish(TrainableNetwork):
    """Six convolutions in four blocks over each piece; the pieces' logits are averaged.

    After Hershey et al. 2017, "CNN Architectures for Large-Scale Audio Classification", which S4
    uses on 3-second pieces of IEMOCAP: .601 accuracy, .607 F1 on five classes, where an actor
    and even a conversation may lie on both sides. `width` 64 is VGGish's own size. Each piece
    counts by its length, so that a short rest does not weigh as much as three full seconds.
    """

    def __init__(self, n_classes: int, width: int = 64, dropout: float = 0.3) -> None:
        super().__init__()
        widths = (1, width, 2 * width, 4 * width, 8 * width)
        repeats = (1, 1, 2, 2)
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                _convolution(n_in if first == 0 else n_out, n_out) for first in range(repeat)
            )
            for n_in, n_out, repeat in zip(widths, widths[1:], repeats, strict=False)
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(8 * width, n_classes)

    def prepare(self, sample: Samples) -> Tensor:
        """Log-mel frames (80, frames) at an even loudness."""
        return log_mel(normalise_loudness(sample))

    def forward(self, features: Tensor, n_frames: Tensor) -> Tensor:
        """Logits (batch, classes) of log-mel (batch, 80, frames)."""
        n_pieces = -(-features.shape[2] // PIECE)
        padded = nn.functional.pad(features, (0, n_pieces * PIECE - features.shape[2]))
        pieces = padded.reshape(*padded.shape[:2], n_pieces, PIECE).transpose(1, 2)
        starts = torch.arange(n_pieces, device=n_frames.device) * PIECE
        lengths = (n_frames[:, None] - starts).clamp(0, PIECE)
        there = lengths > 0
        logits = features.new_zeros((*there.shape, self.head.out_features))
        judged = self._judge_pieces(pieces[there], lengths[there])
        logits[there] = judged.to(logits.dtype)
        weights = lengths / lengths.sum(dim=1, keepdim=True).clamp(min=1)
        return (logits * weights[:, :, None]).sum(dim=1)

    def _judge_pieces(self, mel: Tensor, n_frames: Tensor) -> Tensor:
        real = real_frames(n_frames, mel.shape[2])
        hidden = (mel * real[:, None])[:, None]
        for block in self.blocks:
            for convolution in block:  # type: ignore[attr-defined]
                hidden = convolution(hidden) * real[:, None, None]
            hidden = nn.functional.max_pool2d(hidden, 2, ceil_mode=True)
            real = real[:, ::2]
        logits: Tensor = self.head(self.dropout(mean_of_real(hidden.mean(dim=2), real)))
        return logits


def _convolution(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU())
