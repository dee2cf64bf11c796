"""How a mouth moves from one picture to the next, apart from the head.

Both pictures are brought to one upright view of the face by its landmarks. Dense optical flow
(Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search") gives how the lips move
against eyes and forehead; the change of gray levels adds what flow does not see, such as teeth.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.faces.boxes import moved
from models.faces.view import Gray
from models.protocols import FaceBox
from schemas.values import Seconds

_SIDE = 64
_MARKS = np.array(
    [(0.34, 0.40), (0.66, 0.40), (0.5, 0.58), (0.375, 0.76), (0.625, 0.76)], np.float32
)
"""Where eyes, nose and corners of the mouth lie in the upright view, as shares of its side."""

_UPPER = (slice(12, 36), slice(10, 54))
_LIPS = (slice(42, 62), slice(16, 48))
_UPPER_LIP = (slice(40, 48), slice(22, 42))
_LOWER_LIP = (slice(52, 62), slice(22, 42))
_CONTRAST_FLOOR = 4.0

STANDARD_STEP: Seconds = 0.08
"""Motion is given per this time, whatever lies between two pictures."""


class MouthMotion(NamedTuple):
    """How a mouth moved since the picture before; NaN where that is not known.

    `change` is the change of gray levels at the mouth less that of the upper face, in units of the
    face's contrast; `lips` and `opening` are the vertical speed of the lips, and of the lower
    against the upper lip, in pixels of a face 64 pixels high; `whole` is the change of the whole
    face: about 0 of a photograph.
    """

    change: float
    lips: float
    opening: float
    whole: float


UNKNOWN_MOTION = MouthMotion(np.nan, np.nan, np.nan, np.nan)


def mouth_motion(before: Gray, after: Gray, step: Seconds) -> MouthMotion:
    """Compare two upright views of one face, `step` seconds apart."""
    change = _change(before, after)
    whole = float(change.mean())
    if whole == 0.0:
        return MouthMotion(0.0, 0.0, 0.0, 0.0)
    flow = _flow().calc(before, after, None)[..., 1]
    flow = flow - np.median(flow[_UPPER])
    speed = STANDARD_STEP / max(step, 1e-3)
    return MouthMotion(
        float(change[_LIPS].mean() - change[_UPPER].mean()),
        float(np.abs(flow[_LIPS]).mean() * speed),
        float(abs(flow[_LOWER_LIP].mean() - flow[_UPPER_LIP].mean()) * speed),
        whole,
    )


def face_change(before: Gray, after: Gray) -> float:
    """Return how much a face changed between two upright views, in units of its contrast."""
    return float(_change(before, after).mean())


def _change(before: Gray, after: Gray) -> NDArray[np.float32]:
    contrast = float(after.std()) + _CONTRAST_FLOOR
    change: NDArray[np.float32] = np.abs(after.astype(np.float32) - before.astype(np.float32))
    return change / np.float32(contrast)


def upright_views(pictures: Sequence[Gray], box: FaceBox) -> list[Gray]:
    """Return a face in an upright square view of each picture, shape (64, 64), eyes level."""
    import cv2

    views = []
    for picture in pictures:
        gray, place = _large_enough(picture, box)
        view = cv2.warpAffine(
            gray,
            _to_view(place),
            (_SIDE, _SIDE),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        views.append(np.asarray(view, dtype=np.uint8))
    return views


def _large_enough(gray: Gray, box: FaceBox) -> tuple[Gray, FaceBox]:
    """Scale the surroundings of a large face down, so that nothing is lost by thin sampling."""
    import cv2

    shrinks = round(box.height / _SIDE)
    if shrinks < 2:
        return gray, box
    height, width = gray.shape
    margin = 0.25 * box.height
    left, top = max(0, int(box.x - margin)), max(0, int(box.y - margin))
    right = min(width, int(box.x + box.width + margin))
    bottom = min(height, int(box.y + box.height + margin))
    if right - left < shrinks or bottom - top < shrinks:
        return gray, box
    size = (right - left) // shrinks, (bottom - top) // shrinks
    small = cv2.resize(
        gray[top : top + size[1] * shrinks, left : left + size[0] * shrinks],
        size,
        interpolation=cv2.INTER_AREA,
    )
    return np.asarray(small, dtype=np.uint8), moved(box, -left, -top, 1 / shrinks)


@lru_cache(maxsize=64)
def _to_view(box: FaceBox) -> NDArray[np.float64]:
    """Similarity from the picture to the view: of the landmarks by least squares, else the box."""
    if box.landmarks is not None:
        return _similarity(np.array(box.landmarks, np.float64), _MARKS * float(_SIDE))
    side = max(box.height, 1.0)
    scale = _SIDE / side
    left, top = box.x + box.width / 2 - side / 2, box.y
    return np.array([[scale, 0, -left * scale], [0, scale, -top * scale]], np.float64)


def _similarity(
    source: NDArray[np.float64], target: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Rotation, scale and shift that bring points onto others with least squared error."""
    a, b = source @ np.array([1, 1j]), target @ np.array([1, 1j])
    a_mean, b_mean = a.mean(), b.mean()
    spread = float((np.abs(a - a_mean) ** 2).sum())
    turn = ((b - b_mean) * (a - a_mean).conj()).sum() / max(spread, 1e-9)
    shift = b_mean - turn * a_mean
    return np.array(
        [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]], np.float64
    )


@cache
def _flow() -> Any:
    import cv2

    # its stub does not know it
    return getattr(cv2, "DISOpticalFlow_create")(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)  # noqa: B009
