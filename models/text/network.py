"""The text network: a BERT encoder (MiniLM's shape) with a linear head on the mean token.

Segments (BERT's token types) tell the judged utterance from the ones before it, and those by
the same speaker from the others'.

Encoder: Devlin et al. 2019, "BERT"; MiniLM: Wang et al. 2020.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from models.text.bert import BertEncoder, TextEmotionNetworkShape
from schemas.errors import WeightsError

if TYPE_CHECKING:
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

PADDING = 0
"""Index of the padding token."""

JUDGED = 0
"""Segment of the judged utterance; the others are its context."""


class TextEmotionNetwork(nn.Module):
    """Judges texts: logits of the seven classes from token indices."""

    def __init__(self, shape: TextEmotionNetworkShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = BertEncoder(shape)
        self.dropout = nn.Dropout(shape.dropout)
        self.head = nn.Linear(shape.width, shape.classes)

    def forward(
        self, tokens: torch.Tensor, segments: torch.Tensor, present: torch.Tensor
    ) -> torch.Tensor:
        """Logits (batch, classes) of tokens (batch, length); `present` is False on padding.

        `segments` is 0 on the utterance that is judged, and its tokens alone are averaged: what
        was said before works through attention.
        """
        states = self.encoder(tokens, segments, present)
        weight = (present & (segments == JUDGED)).unsqueeze(-1).to(states.dtype)
        pooled = (states * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)
        logits: torch.Tensor = self.head(self.dropout(pooled))
        return logits


def read_tokenizer(path: Path, longest: int) -> "Tokenizer":
    """Read a tokenizer that cuts after `longest` tokens and never pads; else `WeightsError`."""
    from tokenizers import Tokenizer

    if not path.is_file():
        raise WeightsError(f"The tokenizer {path} is missing; train it or reinstall tonescribe.")
    tokenizer: Tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=longest)
    return tokenizer
