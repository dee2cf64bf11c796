"""The face detector: YuNet, run by OpenCV.

Wu et al. 2023, "YuNet: A Tiny Millisecond-level Face Detector".
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import SHIPPED, file_digest
from models.protocols import FaceBox
from schemas.errors import WeightsError
from schemas.settings import WeightSettings

SHIPPED_YUNET = SHIPPED / "face_detector.onnx"

_LONGEST_SIDE = 1280
"""Bigger pictures are scaled down to this before the search, in pixels."""

_CERTAINTY = 0.7
_OVERLAP = 0.3


class YuNetDetector:
    """YuNet from the file that ships, or the ONNX file or folder of `weights.face_detector`."""

    name = "yunet"

    def __init__(self, weights: WeightSettings) -> None:
        import cv2

        path = _onnx_file(weights.face_detector)
        self.digest = file_digest(path)
        try:
            self._network: Any = cv2.FaceDetectorYN.create(
                str(path), "", (320, 320), _CERTAINTY, _OVERLAP
            )
        except cv2.error as error:
            raise WeightsError(f"{path} is no YuNet face detector: {error}") from error

    def detect(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        """Return the faces of one BGR image, the largest first."""
        small, scale = shrink(image, _LONGEST_SIDE)
        self._network.setInputSize((small.shape[1], small.shape[0]))
        _, found = self._network.detect(small)
        boxes = [] if found is None else [_yunet_box(row * scale, row[14]) for row in found]
        return largest_first(boxes)


def _onnx_file(named: str) -> Path:
    path = Path(named).expanduser() if named else SHIPPED_YUNET
    if path.is_dir():
        path = next(iter(sorted(path.glob("*yunet*.onnx"))), path / "face_detection_yunet.onnx")
    if not path.is_file():
        raise WeightsError(
            f"The face detector YuNet is not at '{path}'; leave weights.face_detector empty for "
            "the one that ships, or set it to an ONNX file of YuNet."
        )
    return path


def _yunet_box(row: NDArray[np.float32], certainty: float) -> FaceBox:
    marks = tuple((float(x), float(y)) for x, y in row[4:14].reshape(5, 2))
    x, y, width, height = (float(value) for value in row[:4])
    return FaceBox(x, y, width, height, float(np.clip(certainty, 0, 1)), marks)


def shrink(image: NDArray[np.uint8], longest: int) -> tuple[NDArray[np.uint8], float]:
    """Scale an image down to a longest side; return it and pixels of before per pixel of after."""
    import cv2

    side = max(image.shape[:2])
    if side <= longest:
        return image, 1.0
    size = (round(image.shape[1] * longest / side), round(image.shape[0] * longest / side))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8), side / longest


def largest_first(boxes: list[FaceBox]) -> list[FaceBox]:
    """Boxes by falling area."""
    return sorted(boxes, key=lambda box: -box.width * box.height)
