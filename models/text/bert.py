"""BERT's encoder (Devlin et al. 2019): token indices in, a state for each token out.

The layers carry the names of transformers' checkpoints, and a test compares the two. The library
itself takes ten seconds of a processor to import, more than it takes to judge a meeting's words.
"""

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from schemas.values import Json

_EPSILON = 1e-12
_DEVIATION = 0.02
"""Of the normal distribution that weights start from."""


@dataclass(frozen=True)
class TextEmotionNetworkShape:
    """Sizes of the network; a text is cut after `longest` tokens."""

    vocabulary: int = 30_522
    width: int = 384
    layers: int = 6
    heads: int = 12
    feedforward: int = 1_536
    positions: int = 512
    classes: int = 7
    longest: int = 128
    segments: int = 2
    dropout: float = 0.1

    def as_config(self) -> Json:
        """Return the shape as the JSON header of the weights holds it."""
        return asdict(self)


class _Embeddings(nn.Module):
    def __init__(self, shape: TextEmotionNetworkShape) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(shape.vocabulary, shape.width, padding_idx=0)
        self.position_embeddings = nn.Embedding(shape.positions, shape.width)
        self.token_type_embeddings = nn.Embedding(shape.segments, shape.width)
        self.LayerNorm = nn.LayerNorm(shape.width, eps=_EPSILON)

    def forward(self, tokens: Tensor, segments: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device)
        whole = self.word_embeddings(tokens) + self.token_type_embeddings(segments)
        normed: Tensor = self.LayerNorm(whole + self.position_embeddings(places))
        return normed


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)

    def forward(self, states: Tensor, hidden: Tensor) -> Tensor:
        """Attend from every token to those that `hidden` (batch, length) does not hide."""
        batch, length, width = states.shape

        def split(projected: Tensor) -> Tensor:
            return projected.view(batch, length, self._heads, -1).transpose(1, 2)

        query, key, value = (split(p(states)) for p in (self.query, self.key, self.value))
        # written out: the fused kernel's backward pass takes twice as long on short texts
        scores = query @ key.transpose(-1, -2) / math.sqrt(width // self._heads)
        scores = scores.masked_fill(hidden[:, None, None], torch.finfo(scores.dtype).min)
        return (scores.softmax(dim=-1) @ value).transpose(1, 2).reshape(batch, length, width)


class _Output(nn.Module):
    """A projection that is added to what came in, then normed."""

    def __init__(self, wide: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(wide, width)
        self.LayerNorm = nn.LayerNorm(width, eps=_EPSILON)

    def forward(self, made: Tensor, before: Tensor) -> Tensor:
        normed: Tensor = self.LayerNorm(self.dense(made) + before)
        return normed


class _Layer(nn.Module):
    def __init__(self, shape: TextEmotionNetworkShape) -> None:
        super().__init__()
        attention = {
            "self": _Attention(shape.width, shape.heads),
            "output": _Output(shape.width, shape.width),
        }
        self.attention = nn.ModuleDict(attention)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(shape.width, shape.feedforward)})
        self.output = _Output(shape.feedforward, shape.width)

    def forward(self, states: Tensor, hidden: Tensor) -> Tensor:
        attended = self.attention["output"](self.attention["self"](states, hidden), states)
        wide = functional.gelu(self.intermediate["dense"](attended))
        made: Tensor = self.output(wide, attended)
        return made


class BertEncoder(nn.Module):
    """Tokens (batch, length) to states (batch, length, width)."""

    def __init__(self, shape: TextEmotionNetworkShape) -> None:
        super().__init__()
        self.embeddings = _Embeddings(shape)
        layers = nn.ModuleList(_Layer(shape) for _ in range(shape.layers))
        self.encoder = nn.ModuleDict({"layer": layers})
        self.apply(_start)

    def forward(self, tokens: Tensor, segments: Tensor, present: Tensor) -> Tensor:
        """Encode; `present` is False on padding, which nobody attends to."""
        states: Tensor = self.embeddings(tokens, segments)
        layers = self.encoder["layer"]
        assert isinstance(layers, nn.ModuleList)
        for layer in layers:
            states = layer(states, ~present)
        return states


def _start(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=_DEVIATION)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        with torch.no_grad():
            module.weight[module.padding_idx].zero_()
