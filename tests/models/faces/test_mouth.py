"""A mouth's motion is told from a head's, and a photograph does not move."""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces.mouth import face_change, mouth_motion, upright_views
from models.protocols import FaceBox

Image = NDArray[np.uint8]
BOX = FaceBox(40, 30, 90, 120, 1.0)
STEP = 0.08


def head(mouth: int, shift: tuple[int, int] = (0, 0)) -> Image:
    """A drawn head whose mouth is open by so many pixels."""
    random = np.random.default_rng(0)
    picture = cv2.GaussianBlur(random.integers(60, 200, (180, 180), dtype=np.uint8), (0, 0), 3)
    middle = 85 + shift[0], 90 + shift[1]
    cv2.ellipse(picture, middle, (40, 58), 0, 0, 360, 190, -1)
    for side in (-16, 16):
        cv2.circle(picture, (middle[0] + side, middle[1] - 12), 5, 40, -1)
        cv2.line(
            picture,
            (middle[0] + side - 8, middle[1] - 24),
            (middle[0] + side + 8, middle[1] - 25),
            70,
            3,
        )
    cv2.ellipse(picture, (middle[0], middle[1] + 34), (16, 2 + mouth), 0, 0, 360, 60, -1)
    return np.asarray(picture, dtype=np.uint8)


def views(before: Image, after: Image) -> tuple[Image, Image]:
    first, second = upright_views((before, after), BOX)
    return first, second


def test_a_mouth_that_opens_counts_and_a_head_that_moves_does_not() -> None:
    opens = mouth_motion(*views(head(2), head(10)), STEP)
    moves = mouth_motion(*views(head(2), head(2, (3, 3))), STEP)
    assert opens.change > 0.1 > moves.change
    assert opens.opening > 3 * moves.opening
    assert opens.lips > moves.lips


def test_a_photograph_does_not_move() -> None:
    assert mouth_motion(*views(head(4), head(4)), STEP) == (0.0, 0.0, 0.0, 0.0)


def test_motion_is_given_per_time() -> None:
    near = mouth_motion(*views(head(2), head(10)), STEP)
    late = mouth_motion(*views(head(2), head(10)), 2 * STEP)
    assert np.isclose(late.lips, near.lips / 2)


def test_somebody_else_changes_the_whole_face() -> None:
    other = np.asarray(255 - head(2), dtype=np.uint8)
    assert face_change(*views(head(2), other)) > 0.4 > face_change(*views(head(2), head(10)))


def test_a_large_face_and_a_small_one_give_the_same_view() -> None:
    small = cv2.resize(head(6), (60, 60), interpolation=cv2.INTER_AREA)
    large = cv2.resize(head(6), (720, 720))
    (one,) = upright_views([np.asarray(small, np.uint8)], FaceBox(40 / 3, 10, 30, 40, 1.0))
    (other,) = upright_views([np.asarray(large, np.uint8)], FaceBox(160, 120, 360, 480, 1.0))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9
