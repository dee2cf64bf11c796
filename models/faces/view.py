"""What a tracker needs of a picture."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]


class View(Protocol):
    """One picture: brightness at full size, colours at the size that is asked for."""

    @property
    def gray(self) -> Gray:
        """Shape (height, width)."""

    def color(
        self, longest: int, region: tuple[int, int, int, int] | None = None
    ) -> tuple[NDArray[np.uint8], float]:
        """Return a region, by default all, as BGR of at most `longest` pixels a side.

        Beside it: pixels of `gray` per pixel of it. A region is left, top, width and height, all
        of them even.
        """
