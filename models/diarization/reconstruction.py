"""Reconstruct each speaker's activity per frame from clustered local speakers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.diarization.segmentation import FRAME_STEP
from schemas.values import Seconds

_BLOCK_FRAMES = 20_000
_SILENT = -1
_IN_FAVOUR = 0.1
"""Added to the mean count of voices before it is rounded: more is missed than is invented."""


@dataclass(frozen=True)
class Activity:
    """Who is active in each frame: arrays of shape (frames, speakers).

    `exclusive` has at most one speaker per frame; `confidence` in [0, 1] is the mean over the
    chunks of how surely somebody speaks times how surely it is that speaker.
    """

    active: NDArray[np.bool_]
    exclusive: NDArray[np.bool_]
    confidence: NDArray[np.float16]


@dataclass(frozen=True)
class Layer:
    """The local speakers of one segmentation network, with their clusters.

    `scores` are probabilities times 255 of shape (chunks, frames, local speakers); `clusters`
    names each local speaker's speaker, or -1 where there is none, shape (chunks, local
    speakers), with `certainty` of the same shape. Chunk `i` begins at `i * step`.
    """

    scores: NDArray[np.uint8]
    clusters: NDArray[np.int64]
    certainty: NDArray[np.float32]
    step: Seconds

    @property
    def starts(self) -> NDArray[np.int64]:
        """The first frame of each chunk."""
        places = np.rint(np.arange(len(self.scores)) * self.step / FRAME_STEP)
        return np.asarray(places, np.int64)


def reconstruct(layers: Sequence[Layer], onset: float) -> Activity:
    """Let overlapping chunks of all networks vote on who is active in each frame.

    As in pyannote, the rounded mean of the chunks' counts says how many speak in a frame, and
    the best scored speakers are they; each network has an equal say. Done in blocks of frames,
    so that memory grows with one byte per frame and speaker.
    """
    frames = max(int(layer.starts[-1]) + layer.scores.shape[1] for layer in layers)
    speakers = max(int(layer.clusters.max(initial=_SILENT)) for layer in layers) + 1
    whole = Activity(
        np.zeros((frames, speakers), bool),
        np.zeros((frames, speakers), bool),
        np.zeros((frames, speakers), np.float16),
    )
    for first in range(0, frames, _BLOCK_FRAMES):
        last = min(frames, first + _BLOCK_FRAMES)
        block = _decide([_votes(layer, first, last, speakers, onset) for layer in layers])
        whole.active[first:last] = block.active
        whole.exclusive[first:last] = block.exclusive
        whole.confidence[first:last] = block.confidence
    return whole


def _votes(layer: Layer, first: int, last: int, speakers: int, onset: float) -> "_Votes":
    starts, length = layer.starts, layer.scores.shape[1]
    low = np.searchsorted(starts + length, first, side="right")
    votes = _Votes(first, last, speakers)
    for chunk in range(low, np.searchsorted(starts, last)):
        votes.add(
            int(starts[chunk]),
            layer.scores[chunk],
            layer.clusters[chunk],
            layer.certainty[chunk],
            onset,
        )
    return votes


class _Votes:
    """Sums over the chunks of a network that reach into one block of frames."""

    def __init__(self, first: int, last: int, speakers: int) -> None:
        self._first, self._last = first, last
        self.score = np.zeros((last - first, speakers), np.float32)
        self.sure = np.zeros((last - first, speakers), np.float32)
        self.count = np.zeros(last - first, np.float32)
        self.chunks = np.zeros(last - first, np.float32)

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
        self.chunks[rows] += 1
        self.count[rows] += (seen[:, clusters != _SILENT] > onset).sum(axis=1)
        for speaker in np.unique(clusters[clusters != _SILENT]):
            own = np.flatnonzero(clusters == speaker)
            best = seen[:, own].max(axis=1)
            self.score[rows, speaker] += best
            self.sure[rows, speaker] += best * certainty[own].max()


def _decide(votes: Sequence[_Votes]) -> Activity:
    """Let the best scored speakers of every frame be active, as many as were counted."""
    say = np.stack([1 / np.maximum(each.chunks, 1) for each in votes])
    say /= np.maximum(sum((each.chunks > 0).astype(np.float32) for each in votes), 1)
    count = sum(each.count * weight for each, weight in zip(votes, say, strict=True))
    score = sum(each.score * weight[:, None] for each, weight in zip(votes, say, strict=True))
    sure = sum(each.sure * weight[:, None] for each, weight in zip(votes, say, strict=True))
    rank = np.argsort(np.argsort(-score, axis=1, kind="stable"), axis=1)
    active = (rank < np.rint(count + _IN_FAVOUR)[:, None]) & (score > 0)
    return Activity(active, active & (rank == 0), np.asarray(sure, np.float16))
