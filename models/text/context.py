"""Encode texts for the text network: tokens, and which speaker's they are.

`[CLS] judged utterance [SEP] earlier utterance [SEP] ...`, oldest first. The segment of each
token says whether it is judged, was said before by the same speaker, or by another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from models.protocols import TextSample
from models.text.cleaning import clean
from models.text.network import JUDGED, PADDING

if TYPE_CHECKING:
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

SAME_SPEAKER = 1
OTHER_SPEAKER = 2

SEGMENTS = 3

EARLIER_UTTERANCES = 2
"""Previous utterances that are read."""

EARLIER_TOKENS = 20
"""The last tokens of each previous utterance that are read."""


@dataclass(frozen=True)
class CodedText:
    """Tokens of one text and their segments, equally long."""

    tokens: list[int]
    segments: list[int] = field(default_factory=list)

    def alone(self) -> "CodedText":
        """Return the judged utterance without its context."""
        count = self.segments.count(JUDGED)
        return CodedText(self.tokens[:count], self.segments[:count])


def encode(
    tokenizer: "Tokenizer", samples: Sequence[TextSample], with_context: bool = True
) -> list[CodedText]:
    """Tokenize texts with the utterances before them, cut to the tokenizer's limit.

    A network without segments for context is given `with_context=False`.
    """
    earlier = [
        [(speaker, clean(text)) for speaker, text in sample.context[-EARLIER_UTTERANCES:]]
        if with_context
        else []
        for sample in samples
    ]
    judged = tokenizer.encode_batch([clean(sample.text) for sample in samples])
    before = iter(tokenizer.encode_batch([text for said in earlier for _, text in said]))
    coded: list[CodedText] = []
    for sample, code, said in zip(samples, judged, earlier, strict=True):
        tokens, segments = list(code.ids), [JUDGED] * len(code.ids)
        for speaker, _ in said:
            # without the first token, which opens every text
            ids = next(before).ids[1:][-EARLIER_TOKENS:]
            same = sample.speaker is not None and speaker == sample.speaker
            tokens += ids
            segments += [SAME_SPEAKER if same else OTHER_SPEAKER] * len(ids)
        coded.append(CodedText(tokens, segments))
    return coded


def pad(texts: Sequence[CodedText]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pad texts to the longest; return tokens, segments and which tokens are present."""
    length = max(len(text.tokens) for text in texts)
    tokens = torch.full((len(texts), length), PADDING)
    segments = torch.full((len(texts), length), JUDGED)
    present = torch.zeros((len(texts), length), dtype=torch.bool)
    for row, text in enumerate(texts):
        count = len(text.tokens)
        tokens[row, :count] = torch.tensor(text.tokens)
        segments[row, :count] = torch.tensor(text.segments)
        present[row, :count] = True
    return tokens, segments, present
