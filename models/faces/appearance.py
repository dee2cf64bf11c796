"""What a track looks like, to tell within one run whether two tracks show the same person.

A coarse picture of the head with hair and a little of what is behind it. It lives in memory while
one recording is looked at, and is written nowhere.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.faces.boxes import square_around
from models.faces.view import View
from models.protocols import FaceBox

_SIDE = 10
_CONTRAST, _CONTRAST_FLOOR = 0.2, 0.05
_LONGEST = 80
_AROUND = 1.2
"""Side of the square that is looked at, in heights of the face."""


@dataclass
class Appearance:
    """The mean look of one track: colours of a coarse picture, shape (10, 10, 3)."""

    total: NDArray[np.float64] | None = None
    n: int = 0

    def add(self, view: View, box: FaceBox) -> None:
        """Take one more picture of the face in `box`."""
        import cv2

        region = square_around(box, _AROUND, view.gray.shape)
        if min(region[2:]) < _SIDE:
            return
        color, _ = view.color(_LONGEST, region)
        small = cv2.resize(color, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        seen = _evened(np.asarray(small, dtype=np.uint8))
        self.total = seen if self.total is None else self.total + seen
        self.n += 1

    @property
    def mean(self) -> NDArray[np.float64] | None:
        """The mean of all pictures; None before the first."""
        return None if self.total is None else self.total / self.n


def _evened(color: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Take light and exposure off a picture: mean 0 in each colour, one contrast for all."""
    values = color.astype(np.float64) / 255
    centred = values - values.mean(axis=(0, 1))
    even: NDArray[np.float64] = _CONTRAST * centred / (values.std() + _CONTRAST_FLOOR)
    return even


def difference(first: Appearance, second: Appearance) -> float:
    """Mean absolute difference of two looks; 1 where one of them is not known."""
    if first.mean is None or second.mean is None:
        return 1.0
    return float(np.abs(first.mean - second.mean).mean())


def joined(first: Appearance, second: Appearance) -> Appearance:
    """Return the look of two tracks of one person."""
    if first.total is None or second.total is None:
        return second if first.total is None else first
    return Appearance(first.total + second.total, first.n + second.n)
