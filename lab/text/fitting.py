"""Fit a text network to shares of emotions, with and without context and punctuation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lab.corpora.texts import fingerprint
from lab.text.mix import sample_of
from lab.training.fitting import Batch, FittingPlan, fit
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS

if TYPE_CHECKING:
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

    from models.text.context import CodedText
    from models.text.network import TextEmotionNetwork

TRAINED_LENGTH = 64
"""Tokens of a judged text in training; one in a hundred is longer."""

_PLAIN_SHARE = 0.3
"""Share of looks at a text without case and punctuation, as recognisers write."""

_ALONE_SHARE = 0.3
"""Share of the lines of dialogues that are also seen alone: a meeting has first utterances."""

_RARE_CLASS_POWER = 0.2
"""Rare classes weigh more, by their frequency to this power, negative."""


@dataclass
class CodedTexts:
    """Coded texts as written and without punctuation; a look takes one of the two."""

    written: "list[CodedText]"
    plain: "list[CodedText]"
    targets: NDArray[np.float32]
    random: np.random.Generator

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, row: int) -> Batch:
        plain = self.random.random() < _PLAIN_SHARE
        coded = self.plain[row] if plain else self.written[row]
        # the length of `input_ids` is what the Trainer groups by
        return {"input_ids": coded.tokens, "coded": coded, "target": self.targets[row]}


def code_texts(
    tokenizer: "Tokenizer",
    clips: Sequence[LabelledClip],
    targets: NDArray[np.float32],
    seed: int,
) -> CodedTexts:
    """Code texts for training; a part of those with context stands there twice, once alone."""
    from models.text.context import encode

    tokenizer.enable_truncation(max_length=TRAINED_LENGTH)
    samples = [sample_of(clip) for clip in clips]
    written = encode(tokenizer, samples)
    plain = encode(tokenizer, [replace(s, text=fingerprint(s.text) or s.text) for s in samples])
    random = np.random.default_rng(seed)
    drawn = random.random(len(clips)) < _ALONE_SHARE
    alone = [row for row, clip in enumerate(clips) if clip.context and drawn[row]]
    return CodedTexts(
        written + [written[row].alone() for row in alone],
        plain + [plain[row].alone() for row in alone],
        np.concatenate([targets, targets[alone]]),
        random,
    )


def collate(batch: list[Batch]) -> Batch:
    """Pad a batch of coded texts."""
    import torch

    from models.text.context import pad

    tokens, segments, present = pad([row["coded"] for row in batch])
    targets = torch.from_numpy(np.stack([row["target"] for row in batch]))
    return {"tokens": tokens, "segments": segments, "present": present, "targets": targets}


def fit_words(
    network: "TextEmotionNetwork", texts: CodedTexts, out: Path, plan: FittingPlan
) -> None:
    """Fit all parameters that ask for a gradient to the texts' shares of emotions."""
    import torch

    share = (texts.targets.sum(axis=0) / texts.targets.sum()).clip(min=1 / len(texts))
    weights = torch.from_numpy((share**-_RARE_CLASS_POWER).astype(np.float32))

    class Objective(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(
            self,
            tokens: torch.Tensor,
            segments: torch.Tensor,
            present: torch.Tensor,
            targets: torch.Tensor,
        ) -> dict[str, torch.Tensor]:
            logits = self.network(tokens, segments, present).float()
            loss = torch.nn.functional.cross_entropy(
                logits, targets, weights.to(logits.device), label_smoothing=0.05
            )
            return {"loss": loss}

    assert texts.targets.shape[1] == len(EMOTIONS)
    fit(Objective(), texts, collate, plan, out)
