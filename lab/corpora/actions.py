"""Face action units of RAVDESS' videos: what the faces did while the voices were recorded.

Means over each video of 17 intensities and 18 presences by OpenFace (Baltrusaitis et al. 2018),
published by Luna-Jimenez et al. 2022. A video `01-01-...` and a sound `03-01-...` with the same
rest of the name are one performance.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError

CLASSES = (*EMOTIONS, "calm")
"""The eight classes of RAVDESS."""

_TABLE = Path("face") / "ravdess_openface_au_mean.parquet"
_LEAST_DEVIATION = 0.05
"""Added to a person's deviation, so that a unit which hardly moves is not blown up."""


class FaceActions(NamedTuple):
    """Action units of n performances.

    `names` are those of the recordings without the modality, `labels` indices into `CLASSES`,
    `people` the actors' numbers as `"07"`, `units` square roots of the means, (n, 35).
    """

    names: tuple[str, ...]
    labels: NDArray[np.int64]
    people: NDArray[np.str_]
    units: NDArray[np.float64]

    def of(self, stems: Sequence[str]) -> "FaceActions":
        """Return the performances of these recordings, of any modality, in their order."""
        row_of = {name: row for row, name in enumerate(self.names)}
        rows = [row_of[performance(stem)] for stem in stems]
        names = tuple(self.names[row] for row in rows)
        return FaceActions(names, self.labels[rows], self.people[rows], self.units[rows])

    def relative_to_person(self) -> "FaceActions":
        """Return the units as deviations from each person's own mean.

        No label is used, but several performances of the person are needed, and that they are
        as evenly spread over the emotions as RAVDESS's are.
        """
        units = np.zeros_like(self.units)
        for person in np.unique(self.people):
            own = self.people == person
            deviation = self.units[own].std(axis=0) + _LEAST_DEVIATION
            units[own] = (self.units[own] - self.units[own].mean(axis=0)) / deviation
        return self._replace(units=units)


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
    return FaceActions(
        names=tuple(performance(str(name)) for name in table["file"]),
        labels=np.array([CLASSES.index(str(name)) for name in table["emotion"]], dtype=np.int64),
        people=np.array([f"{actor:02}" for actor in table["actor"]]),
        # most units are near zero most of the time: the root spreads them
        units=np.sqrt(table[units].to_numpy(dtype=np.float64)),
    )
