"""Face detectors of OpenCV: YuNet where its file is there, Haar cascades else.

YuNet: Wu et al. 2023, "YuNet: A Tiny Millisecond-level Face Detector". Cascades: Viola and Jones
2001, with the trained files in OpenCV 4's wheel (OpenCV 5 has none).
"""

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import file_digest
from models.protocols import FaceBox, FaceDetector
from schemas.errors import WeightsError
from schemas.settings import WeightSettings

_LONGEST_SIDE = {"yunet": 640, "cascade": 480}
"""Bigger pictures are scaled down to this before the search, in pixels."""

_YUNET_CERTAINTY = 0.7
_YUNET_OVERLAP = 0.3

_FRONTAL = "haarcascade_frontalface_alt2.xml"
_PROFILE = "haarcascade_profileface.xml"
_FRONTAL_EDGE = 55.0
_PROFILE_EDGE = 0.0
"""Weights of the last stage under which YuNet saw no face either (1 % of the true ones), on
clips of frontal and turned faces."""

_SCALE_STEP = 1.1
_SMALLEST_FACE = 20
"""Side of the cascades' training window, in pixels."""


def best_detector(weights: WeightSettings) -> FaceDetector:
    """YuNet where `weights.face_detector` names its file or folder, else the cascades."""
    return YuNetDetector(weights) if weights.face_detector else CascadeDetector(weights)


class YuNetDetector:
    """OpenCV's YuNet, from the ONNX file (or its folder) that `weights.face_detector` names."""

    name = "yunet"

    def __init__(self, weights: WeightSettings) -> None:
        import cv2

        path = _onnx_file(weights.face_detector)
        self.digest = file_digest(path)
        try:
            self._network: Any = cv2.FaceDetectorYN.create(
                str(path), "", (320, 320), _YUNET_CERTAINTY, _YUNET_OVERLAP
            )
        except cv2.error as error:
            raise WeightsError(f"{path} is no YuNet face detector: {error}") from error

    def detect(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        """Return the faces of one BGR image, the largest first."""
        small, scale = shrink(image, _LONGEST_SIDE[self.name])
        self._network.setInputSize((small.shape[1], small.shape[0]))
        _, found = self._network.detect(small)
        boxes = [] if found is None else [_yunet_box(row * scale, row[14]) for row in found]
        return largest_first(boxes)


def _onnx_file(named: str) -> Path:
    path = Path(named)
    if path.is_dir():
        path = next(iter(sorted(path.glob("*yunet*.onnx"))), path / "face_detection_yunet.onnx")
    if not named or not path.is_file():
        raise WeightsError(
            f"The face detector YuNet is not at '{named}'; set weights.face_detector to its ONNX "
            f"file or engines.face_detector to 'cascade'."
        )
    return path


def _yunet_box(row: NDArray[np.float32], certainty: float) -> FaceBox:
    marks = tuple((float(x), float(y)) for x, y in row[4:14].reshape(5, 2))
    x, y, width, height = (float(value) for value in row[:4])
    return FaceBox(x, y, width, height, float(np.clip(certainty, 0, 1)), marks)


class CascadeDetector:
    """Haar cascades: frontal faces; where there are none, profiles to either side."""

    name = "cascade"

    def __init__(self, weights: WeightSettings) -> None:  # noqa: ARG002
        self._frontal = _Cascade(_FRONTAL, neighbours=5, certain_at=_FRONTAL_EDGE)
        self._profile = _Cascade(_PROFILE, neighbours=8, certain_at=_PROFILE_EDGE)
        seen = self._frontal.digest + self._profile.digest + repr(_LONGEST_SIDE)
        self.digest = hashlib.sha256(seen.encode()).hexdigest()[:12]

    def detect(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        """Return the faces of one BGR image, the largest first."""
        import cv2

        small, scale = shrink(image, _LONGEST_SIDE[self.name])
        gray = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        found = self._frontal.search(gray) or self._search_profiles(gray)
        return largest_first([_scaled(box, scale) for box in found])

    def _search_profiles(self, gray: NDArray[Any]) -> list[FaceBox]:
        """Search profiles to the left, then in the mirror to the right."""
        if left := self._profile.search(gray):
            return left
        mirrored = np.ascontiguousarray(gray[:, ::-1])
        width = gray.shape[1]
        return [
            FaceBox(width - box.x - box.width, box.y, box.width, box.height, box.certainty)
            for box in self._profile.search(mirrored)
        ]


class _Cascade:
    """One cascade; `certain_at` is the weight of its last stage at which it is half certain."""

    def __init__(self, file: str, neighbours: int, certain_at: float) -> None:
        import cv2

        folder = getattr(getattr(cv2, "data", None), "haarcascades", "")
        path = Path(folder) / file
        if not path.is_file():
            raise WeightsError(f"OpenCV has no cascade {file}; install opencv-python-headless 4.")
        self.digest = file_digest(path)
        self._classifier = cv2.CascadeClassifier(str(path))
        self._neighbours = neighbours
        self._certain_at = certain_at

    def search(self, gray: NDArray[Any]) -> list[FaceBox]:
        """Boxes of the faces in a gray picture."""
        found, _, weights = self._classifier.detectMultiScale3(
            gray,
            scaleFactor=_SCALE_STEP,
            minNeighbors=self._neighbours,
            minSize=(_SMALLEST_FACE, _SMALLEST_FACE),
            outputRejectLevels=True,
        )
        boxes = [
            FaceBox(float(x), float(y), float(width), float(height), self._certainty(weight))
            for (x, y, width, height), weight in zip(found, np.ravel(weights), strict=True)
        ]
        return [box for box in boxes if box.certainty >= 0.5]

    def _certainty(self, weight: float) -> float:
        return 1 / (1 + math.exp(self._certain_at - float(weight)))


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


def _scaled(box: FaceBox, scale: float) -> FaceBox:
    return FaceBox(
        box.x * scale, box.y * scale, box.width * scale, box.height * scale, box.certainty
    )
