"""A detector of drawn faces for tests; an example of an engine."""

import numpy as np
from numpy.typing import NDArray

from models.faces.detectors import largest_first
from models.protocols import FaceBox
from schemas.settings import WeightSettings

FACE_BGR = (120, 180, 240)
"""The colour of a drawn face."""

_TOLERANCE = 40
"""How far a video codec may move a colour."""

_SMALLEST_AREA = 60


class DrawnFaceDetector:
    """Finds filled ovals of the colour `FACE_BGR`; deterministic, without weights."""

    name = "synthetic"
    digest = "drawn-ovals1"

    def __init__(self, weights: WeightSettings) -> None:
        pass

    def detect(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        """Return the ovals of one BGR image, the largest first; certain is how well filled."""
        import cv2

        low = np.clip(np.array(FACE_BGR) - _TOLERANCE, 0, 255).astype(np.uint8)
        high = np.clip(np.array(FACE_BGR) + _TOLERANCE, 0, 255).astype(np.uint8)
        mask = cv2.inRange(image, low, high)
        n_parts, _, parts, _ = cv2.connectedComponentsWithStats(mask)
        boxes = []
        for x, y, width, height, area in parts[1:n_parts].tolist():
            if area >= _SMALLEST_AREA:
                filled = min(1.0, area / (np.pi / 4 * width * height))
                boxes.append(FaceBox(x, y, width, height, filled))
        return largest_first(boxes)
