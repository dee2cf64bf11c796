"""Labelled face stills: FER2013 with the votes of FERPlus.

FER2013 (Goodfellow et al. 2013, "Challenges in Representation Learning") has one label per face
and no identities: the same person may stand on both sides of its official split. FERPlus
(Barsoum et al. 2016, "Training Deep Networks for Facial Expression Recognition with
Crowd-Sourced Label Distribution") has ten votes per face. Votes for contempt, unknown and
not-a-face are dropped and the rest is normalised; a face where they are the majority is left
out of training, never out of a test.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.corpora.archives import MEMBER
from lab.corpora.face_tables import Usage, face_rows, face_table, picture
from lab.corpora.labels import FER2013_LABELS, FERPLUS_LABELS
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.errors import InputError


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


def read_fer2013(table: Path, usage: Usage, votes: Path | None = None) -> LabelledFaces:
    """Read one official part of FER2013.

    `table` is `fer2013.parquet` (with votes), Kaggle's `fer2013.csv` or `icml_face_data.csv`,
    a folder that holds one of them, or a folder of pictures as `train/angry/1.jpg`. `votes` is
    FERPlus' `fer2013new.csv`, by default the one beside a CSV where there is one. Folders that
    call a part `test` have both official tests in it: it is read as `PrivateTest`.

    Raises `InputError` where the table is missing or has no such columns.
    """
    rows = face_rows(table, votes)
    chosen = [row for row, part in enumerate(rows.usages) if part == usage]
    if not chosen:
        raise InputError(f"{table} has no faces of the part {usage} of FER2013; fetch it anew.")
    order = np.array([EMOTIONS.index(name) for name in FER2013_LABELS])
    return LabelledFaces(
        images=np.stack([picture(rows.images[row]) for row in chosen]),
        labels=order[np.asarray(rows.labels, dtype=np.int64)[chosen]],
        votes=np.stack([_vote_shares(rows.votes[row]) for row in chosen]),
    )


def read_face_clips(table: Path) -> list[LabelledClip]:
    """Read all of FER2013 as clips of one picture, `fer2013.parquet::12`, in the table's order.

    Nobody knows who is who: each face is a speaker of its own, so that a split by speaker proves
    nothing here; `published_split` is the official part. `table` is as in `read_fer2013`.
    """
    rows = face_rows(table)
    home = face_table(table)
    return [
        LabelledClip(
            corpus="fer2013",
            source=str(image) if isinstance(image, Path) else f"{home}{MEMBER}{row}",
            label=FER2013_LABELS[label],
            emotion=FER2013_LABELS[label],
            speaker=f"face {row}",
            published_split=usage,
        )
        for row, (image, label, usage) in enumerate(
            zip(rows.images, rows.labels, rows.usages, strict=True)
        )
    ]


def _vote_shares(votes: Sequence[int] | None) -> NDArray[np.float32]:
    shares = np.zeros(len(EMOTIONS), dtype=np.float32)
    for name, count in zip(FERPLUS_LABELS, votes or [], strict=False):
        if name is not None:
            shares[EMOTIONS.index(name)] = count
    kept = float(shares.sum())
    if not votes or kept <= sum(votes) / 2:
        return np.zeros_like(shares)
    return shares / np.float32(kept)
