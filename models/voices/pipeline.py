"""pyannote's speaker diarization, fed block by block so that hours never lie in memory."""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pyannote.audio.core.inference import Inference
from pyannote.audio.core.io import Audio
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.utils.signal import binarize

from models.protocols import Waveform
from schemas.values import SAMPLE_RATE, Seconds

if TYPE_CHECKING:
    from models.voices.embedding import WindowedSpeakerEmbedding

STEP_RATIO = 0.2
"""Step of the segmentation window over its duration: 1 s of 5 s."""

ONSET = 0.5
"""Probability over which a local speaker is active. On the clips tuned on, the error with an
oracle for the speakers moves by 0.5 points between 0.3 and 0.7."""

BLOCK_CHUNKS = 240
"""Chunks that are segmented and embedded at once: four minutes."""


@dataclass(frozen=True)
class LocalSpeakers:
    """Who speaks inside each chunk, before chunks agree on who is who.

    `scores` are probabilities times 255, shape (chunks, frames, 3); `embeddings` unit rows of
    shape (chunks, 3, 256), NaN where a local speaker is silent; `clean` the seconds in which a
    local speaker speaks alone, shape (chunks, 3). Chunk `i` begins at `i * step`.
    """

    scores: NDArray[np.uint8]
    embeddings: NDArray[np.float16]
    clean: NDArray[np.float32]
    step: Seconds


class BlockwiseSpeakerDiarization(SpeakerDiarization):  # type: ignore[misc]
    """pyannote's pipeline with its two networks given, and blocks of preloaded sound.

    Segmentation and embeddings are pyannote's own methods. Chunks are independent of each other,
    so that blocks give what one pass would give.
    """

    def __init__(
        self, segmentation: Any, embedding: "WindowedSpeakerEmbedding", batch: int
    ) -> None:
        # The parent's constructor loads a PLDA and a clusterer from the hub that are not used.
        super(SpeakerDiarization, self).__init__()
        duration = segmentation.specifications.duration
        self._segmentation = Inference(
            segmentation,
            duration=duration,
            step=STEP_RATIO * duration,
            skip_aggregation=True,
            batch_size=batch,
        )
        self._embedding = embedding
        self._audio = Audio(sample_rate=SAMPLE_RATE, mono="downmix")
        self.embedding_batch_size = 3 * batch
        self.training = False

    def listen(self, waveform: Waveform, embed: bool = True) -> LocalSpeakers:
        """Segment and embed a recording of any length; without `embed`, embeddings are NaN."""
        spans = self._spans(waveform.duration)

        def block(span: tuple[Seconds, Seconds]) -> LocalSpeakers:
            sound = torch.from_numpy(np.ascontiguousarray(waveform.read(*span)))[None]
            return self._block(span[0], sound, embed)

        # Steps of an LSTM are too small to share: a block per thread, one thread per block.
        with ThreadPoolExecutor(
            _workers(), initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            blocks = list(pool.map(block, spans))
        return LocalSpeakers(
            scores=np.concatenate([block.scores for block in blocks]),
            embeddings=np.concatenate([block.embeddings for block in blocks]),
            clean=np.concatenate([block.clean for block in blocks]),
            step=self._segmentation.step,
        )

    def _spans(self, total: Seconds) -> list[tuple[Seconds, Seconds]]:
        """Return the spans of the blocks: whole chunks, the last one to be padded."""
        duration, step = self._segmentation.duration, self._segmentation.step
        chunks = max(1, math.ceil((total - duration) / step) + 1)
        firsts = range(0, chunks, BLOCK_CHUNKS)
        lasts = [min(chunks, first + BLOCK_CHUNKS) - 1 for first in firsts]
        return [(a * step, b * step + duration) for a, b in zip(firsts, lasts, strict=True)]

    def _block(self, start: Seconds, sound: torch.Tensor, embed: bool) -> LocalSpeakers:
        file = {"waveform": sound, "sample_rate": SAMPLE_RATE, "uri": f"block at {start:g} s"}
        scores = self.get_segmentations(file)
        active = binarize(scores, onset=ONSET, initial_state=False)
        alone = active.data * (active.data.sum(axis=2, keepdims=True) < 2)
        chunks, frames, local = active.data.shape
        if embed and active.data.any():
            embeddings = self.get_embeddings(file, active, exclude_overlap=True)
        else:
            embeddings = np.full((chunks, local, self._embedding.dimension), np.nan)
        return LocalSpeakers(
            scores=np.rint(scores.data * 255).astype(np.uint8),
            embeddings=embeddings.astype(np.float16),
            clean=(alone.sum(axis=1) * (self._segmentation.duration / frames)).astype(np.float32),
            step=self._segmentation.step,
        )


def _workers() -> int:
    """Return how many blocks are listened to at a time: one per core, four at most."""
    return max(1, min(os.cpu_count() or 1, 4))
