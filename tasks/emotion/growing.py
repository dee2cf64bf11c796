"""Arrays that grow in a file, so that hours of video never lie in memory."""

from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from models.faces.crops import CROP, Crop


class GrowingFile:
    """A `.npy` file to which rows are appended.

    The header is written again when the file is closed: numpy leaves room in it for a growing
    first axis (`numpy.lib.format`).
    """

    def __init__(self, path: Path, dtype: DTypeLike, row_shape: tuple[int, ...] = ()) -> None:
        """Take the path, and type and shape of one row."""
        self._path = path
        self._dtype = np.dtype(dtype)
        self._row_shape = row_shape
        self._n = 0

    def __enter__(self) -> Self:
        self._file: BinaryIO = self._path.open("wb")
        self._write_header()
        return self

    def __len__(self) -> int:
        """Count the rows that were written."""
        return self._n

    def append_row(self, row: NDArray[np.generic]) -> int:
        """Write one row of the given type and shape; return its number."""
        self._file.write(np.ascontiguousarray(row, dtype=self._dtype).tobytes())
        self._n += 1
        return self._n - 1

    def __exit__(self, *_: object) -> None:
        self._file.seek(0)
        self._write_header()
        self._file.close()

    def _write_header(self) -> None:
        header = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self._n, *self._row_shape),
        }
        np.lib.format.write_array_header_1_0(self._file, header)


class CropFile(GrowingFile):
    """The crops of faces, each (48, 48) uint8."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, np.uint8, (CROP, CROP))

    def append(self, crop: Crop) -> int:
        """Write one crop; return its row."""
        return self.append_row(crop)
