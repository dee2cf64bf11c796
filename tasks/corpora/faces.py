"""Labelled face stills: FER2013 with the votes of FERPlus.

FER2013 (Goodfellow et al. 2013, "Challenges in Representation Learning") has one label per face
and no identities: the same person may stand on both sides of its official split. FERPlus
(Barsoum et al. 2016, "Training Deep Networks for Facial Expression Recognition with
Crowd-Sourced Label Distribution") has ten votes per face. Votes for contempt, unknown and
not-a-face are dropped and the rest is normalised; a face where they are the majority is left
out of training, never out of a test.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from schemas.emotions import EMOTIONS, Emotion
from schemas.errors import InputError

Usage = Literal["Training", "PublicTest", "PrivateTest"]

FER2013_LABELS: tuple[Emotion, ...] = (
    "angry",
    "disgust",
    "fearful",
    "happy",
    "sad",
    "surprised",
    "neutral",
)
"""FER2013's own order of labels, in our names."""

FERPLUS_LABELS: tuple[Emotion | None, ...] = (
    "neutral",
    "happy",
    "surprised",
    "sad",
    "angry",
    "disgust",
    "fearful",
    None,  # contempt
    None,  # unknown
    None,  # not a face
)
"""FERPlus' own order of votes; None is dropped."""


@dataclass(frozen=True)
class LabelledFaces:
    """Gray faces of one part of FER2013.

    `images` has shape (n, 48, 48) uint8; `labels` (n,) are FER2013's, as indices of `EMOTIONS`;
    `votes` (n, 7) the shares of the FERPlus votes, a row of zeros where the majority saw no
    emotion of ours (or no votes are known).
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    votes: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.intp]) -> "LabelledFaces":
        """Return the faces at these rows."""
        return LabelledFaces(self.images[rows], self.labels[rows], self.votes[rows])


def read_fer2013(table: Path, usage: Usage) -> LabelledFaces:
    """Read one official part of FER2013 from `fer2013.parquet`.

    Raises `InputError` where the table is missing or has no such columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = ["image", "label", "ferplus_votes"]
        rows = pq.read_table(table, columns=columns, filters=[("usage", "==", usage)])
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise InputError(f"{table} is no table of FER2013 faces: {error}.") from error
    order = np.array([EMOTIONS.index(name) for name in FER2013_LABELS])
    return LabelledFaces(
        images=np.stack([_decode(image) for image in rows["image"].to_pylist()]),
        labels=order[np.asarray(rows["label"], dtype=np.int64)],
        votes=np.stack([_vote_shares(votes) for votes in rows["ferplus_votes"].to_pylist()]),
    )


def _decode(image: bytes) -> NDArray[np.uint8]:
    import cv2

    decoded = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_GRAYSCALE)
    if decoded is None:
        raise InputError("A face of FER2013 is no readable picture; fetch the table anew.")
    return np.asarray(decoded, dtype=np.uint8)


def _vote_shares(votes: list[int] | None) -> NDArray[np.float32]:
    shares = np.zeros(len(EMOTIONS), dtype=np.float32)
    for name, count in zip(FERPLUS_LABELS, votes or [], strict=False):
        if name is not None:
            shares[EMOTIONS.index(name)] = count
    kept = float(shares.sum())
    if not votes or kept <= sum(votes) / 2:
        return np.zeros_like(shares)
    return shares / np.float32(kept)
