"""Segment a recording block by block and embed the local speakers of each chunk.

Two segmentation networks look through windows of 5 and 10 seconds; their votes are joined later.
The speaker encoder's layers run over the sound once, and what a local speaker sounds like is
pooled from the frames in which they speak alone: cutting their frames out and encoding those costs
ten times as much and tells voices apart no better.
"""

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.diarization.campplus import DIMENSION, CampPlus, log_mels
from models.diarization.segmentation import LOCAL_SPEAKERS, SegmentationNetwork
from models.protocols import Waveform
from schemas.values import SAMPLE_RATE, Seconds

ONSET = 0.5
"""Probability over which a local speaker is active."""

STEPS: dict[str, Seconds] = {"segmentation": 1.0, "segmentation-3.0": 2.0}
"""From one window of a network to its next."""

_LONGEST_BLOCK: Seconds = 240.0
_SHORTEST_BLOCK: Seconds = 60.0
"""Sound that is listened to at once; a block reaches 10 s into the next one, so short ones cost."""

_HOP: Seconds = 10.0
_MARGIN: Seconds = 1.0
"""The encoder runs over pieces of 12 s of which the inner 10 are kept."""

_FRAME_RATE = 50
"""Frames a second that come out of the encoder's layers."""

_LEVEL = 0.05
"""Root mean square to which sound in [-1, 1] is brought for the encoder."""
_SOFTEST = 1e-6

_CLEAN: Seconds = 0.4
"""Speech alone that is preferred over all speech of a local speaker."""

_FEWEST_FRAMES = 8
"""Encoder frames under which there is no voice to speak of: 0.16 s."""


@dataclass(frozen=True)
class LocalSpeakers:
    """Who speaks inside each chunk of one network, before chunks agree on who is who.

    `scores` are probabilities times 255, shape (chunks, frames, 3); `embeddings` unit rows of
    shape (chunks, 3, 192), NaN where a local speaker is silent; `clean` the seconds in which a
    local speaker speaks alone, shape (chunks, 3). Chunk `i` begins at `i * step`.
    """

    scores: NDArray[np.uint8]
    embeddings: NDArray[np.float16]
    clean: NDArray[np.float32]
    step: Seconds
    window: Seconds


