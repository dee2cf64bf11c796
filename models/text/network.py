"""The word network: a BERT encoder (MiniLM's shape) with a linear head on the mean token.

Encoder: Devlin et al. 2019, "BERT", through transformers; MiniLM: Wang et al. 2020.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from schemas.errors import WeightsError

if TYPE_CHECKING:
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

PADDING = 0
"""Index of the padding token."""


@dataclass(frozen=True)
class WordNetworkShape:
    """Sizes of the network; a text is cut after `longest` tokens."""

    vocabulary: int = 30_522
    width: int = 384
    layers: int = 6
    heads: int = 12
    feedforward: int = 1_536
    positions: int = 512
    classes: int = 7
    longest: int = 128
    dropout: float = 0.1

    def as_config(self) -> dict[str, Any]:
        """The shape as the JSON header of the weights holds it."""
        return asdict(self)


class WordNetwork(nn.Module):
    """Judges texts: logits of the seven classes from token indices."""

    def __init__(self, shape: WordNetworkShape) -> None:
        super().__init__()
        from transformers import BertConfig, BertModel

        self.shape = shape
        config = BertConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.width,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            intermediate_size=shape.feedforward,
            max_position_embeddings=shape.positions,
            hidden_dropout_prob=shape.dropout,
            attention_probs_dropout_prob=shape.dropout,
            attn_implementation="sdpa",
        )
        self.encoder = BertModel(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(shape.dropout)
        self.head = nn.Linear(shape.width, shape.classes)

    def forward(self, tokens: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """Logits (batch, classes) of tokens (batch, length); `present` is False on padding."""
        states = self.encoder(input_ids=tokens, attention_mask=present.long()).last_hidden_state
        weight = present.unsqueeze(-1).to(states.dtype)
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


def pad(texts: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad token indices to the longest text; return tokens and which of them are present."""
    length = max(len(text) for text in texts)
    tokens = torch.full((len(texts), length), PADDING)
    present = torch.zeros((len(texts), length), dtype=torch.bool)
    for row, text in enumerate(texts):
        tokens[row, : len(text)] = torch.tensor(text)
        present[row, : len(text)] = True
    return tokens, present
