"""Faces of listeners, as the face stage leaves them: their crops in a file, their rows in order."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.faces.crops import CROP
from schemas.speech import Faces, ListenerFace
from tasks.emotion.growing import CropFile

Listening = tuple[int, str, int, int]
"""Utterance, participant, gray level of the face (bright is happy, dark sad), number of crops."""


def listening(folder: Path, listeners: Sequence[Listening], tracks: Faces | None = None) -> Faces:
    """Return the faces of listeners, five pictures a second, beside those of speakers."""
    path = folder / "listeners.npy"
    faces = []
    with CropFile(path) as file:
        if tracks is not None and tracks.crops_path:
            for crop in np.load(tracks.crops_path):
                file.append(crop)
        for utterance, participant, gray, count in listeners:
            rows = [file.append(np.full((CROP, CROP), gray, np.uint8)) for _ in range(count)]
            faces.append(
                ListenerFace(
                    utterance_index=utterance,
                    participant=participant,
                    seconds=count / 5,
                    coverage=1.0,
                    times=tuple(i / 5 for i in range(count)),
                    rows=tuple(rows),
                )
            )
    before = tracks or Faces()
    return before.model_copy(update={"listeners": tuple(faces), "crops_path": str(path)})