class Listener:
    """Runs the networks over recordings of any length; memory grows by 4 kB for a second."""

    def __init__(
        self,
        segmentations: Sequence[tuple[SegmentationNetwork, Seconds]],
        encoder: CampPlus | None,
        device: torch.device,
        batch: int,
    ) -> None:
        """Take segmentation networks with their steps, the first one being the leading one.

        Without an encoder nobody can be told apart: only `listen(embed=False)` works.
        """
        self._segmentations = [(network.to(device), step) for network, step in segmentations]
        self._encoder = None if encoder is None else encoder.to(device)
        self._device = device
        self._batch = batch

    def listen(self, waveform: Waveform, embed: bool = True) -> list[LocalSpeakers]:
        """Segment and embed a recording; without `embed`, embeddings are NaN.

        Returns the local speakers of each segmentation network, in their order.
        """
        length = _block_of(waveform.duration)
        starts = np.arange(0.0, max(waveform.duration, 1e-3), length)

        def block(start: float) -> list[LocalSpeakers]:
            return list(self._block(waveform, float(start), length, embed))

        # Steps of an LSTM are too small to share: a block per thread, one thread per block.
        with ThreadPoolExecutor(
            _workers(), initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            blocks = list(pool.map(block, starts))
        return [_joined(parts) for parts in zip(*blocks, strict=True)]

    def _block(
        self, waveform: Waveform, start: Seconds, length: Seconds, embed: bool
    ) -> Iterator[LocalSpeakers]:
        """Listen to the chunks that begin in a block; the last ones may reach beyond it."""
        longest = max(network.kind.window for network, _ in self._segmentations)
        sound = torch.from_numpy(waveform.read(start, start + length + longest)).to(self._device)
        end = min(waveform.duration - start, length + longest)
        features = self._features(waveform, start, end) if embed else None
        for network, step in self._segmentations:
            window = network.kind.window
            left = waveform.duration - start - window
            count = min(
                round(length / step), max(1 if start == 0 else 0, math.ceil(left / step) + 1)
            )
            yield self._chunks(network, sound, features, step, max(0, count))

    def _chunks(
        self,
        network: SegmentationNetwork,
        sound: Tensor,
        features: Tensor | None,
        step: Seconds,
        count: int,
    ) -> LocalSpeakers:
        window = network.kind.window
        length, hop = round(window * SAMPLE_RATE), round(step * SAMPLE_RATE)
        windows = sound.unfold(0, length, hop)[:count]
        with torch.inference_mode():
            made = [
                network(batch).cpu() for batch in torch.split(windows, self._batch) if len(batch)
            ]
        scores = torch.cat(made) if made else torch.zeros(0, 1, LOCAL_SPEAKERS)
        active = scores > ONSET
        alone = active & (active.sum(dim=2, keepdim=True) < 2)
        clean = alone.sum(dim=1) * (window / scores.shape[1])
        embeddings = torch.full((len(scores), LOCAL_SPEAKERS, DIMENSION), math.nan)
        if features is not None:
            chosen = torch.where(clean[:, None] >= _CLEAN, alone, active)
            self._embed(features, chosen, step, window, embeddings)
        return LocalSpeakers(
            scores=(scores * 255).round().to(torch.uint8).numpy(),
            embeddings=embeddings.half().numpy(),
            clean=clean.float().numpy(),
            step=step,
            window=window,
        )

    def _features(self, waveform: Waveform, start: Seconds, seconds: Seconds) -> Tensor:
        """Return the encoder's features of a block, shape (frames, 512)."""
        assert self._encoder is not None
        kept: list[Tensor] = []
        for at in np.arange(0.0, seconds, _HOP):
            before = min(_MARGIN, start + at)
            first = start + at - before
            last = min(start + at + _HOP + _MARGIN, waveform.duration)
            mels = log_mels(levelled(torch.from_numpy(waveform.read(first, last))))
            if not len(mels):
                break
            with torch.inference_mode():
                piece = self._encoder.frames((mels - mels.mean(0))[None].to(self._device))
            skipped = round(before * _FRAME_RATE)
            kept.append(piece[0].T[skipped : skipped + round(_HOP * _FRAME_RATE)])
        return torch.cat(kept) if kept else torch.zeros(0, 2)

    def _embed(
        self, features: Tensor, chosen: Tensor, step: Seconds, window: Seconds, out: Tensor
    ) -> None:
        """Pool the chosen frames, shape (chunks, frames, 3), into embeddings of the same chunks."""
        frames = chosen.shape[1]
        places = (torch.arange(round(window * _FRAME_RATE)) + 0.5) * frames / window / _FRAME_RATE
        masks = chosen[:, places.long().clamp(max=frames - 1)].float().to(self._device)
        pooled: list[Tensor] = []
        rows: list[tuple[int, int]] = []
        for chunk, mask in enumerate(masks):
            first = round(chunk * step * _FRAME_RATE)
            own = features[first : first + len(mask)]
            weights = mask[: len(own)]
            size = weights.sum(dim=0)
            for speaker in torch.nonzero(size >= _FEWEST_FRAMES).flatten().tolist():
                said = own[weights[:, speaker] > 0]
                pooled.append(torch.cat([said.mean(0), said.std(0)]))
                rows.append((chunk, speaker))
        if not rows or self._encoder is None:
            return
        with torch.inference_mode():
            made = torch.nn.functional.normalize(self._encoder.embed(torch.stack(pooled)), dim=1)
        chunks, speakers = torch.tensor(rows).T
        out[chunks, speakers] = made.cpu()


def levelled(sound: Tensor) -> Tensor:
    """Bring sound to the encoder's level; very soft sound would vanish in its floor."""
    level = sound.square().mean().sqrt()
    return sound * (_LEVEL / max(float(level), _SOFTEST)) if len(sound) else sound


def _joined(parts: Sequence[LocalSpeakers]) -> LocalSpeakers:
    """Put the chunks of all blocks behind one another."""
    kept = [part for part in parts if len(part.scores)]
    return LocalSpeakers(
        scores=np.concatenate([part.scores for part in kept]),
        embeddings=np.concatenate([part.embeddings for part in kept]),
        clean=np.concatenate([part.clean for part in kept]),
        step=parts[0].step,
        window=parts[0].window,
    )


def _block_of(duration: Seconds) -> Seconds:
    """Return the length of blocks: as many for each core, a multiple of steps and of `_HOP`."""
    rounds = max(1, math.ceil(duration / _LONGEST_BLOCK / _workers()))
    share = math.ceil(duration / rounds / _workers() / _HOP) * _HOP
    return min(_LONGEST_BLOCK, max(_SHORTEST_BLOCK, share))


def _workers() -> int:
    """Return how many blocks are listened to at a time: one per core, four at most."""
    return max(1, min(os.cpu_count() or 1, 4))
