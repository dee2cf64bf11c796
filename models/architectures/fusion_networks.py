"""Two small networks that join branches: over their probabilities, and over their representations.

Both know which branches are there: a branch that is absent is masked, whatever its row holds.
"""

from collections.abc import Sequence

import torch
from torch import nn

from schemas.emotions import EMOTIONS


class ProbabilityNetwork(nn.Module):
    """A perceptron over the probabilities of the branches, with dropout.

    An earlier system (docs/seeds.md, S0) had five probabilities of each of two branches and 32
    hidden units. Here a mask distinguishes an absent branch from an undecided one.
    """

    def __init__(
        self,
        n_branches: int,
        width: int = 32,
        dropout: float = 0.2,
        n_classes: int = len(EMOTIONS),
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(n_branches * (n_classes + 1), width)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, n_classes)

    def forward(self, scores: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes) of scores (n, branches, classes) and `present` (n, branches) bool.

        Rows of absent branches may hold NaN.
        """
        # in logarithms a linear layer can pool the branches as log-linear pools do
        known = scores.clamp(min=1e-4).log().masked_fill(~present[:, :, None], 0.0)
        inputs = torch.cat([known.flatten(1), present.to(known.dtype)], dim=1)
        logits: torch.Tensor = self.head(self.dropout(self.hidden(inputs).relu()))
        return logits


class ConcatenationNetwork(nn.Module):
    """Concatenated representations of the branches into one dense layer.

    Three earlier systems joined branches so (docs/seeds.md, S1, S2 and S4). `width` 0 is a linear
    layer alone. Each representation is normalised first: they come in scales of their own.
    """

    def __init__(
        self,
        widths: Sequence[int],
        width: int = 64,
        dropout: float = 0.2,
        n_classes: int = len(EMOTIONS),
    ) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(own) for own in widths)
        total = sum(widths) + len(widths)
        self.hidden = nn.Sequential(nn.Linear(total, width), nn.ReLU()) if width else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width or total, n_classes)

    def forward(
        self, representations: Sequence[torch.Tensor], present: torch.Tensor
    ) -> torch.Tensor:
        """Logits (n, classes) of one (n, width) per branch and `present` (n, branches) bool.

        Rows of absent branches may hold NaN.
        """
        known = [
            # NaN times a mask is NaN: what is absent is replaced before and after the norm
            norm(own.masked_fill(~there[:, None], 0.0)).masked_fill(~there[:, None], 0.0)
            for norm, own, there in zip(self.norms, representations, present.T, strict=True)
        ]
        inputs = torch.cat([*known, present.to(known[0].dtype)], dim=1)
        logits: torch.Tensor = self.head(self.dropout(self.hidden(inputs)))
        return logits
