"""Cut the square crop of a face out of a gray frame, and say how well it shows the face.

The square is FER2013's: on its faces YuNet's box has 1.03 of the picture's height, .82 of its
width, and lies .02 below its middle. So it is a square of the box's height, two hundredths above
the box's middle; a head that is tilted is turned upright by its eyes.
"""

import math

import numpy as np
from numpy.typing import NDArray

from models.protocols import FaceBox

CROP = 48
"""Side of a crop in pixels."""

Crop = NDArray[np.uint8]

_RAISED = 0.02
_TILTED = math.radians(8)
"""A head that is tilted by less is left as it is: landmarks are not more certain."""

_SHARP = 6.0
_LEAST_CONTRAST = 14.0
_DARK, _BRIGHT = 35.0, 220.0
_SIDEWAYS = 0.55
"""Laplacian's deviation of a sharp crop; the contrast of FER2013's flattest faces; mean gray levels
of dark and bright ones; how far the nose stands from the middle of the eyes in a profile, in
distances of the eyes."""


def cut_face(gray: NDArray[np.uint8], box: FaceBox) -> Crop:
    """Cut the square of a face, shape (48, 48); what lies outside the picture repeats its edge."""
    import cv2

    side = max(box.height, 1.0)
    middle_x = box.x + box.width / 2
    middle_y = box.y + box.height / 2 - side * _RAISED
    tilt = head_tilt(box)
    # the region is wide enough for any turn about its middle
    reach = side / 2 * (1.0 if tilt == 0.0 else 1.42)
    region = cut_square(gray, middle_x - reach, middle_y - reach, 2 * reach)
    if tilt != 0.0:
        region = _turned(region, tilt, side / (2 * reach))
    shrinks = region.shape[0] > CROP
    crop = cv2.resize(
        region, (CROP, CROP), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return np.asarray(crop, dtype=np.uint8)


def cut_square(gray: NDArray[np.uint8], left: float, top: float, side: float) -> NDArray[np.uint8]:
    """Cut a square to the pixel; what lies outside the picture repeats its edge."""
    import cv2

    first_x, first_y = round(left), round(top)
    whole = max(1, round(side))
    height, width = gray.shape
    columns = slice(min(max(first_x, 0), width - 1), max(min(first_x + whole, width), 1))
    rows = slice(min(max(first_y, 0), height - 1), max(min(first_y + whole, height), 1))
    inside = gray[rows, columns]
    missing = (
        rows.start - first_y,
        first_y + whole - rows.stop,
        columns.start - first_x,
        first_x + whole - columns.stop,
    )
    if any(missing):
        above, below, before, after = (max(0, part) for part in missing)
        bordered = cv2.copyMakeBorder(inside, above, below, before, after, cv2.BORDER_REPLICATE)
        return np.asarray(bordered, dtype=np.uint8)
    return inside


def _turned(region: NDArray[np.uint8], tilt: float, share: float) -> NDArray[np.uint8]:
    """Turn a square about its middle and keep the inner `share` of it."""
    import cv2

    side = region.shape[0]
    middle = (side - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), math.degrees(tilt), 1.0)
    upright = cv2.warpAffine(region, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
    cut = round(side * (1 - share) / 2)
    return np.asarray(upright[cut : side - cut, cut : side - cut], dtype=np.uint8)


def head_tilt(box: FaceBox) -> float:
    """Return by how many radians the line of the eyes is turned; 0 of a head that is upright."""
    if box.landmarks is None:
        return 0.0
    (right_x, right_y), (left_x, left_y) = box.landmarks[:2]
    tilt = math.atan2(left_y - right_y, left_x - right_x)
    return tilt if _TILTED <= abs(tilt) <= math.pi / 3 else 0.0


def crop_quality(crop: Crop, box: FaceBox) -> float:
    """Return how well a crop shows its face, in [0, 1]: size, focus, light, contrast, pose.

    The product of five shares, each 1 where nothing is wanting.
    """
    import cv2

    edges = float(cv2.Laplacian(crop, cv2.CV_32F).std())
    mean, contrast = float(crop.mean()), float(crop.std())
    shares = (
        box.height / CROP,
        edges / _SHARP,
        mean / _DARK,
        (255 - mean) / (255 - _BRIGHT),
        contrast / _LEAST_CONTRAST,
        (1 - _turned_away(box)) / 0.5,
    )
    return float(np.prod([min(1.0, max(0.0, share)) for share in shares]))


def _turned_away(box: FaceBox) -> float:
    """Return how far a head is turned, 0 to the camera and 1 in profile; 0 without landmarks."""
    if box.landmarks is None:
        return 0.0
    (right_x, _), (left_x, _), (nose_x, _) = box.landmarks[:3]
    apart = max(abs(left_x - right_x), 1e-6)
    return min(1.0, abs(nose_x - (right_x + left_x) / 2) / apart / _SIDEWAYS)
