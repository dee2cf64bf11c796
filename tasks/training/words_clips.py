"""Single short turns, from which the vectors of the vocabulary are learned first.

A decoder whose words mean nothing to it yet cannot tell how far in the sound it is; in half a
minute of talk it stays lost, in three seconds it finds the words at once. The clips are heard
without padding, in a few lengths.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.audio.sound import log_mel
from models.precision import half_precision
from models.protocols import Samples
from schemas.values import SAMPLE_RATE
from tasks.training.spoken_text import SHARES, draw, spoken_texts
from tasks.training.synthetic_voices import UNHEARD, choose, speak, voices_here
from tasks.training.words_looks import padded_tokens
from tasks.training.words_material import keep_acted, read_acted
from tasks.training.words_network import IGNORED, Recogniser
from tasks.training.words_vocabulary import END, PLAIN, START
from tasks.training.words_windows import as_recorded, at_speech_level, place, replayed

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

PER_PACK = 250
LENGTHS = (2.0, 3.0, 4.0, 5.0, 6.0, 8.5)
"""Seconds; a clip is heard at the next length that leaves 0.3 s of silence behind it."""
_SILENCE = 0.3
_LONGEST, _SHORTEST = 8.0, 0.25
_MOST_WORDS = 14
_FEW, _FEW_SHARE = 2, 0.3
_CLEAN_SHARE = 0.5
_ACTED_SHARE = 0.5
_SEED = 77


class Clip(NamedTuple):
    """At most 8 s of one voice, int16 at 16 kHz, and what it says."""

    samples: NDArray[np.int16]
    written: str


def make_clips(data: Path, out: Path, n_clips: int, seed: int = 0, processes: int = 1) -> None:
    """Make packs of 250 clips under `out/clips`; what is there is not made again."""
    keep_acted(out)
    packs = [out / "clips" / f"{number:03}.npz" for number in range(-(-n_clips // PER_PACK))]
    left = [pack for pack in packs if not pack.is_file()]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for _ in pool.map(partial(_make_pack, data, seed), left):
            pass


def read_clips(out: Path) -> list[Clip]:
    """All clips under `out/clips`, in order."""
    clips: list[Clip] = []
    for pack in sorted((out / "clips").glob("*.npz")):
        with np.load(pack) as content:
            pieces = np.split(content["samples"], np.cumsum(content["lengths"])[:-1])
            clips += [Clip(p, str(t)) for p, t in zip(pieces, content["written"], strict=True)]
    return clips


@cache
def _sources(data: Path, out: Path) -> Any:
    return spoken_texts(data), voices_here(), read_acted(out)


def _make_pack(data: Path, seed: int, path: Path) -> None:
    import torch

    torch.set_num_threads(1)
    texts, voices, acted = _sources(data, path.parent.parent)
    random = np.random.default_rng([_SEED, seed, int(path.stem)])
    turns = draw(texts, SHARES, random)
    clips: list[Clip] = []
    while len(clips) < PER_PACK:
        if acted and random.random() < _ACTED_SHARE:
            samples, written = replayed(acted, random)
        else:
            turn = next(turns)
            samples, written = np.zeros(0, np.float32), turn.written
            if _is_wanted(written, random):
                samples = speak(turn.said, choose(voices, UNHEARD, random), random)
        seconds = len(samples) / SAMPLE_RATE
        if _SHORTEST < seconds < _LONGEST and len(written.split()) <= _MOST_WORDS:
            clips.append(Clip(_as_kept(samples, random), written))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp.npz")
    np.savez(
        unfinished,
        samples=np.concatenate([clip.samples for clip in clips]),
        lengths=np.array([len(clip.samples) for clip in clips]),
        written=np.array([clip.written for clip in clips]),
    )
    unfinished.replace(path)


def _is_wanted(written: str, random: np.random.Generator) -> bool:
    """Turns that are not long; of the very short ones, of which talk is full, a part."""
    n_words = len(written.split())
    return 1 <= n_words <= _MOST_WORDS and (n_words > _FEW or random.random() < _FEW_SHARE)


def _as_kept(samples: Samples, random: np.random.Generator) -> NDArray[np.int16]:
    samples = at_speech_level(samples)
    if random.random() > _CLEAN_SHARE:
        samples = as_recorded(place(random)(samples, random)[: len(samples)], random)
    kept: NDArray[np.int16] = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
    return kept


@dataclass
class ClipBatches:
    """Batches of clips of one length with the encoder's states; a batch is one item.

    `states` are float16 (n, frames, 384) per length, `rows` the clips of each.
    """

    states: "Sequence[torch.Tensor]"
    tokens: Sequence[Sequence[list[int]]]
    tokenizer: "Tokenizer"
    batch_size: int
    random: np.random.Generator = field(default_factory=np.random.default_rng)

    def __len__(self) -> int:
        return sum(-(-len(rows) // self.batch_size) for rows in self.tokens)

    def __getitem__(self, number: int) -> dict[str, Any]:
        counts = [-(-len(rows) // self.batch_size) for rows in self.tokens]
        group = int(np.searchsorted(np.cumsum(counts), number, side="right"))
        size = min(self.batch_size, len(self.tokens[group]))
        rows = self.random.choice(len(self.tokens[group]), size=size, replace=False)
        start, plain, end = (self.tokenizer.token_to_id(name) for name in (START, PLAIN, END))
        said = [self.tokens[group][row] for row in rows]
        return {
            "tokens": padded_tokens([[start, plain, *ids] for ids in said], end),
            "targets": padded_tokens([[IGNORED, *ids, end] for ids in said], IGNORED),
            "states": self.states[group][rows].float(),
        }


def hear_clips(
    recogniser: Recogniser,
    clips: Sequence[Clip],
    tokenizer: "Tokenizer",
    batch_size: int,
    seed: int,
) -> ClipBatches:
    """Let the encoder hear all clips once: 0.3 MB of states per second of sound."""
    import torch

    groups: list[list[Clip]] = [[] for _ in LENGTHS]
    for clip in clips:
        needs = len(clip.samples) / SAMPLE_RATE + _SILENCE
        groups[min(int(np.searchsorted(LENGTHS, needs)), len(LENGTHS) - 1)].append(clip)
    states, tokens = [], []
    for seconds, group in zip(LENGTHS, groups, strict=True):
        if not group:
            continue
        heard = []
        for first in range(0, len(group), batch_size):
            frames = torch.stack([_frames(c, seconds) for c in group[first : first + batch_size]])
            with torch.inference_mode(), half_precision(frames.device):
                heard.append(recogniser.hear(frames).half())
        states.append(torch.cat(heard).clone())
        coded = tokenizer.encode_batch([" " + clip.written for clip in group])
        tokens.append([row.ids for row in coded])
    return ClipBatches(states, tokens, tokenizer, batch_size, np.random.default_rng(seed))


def _frames(clip: Clip, seconds: float) -> "torch.Tensor":
    n_samples = int(seconds * SAMPLE_RATE)
    padded = np.zeros(n_samples, np.float32)
    padded[: len(clip.samples)] = clip.samples[:n_samples].astype(np.float32) / 32768
    return log_mel(padded)[:, : int(seconds * 100)]


def only(batch: list[dict[str, Any]]) -> dict[str, Any]:
    """The collation of batches that are made already."""
    (made,) = batch
    return made
