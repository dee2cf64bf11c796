"""Cut the square crop of a face out of a gray frame.

The square is FER2013's: on its faces YuNet's box has 1.03 of the picture's height, .82 of its
width, and lies .02 below its middle. So it is a square of the box's height, two hundredths above
the box's middle.
"""

import numpy as np
from numpy.typing import NDArray

from models.protocols import FaceBox

CROP = 48
"""Side of a crop in pixels."""

Crop = NDArray[np.uint8]

_RAISED = 0.02
_MOUTH = (slice(29, 45), slice(12, 36))
"""Rows and columns of the mouth in a crop; on FER2013 YuNet sees its corners at (.32-.64, .76)."""

_EYES = (slice(8, 24), slice(8, 40))
_CONTRAST_FLOOR = 4.0


def cut_face(gray: NDArray[np.uint8], box: FaceBox) -> Crop:
    """Cut the square of a face, shape (48, 48); what lies outside the picture repeats its edge."""
    import cv2

    side = max(box.height, 1.0)
    left = box.x + box.width / 2 - side / 2
    top = box.y + box.height / 2 - side * (0.5 + _RAISED)
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
        inside = np.asarray(bordered, dtype=np.uint8)
    shrinks = whole > CROP
    crop = cv2.resize(
        inside, (CROP, CROP), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return np.asarray(crop, dtype=np.uint8)


def mouth_motion(before: Crop, after: Crop) -> float:
    """How much more the mouth changed between two crops of one square than the eyes did.

    In units of the face's own contrast; a turning head moves both and counts little.
    """
    contrast = float(after.std()) + _CONTRAST_FLOOR
    change = np.abs(after.astype(np.float32) - before.astype(np.float32)) / contrast
    return float(change[_MOUTH].mean() - change[_EYES].mean())
