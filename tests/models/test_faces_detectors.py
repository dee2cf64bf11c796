"""Detectors find real and drawn faces, and nothing where there is none."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray

from models.faces.detectors import CascadeDetector, YuNetDetector, best_detector
from models.faces.synthetic import FACE_BGR, DrawnFaceDetector
from models.faces.tracking import overlap
from models.protocols import FaceBox, FaceDetector
from schemas.errors import WeightsError
from schemas.settings import WeightSettings

HOPPER_FACE = FaceBox(166, 85, 180, 205, 1.0)
"""Where the face is in matplotlib's portrait of Grace Hopper (public domain)."""


@pytest.fixture(scope="module")
def portrait() -> NDArray[np.uint8]:
    with get_sample_data("grace_hopper.jpg") as file:
        coded = np.frombuffer(file.read(), np.uint8)
    image = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, dtype=np.uint8)


def pictures_without_faces() -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(0)
    noise = random.integers(0, 255, (360, 640, 3), dtype=np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 9)
    slide = np.full((360, 640, 3), 245, np.uint8)
    for row in range(10):
        text = "Revenue by quarter and region " + str(row)
        cv2.putText(slide, text, (20, 40 + 32 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (20,) * 3, 2)
    return [noise, cv2.normalize(blurred, None, 0, 255, cv2.NORM_MINMAX), slide]  # type: ignore[call-overload]


def finds_the_portrait(detector: FaceDetector, image: NDArray[np.uint8], scale: float) -> bool:
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    found = detector.detect(np.asarray(cv2.resize(image, size), dtype=np.uint8))
    assert len(found) == 1
    box = found[0]
    at_full_size = FaceBox(
        box.x / scale, box.y / scale, box.width / scale, box.height / scale, box.certainty
    )
    return overlap(at_full_size, HOPPER_FACE) > 0.5 and 0.5 <= box.certainty <= 1.0


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.5])
def test_cascades_find_one_face_at_any_size(portrait: NDArray[np.uint8], scale: float) -> None:
    assert finds_the_portrait(CascadeDetector(WeightSettings()), portrait, scale)


@pytest.mark.needs_shared
@pytest.mark.parametrize("scale", [0.15, 1.0, 2.5])
def test_yunet_finds_one_face_at_any_size(
    portrait: NDArray[np.uint8], scale: float, shared: Path
) -> None:
    detector = YuNetDetector(WeightSettings(face_detector=str(shared / "weights" / "yunet")))
    assert finds_the_portrait(detector, portrait, scale)
    marks = detector.detect(portrait)[0].landmarks
    assert marks is not None
    right_eye, left_eye, nose, *_ = marks
    assert right_eye[0] < nose[0] < left_eye[0]


def test_cascades_see_no_face_in_noise_or_slides() -> None:
    detector = CascadeDetector(WeightSettings())
    assert [detector.detect(picture) for picture in pictures_without_faces()] == [[], [], []]


@pytest.mark.needs_shared
def test_yunet_sees_no_face_in_noise_or_slides(shared: Path) -> None:
    detector = YuNetDetector(WeightSettings(face_detector=str(shared / "weights" / "yunet")))
    assert [detector.detect(picture) for picture in pictures_without_faces()] == [[], [], []]


def test_best_detector_is_the_cascades_without_a_file() -> None:
    assert best_detector(WeightSettings()).name == "cascade"


@pytest.mark.needs_shared
def test_best_detector_is_yunet_with_its_file(shared: Path) -> None:
    file = next((shared / "weights" / "yunet").glob("*.onnx"))
    assert best_detector(WeightSettings(face_detector=str(file))).name == "yunet"


def test_a_missing_or_wrong_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"YuNet is not at .*cascade"):
        best_detector(WeightSettings(face_detector=str(tmp_path / "gone.onnx")))
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    with pytest.raises(WeightsError, match="is no YuNet"):
        YuNetDetector(WeightSettings(face_detector=str(tmp_path / "broken.onnx")))


def test_drawn_faces_are_found_largest_first() -> None:
    image = np.zeros((180, 320, 3), np.uint8)
    cv2.ellipse(image, (80, 90), (20, 30), 0, 0, 360, FACE_BGR, -1)
    cv2.ellipse(image, (240, 90), (30, 40), 0, 0, 360, FACE_BGR, -1)
    boxes = DrawnFaceDetector(WeightSettings()).detect(image)
    assert [(round(box.x), round(box.height)) for box in boxes] == [(210, 81), (60, 61)]
    assert all(box.certainty > 0.9 for box in boxes)
