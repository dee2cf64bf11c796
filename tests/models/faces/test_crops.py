"""Crops are FER2013's squares, upright, and worth what they show."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.faces.crops import CROP, crop_quality, cut_face
from models.protocols import FaceBox

sizes = st.floats(1, 400)
places = st.floats(-300, 900)


@given(places, places, sizes, sizes)
def test_any_box_gives_a_crop(x: float, y: float, width: float, height: float) -> None:
    picture = np.arange(120 * 200, dtype=np.uint8).reshape(120, 200)
    assert cut_face(picture, FaceBox(x, y, width, height, 1.0)).shape == (CROP, CROP)


def test_a_crop_is_the_square_around_the_box() -> None:
    picture = np.zeros((200, 200), np.uint8)
    picture[50:150, 40:140] = 200
    crop = cut_face(picture, FaceBox(50, 52, 80, 100, 1.0))
    assert crop.min() == 200
    assert cut_face(picture, FaceBox(0, 52, 80, 100, 1.0)).min() == 0


def test_outside_the_picture_its_edge_repeats() -> None:
    picture = np.full((100, 100), 90, np.uint8)
    assert (cut_face(picture, FaceBox(80, 80, 60, 60, 1.0)) == 90).all()


def marks(tilt: float, at: tuple[float, float] = (100, 100), apart: float = 40) -> FaceBox:
    """A face whose eyes are turned by so many degrees."""
    points = [(-0.5, -0.35), (0.5, -0.35), (0, 0.05), (-0.4, 0.5), (0.4, 0.5)]
    turn = np.radians(tilt)
    turned = [
        (
            at[0] + apart * (x * np.cos(turn) - y * np.sin(turn)),
            at[1] + apart * (x * np.sin(turn) + y * np.cos(turn)),
        )
        for x, y in points
    ]
    return FaceBox(at[0] - 50, at[1] - 60, 100, 120, 1.0, tuple(turned))


def drawn(box: FaceBox) -> NDArray[np.uint8]:
    picture = np.full((200, 200), 128, np.uint8)
    for x, y in (box.landmarks or ())[:2]:
        cv2.circle(picture, (round(x), round(y)), 6, 0, -1)
    return picture


def eye_rows(crop: NDArray[np.uint8]) -> tuple[float, float]:
    rows = [np.argwhere(half < 60)[:, 0].mean() for half in (crop[:, :24], crop[:, 24:])]
    return float(rows[0]), float(rows[1])


@pytest.mark.parametrize("tilt", [-25.0, 20.0])
def test_a_head_that_is_tilted_is_turned_upright(tilt: float) -> None:
    box = marks(tilt)
    left, right = eye_rows(cut_face(drawn(box), box))
    assert abs(left - right) < 1.5
    unturned = FaceBox(box.x, box.y, box.width, box.height, 1.0)
    left, right = eye_rows(cut_face(drawn(box), unturned))
    assert abs(left - right) > 4


def test_small_blurred_dark_and_averted_faces_are_worth_less() -> None:
    random = np.random.default_rng(0)
    sharp = random.integers(40, 210, (CROP, CROP), dtype=np.uint8)
    box = marks(0)
    assert crop_quality(sharp, box) == 1.0
    assert crop_quality(cv2.GaussianBlur(sharp, (0, 0), 4), box) < 0.5
    assert crop_quality((sharp // 12).astype(np.uint8), box) < 0.7
    small = FaceBox(0, 0, 20, 24, 1.0)
    assert crop_quality(sharp, small) == 0.5
    (right, left, _, *mouth) = box.landmarks or ()
    averted = FaceBox(box.x, box.y, 100, 120, 1.0, (right, left, (left[0], 102), *mouth))
    assert crop_quality(sharp, averted) < 0.3
