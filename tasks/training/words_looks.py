"""Looks at the training windows: tokens, and frames with stripes masked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.training.words_network import IGNORED
from tasks.training.words_vocabulary import END, PLAIN, PREVIOUS, START

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

_HINTED = 0.25
"""Share of looks that are told words beforehand: those of a window before, or rare ones."""
_MOST_HINTS = 40
_TIME_MASKS, _LONGEST_TIME_MASK = 8, 40
_BAND_MASKS, _WIDEST_BAND_MASK = 2, 14
_FRAMES_AFTER = 100
_LONGEST = 200
"""Tokens of a window; one in thousands has more."""


@dataclass
class Looks:
    """Windows as the network is shown them, each look drawing hints and masks anew.

    `heard` maps rows to encoder states float16 (1500, 384), or to frames (80, 3000) if
    `is_frames`. With `is_plain` nothing is told or masked: all looks at a window are alike.
    """

    heard: Sequence[NDArray[np.float16]]
    written: Sequence[str]
    tokenizer: "Tokenizer"
    random: np.random.Generator = field(default_factory=np.random.default_rng)
    is_frames: bool = False
    is_plain: bool = False

    def __post_init__(self) -> None:
        """Tokens of all texts, once."""
        coded = self.tokenizer.encode_batch([" " + text if text else "" for text in self.written])
        self._tokens = [row.ids[:_LONGEST] for row in coded]
        names = (START, PLAIN, END, PREVIOUS)
        self._ids = {name: self.tokenizer.token_to_id(name) for name in names}

    def __len__(self) -> int:
        return len(self.written)

    def __getitem__(self, row: int) -> dict[str, Any]:
        ids, hints = self._ids, self._hints(row)
        told = [ids[PREVIOUS], *hints] if hints else []
        tokens = [*told, ids[START], ids[PLAIN], *self._tokens[row]]
        targets = [*[IGNORED] * (len(told) + 1), *self._tokens[row], ids[END]]
        heard = np.asarray(self.heard[row], np.float32)
        if not self.is_frames:
            return {"input_ids": tokens, "targets": targets, "states": heard}
        frames = spoken_part(heard)
        shown = frames if self.is_plain else mask(frames, self.random)
        return {"input_ids": tokens, "targets": targets, "frames": shown}

    def _hints(self, row: int) -> list[int]:
        """Tokens told beforehand: another window's end, or words of this and of another one."""
        if self.is_plain or self.random.random() > _HINTED:
            return []
        other = int(self.random.integers(len(self)))
        if self.random.random() < 0.5:
            before: list[int] = self._tokens[row - 1][-_MOST_HINTS:]
            return before
        words = [*self._names(row), *self._names(other)]
        self.random.shuffle(words)
        ids: list[int] = self.tokenizer.encode(" " + ", ".join(words)).ids if words else []
        return ids[:_MOST_HINTS]

    def _names(self, row: int) -> list[str]:
        """A few long or capitalised words of a window, as a sidecar would name."""
        found = re.findall(r"(?<=[a-z,] )[A-Z][a-z]{2,}|\b[a-z]{7,}", self.written[row])
        return list(self.random.choice(found, size=min(3, len(found)), replace=False))


def spoken_part(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frames (80, t) up to a second after the last sound; the silence behind costs and says naught.

    An even count, since the encoder halves it.
    """
    loud = np.flatnonzero(frames.max(axis=0) > frames.min())
    last = int(loud[-1]) + 1 if len(loud) else 0
    n_frames = min(frames.shape[1], last + _FRAMES_AFTER)
    return frames[:, : n_frames + n_frames % 2]


def mask(frames: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Stripes of time and of pitch set to the mean (SpecAugment, Park et al. 2019)."""
    masked = frames.copy()
    level = float(frames.mean())
    for _ in range(_TIME_MASKS):
        width = int(random.integers(_LONGEST_TIME_MASK))
        start = int(random.integers(masked.shape[1] - width))
        masked[:, start : start + width] = level
    for _ in range(_BAND_MASKS):
        width = int(random.integers(_WIDEST_BAND_MASK))
        start = int(random.integers(masked.shape[0] - width))
        masked[start : start + width] = level
    return masked


def collate(looks: list[dict[str, Any]]) -> dict[str, Any]:
    """Pad a batch of looks."""
    import torch

    end = looks[0]["targets"][-1]
    batch = {
        "tokens": padded_tokens([look["input_ids"] for look in looks], end),
        "targets": padded_tokens([look["targets"] for look in looks], IGNORED),
    }
    if "states" in looks[0]:
        batch["states"] = torch.from_numpy(np.stack([look["states"] for look in looks]))
    else:
        frames = [look["frames"] for look in looks]
        widest = max(look.shape[1] for look in frames)
        batch["frames"] = torch.stack([_with_silence(look, widest) for look in frames])
    return batch


def _with_silence(frames: NDArray[np.float32], width: int) -> "torch.Tensor":
    import torch

    silent = width - frames.shape[1]
    return torch.from_numpy(
        np.pad(frames, ((0, 0), (0, silent)), constant_values=float(frames.min()))
    )


def padded_tokens(rows: Sequence[Sequence[int]], value: int) -> "torch.Tensor":
    """Rows of numbers as one matrix, short ones filled up with `value`."""
    import torch

    longest = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows])


def load_tokenizer(path: Path) -> "Tokenizer":
    """The tokenizer of a `tokenizer.json`."""
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(path))
