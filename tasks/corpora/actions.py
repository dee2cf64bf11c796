"""Face action units of RAVDESS' videos: what the faces did while the voices were recorded.

Means over each video of 17 intensities and 18 presences by OpenFace (Baltrusaitis et al. 2018),
published by Luna-Jimenez et al. 2022. A video `01-01-...` and a sound `03-01-...` with the same
rest of the name are one performance.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.errors import SettingsError

_TABLE = Path("face") / "ravdess_openface_au_mean.parquet"


class FaceActions(NamedTuple):
    """Action units of n performances: their names without the modality, and (n, 35) means."""

    names: tuple[str, ...]
    units: NDArray[np.float64]

    def of(self, stems: list[str]) -> NDArray[np.float64]:
        """Rows of the performances that these recordings, of any modality, belong to."""
        row_of = {name: row for row, name in enumerate(self.names)}
        return self.units[[row_of[performance(stem)] for stem in stems]]


def performance(stem: str) -> str:
    """Name of a RAVDESS recording without its modality."""
    return stem.split("-", 1)[1]


def read_face_actions(data: Path) -> FaceActions:
    """Read the table under `data/face`; raises `SettingsError` where it is not there."""
    import pandas as pd

    path = data / _TABLE
    if not path.is_file():
        raise SettingsError(f"The fusion learns from {_TABLE.name}, and {path} is not there.")
    table = pd.read_parquet(path)
    units = [name for name in table.columns if name.startswith("AU")]
    names = tuple(performance(str(name)) for name in table["file"])
    return FaceActions(names, table[units].to_numpy(dtype=np.float64))
