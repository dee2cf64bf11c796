"""Detectors find real and drawn faces, and nothing where there is none."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray

from models.checkpoint import file_digest
from models.faces.detectors import SHIPPED_YUNET, YuNetDetector
from models.faces.synthetic import FACE_BGR, DrawnFaceDetector
from models.faces.tracking import overlap
from models.protocols import FaceBox, FaceDetector
from models.registry import identify, load_engine
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


@pytest.mark.parametrize("scale", [0.15, 1.0, 2.5])
def test_yunet_finds_one_face_at_any_size(portrait: NDArray[np.uint8], scale: float) -> None:
    detector = YuNetDetector(WeightSettings())
    assert finds_the_portrait(detector, portrait, scale)
    marks = detector.detect(portrait)[0].landmarks
    assert marks is not None
    right_eye, left_eye, nose, *_ = marks
    assert right_eye[0] < nose[0] < left_eye[0]


def test_yunet_sees_no_face_in_noise_or_slides() -> None:
    detector = YuNetDetector(WeightSettings())
    assert [detector.detect(picture) for picture in pictures_without_faces()] == [[], [], []]


def test_auto_is_the_yunet_that_ships_and_a_file_of_the_settings_wins(tmp_path: Path) -> None:
    other = tmp_path / "yunet_of_mine.onnx"
    other.write_bytes(SHIPPED_YUNET.read_bytes())
    shipped, named = WeightSettings(), WeightSettings(face_detector=str(tmp_path))
    assert load_engine("face_detector", "auto", shipped).name == "yunet"
    assert load_engine("face_detector", "auto", named).digest == file_digest(other)
    assert identify("face_detector", "auto", shipped) != identify("face_detector", "auto", named)


def test_a_missing_or_wrong_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"YuNet is not at .*gone\.onnx"):
        YuNetDetector(WeightSettings(face_detector=str(tmp_path / "gone.onnx")))
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
