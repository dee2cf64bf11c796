"""Crops are FER2013's squares, and a mouth's motion is told from a head's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.faces.crops import CROP, cut_face, mouth_motion
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


def test_a_mouth_that_opens_counts_and_a_face_that_shakes_does_not() -> None:
    random = np.random.default_rng(0)
    still = random.integers(0, 255, (CROP, CROP), dtype=np.uint8)
    talking = still.copy()
    talking[32:42, 16:32] = 255 - talking[32:42, 16:32]
    shaken = np.roll(still, 2, axis=1)
    assert mouth_motion(still, talking) > 0.2
    assert abs(mouth_motion(still, shaken)) < 0.2
    assert mouth_motion(still, still) == 0.0
