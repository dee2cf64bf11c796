"""Drawn faces: a filled oval with two eyes and a mouth that opens while its owner speaks."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces.synthetic import FACE_BGR
from tests.material.sounds import Spoken

BACKGROUND_BGR = (60, 40, 30)
_SYLLABLES_PER_SECOND = 4.0


def draw_meeting(
    time: float,
    faces: Sequence[int],
    spoken: Sequence[Spoken],
    size: tuple[int, int] = (320, 180),
    face_bgr: tuple[int, int, int] = FACE_BGR,
) -> NDArray[np.uint8]:
    """Return the BGR picture at `time`: the speakers of `faces` side by side, talking or not."""
    width, height = size
    picture = np.full((height, width, 3), BACKGROUND_BGR, dtype=np.uint8)
    for place, speaker in enumerate(faces):
        center = (int(width * (2 * place + 1) / (2 * len(faces))), height // 2)
        talking = any(t.speaker == speaker and t.start <= time < t.end for t in spoken)
        phase = 0.5 - 0.5 * np.cos(2 * np.pi * _SYLLABLES_PER_SECOND * time)
        _draw_face(picture, center, height // 3, float(phase) if talking else 0.0, face_bgr)
    return picture


def _draw_face(
    picture: NDArray[np.uint8],
    center: tuple[int, int],
    radius: int,
    mouth: float,
    color: tuple[int, int, int],
) -> None:
    x, y = center
    cv2.ellipse(picture, center, (int(radius * 0.75), radius), 0, 0, 360, color, -1)
    for side in (-1, 1):
        cv2.circle(picture, (x + side * radius // 3, y - radius // 4), radius // 10, (20,) * 3, -1)
    opening = max(1, int(radius * 0.25 * mouth))
    cv2.ellipse(picture, (x, y + radius // 2), (radius // 3, opening), 0, 0, 360, (30,) * 3, -1)
