"""From local speakers with a cluster each to who is active in every frame of the recording."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.values import Seconds

FRAME_STEP: Seconds = 270 / 16_000
"""Step between two frames of the segmentation network: 16.9 ms."""

FRAME_MIDDLE: Seconds = 495 / 16_000
"""Middle of the first frame, whose receptive field is 991 samples."""

_BLOCK_FRAMES = 20_000
_SILENT = -1


@dataclass(frozen=True)
class Activity:
    """Who is active in each frame: arrays of shape (frames, speakers).

    `exclusive` has at most one speaker per frame; `confidence` in [0, 1] is the mean over the
    chunks of how surely somebody speaks times how surely it is that speaker.
    """

    active: NDArray[np.bool_]
    exclusive: NDArray[np.bool_]
    confidence: NDArray[np.float16]


def reconstruct(
    scores: NDArray[np.uint8],
    clusters: NDArray[np.int64],
    certainty: NDArray[np.float32],
    step: Seconds,
    onset: float,
) -> Activity:
    """Let overlapping chunks vote on who is active in each frame.

    `scores` are probabilities times 255 of shape (chunks, frames, local speakers); `clusters`
    names each local speaker's speaker, or -1 where there is none, shape (chunks, local
    speakers), with `certainty` of the same shape. As in pyannote, the rounded mean of the chunks'
    counts says how many speak in a frame, and the best scored speakers are they; done in blocks
    of frames, so that memory grows with one byte per frame and speaker.
    """
    starts = np.rint(np.arange(len(scores)) * step / FRAME_STEP).astype(np.int64)
    length = scores.shape[1]
    frames = int(starts[-1]) + length
    speakers = int(clusters.max(initial=_SILENT)) + 1
    whole = Activity(
        np.zeros((frames, speakers), bool),
        np.zeros((frames, speakers), bool),
        np.zeros((frames, speakers), np.float16),
    )
    for first in range(0, frames, _BLOCK_FRAMES):
        last = min(frames, first + _BLOCK_FRAMES)
        inside = slice(
            np.searchsorted(starts + length, first, side="right"), np.searchsorted(starts, last)
        )
        votes = _Votes(first, last, speakers)
        for chunk in range(inside.start, inside.stop):
            votes.add(int(starts[chunk]), scores[chunk], clusters[chunk], certainty[chunk], onset)
        block = votes.decide()
        whole.active[first:last] = block.active
        whole.exclusive[first:last] = block.exclusive
        whole.confidence[first:last] = block.confidence
    return whole


class _Votes:
    """Sums over the chunks that reach into one block of frames."""

    def __init__(self, first: int, last: int, speakers: int) -> None:
        self._first, self._last = first, last
        self._score = np.zeros((last - first, speakers), np.float32)
        self._sure = np.zeros((last - first, speakers), np.float32)
        self._count = np.zeros(last - first, np.float32)
        self._chunks = np.zeros(last - first, np.float32)

    def add(
        self,
        start: int,
        scores: NDArray[np.uint8],
        clusters: NDArray[np.int64],
        certainty: NDArray[np.float32],
        onset: float,
    ) -> None:
        """Add one chunk that begins at frame `start`."""
        low, high = max(start, self._first), min(start + len(scores), self._last)
        rows = slice(low - self._first, high - self._first)
        seen = scores[low - start : high - start].astype(np.float32) / 255
        self._chunks[rows] += 1
        self._count[rows] += (seen[:, clusters != _SILENT] > onset).sum(axis=1)
        for speaker in np.unique(clusters[clusters != _SILENT]):
            own = np.flatnonzero(clusters == speaker)
            best = seen[:, own].max(axis=1)
            self._score[rows, speaker] += best
            self._sure[rows, speaker] += best * certainty[own].max()

    def decide(self) -> Activity:
        """Let the best scored speakers of every frame be active, as many as were counted."""
        count = np.rint(self._count / np.maximum(self._chunks, 1)).astype(np.int64)
        rank = np.argsort(np.argsort(-self._score, axis=1, kind="stable"), axis=1)
        active = (rank < count[:, None]) & (self._score > 0)
        confidence = self._sure / np.maximum(self._chunks, 1)[:, None]
        return Activity(active, active & (rank == 0), confidence.astype(np.float16))
