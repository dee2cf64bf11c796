"""The people of a recording, and where each was seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.faces.people import link_tracks
from models.faces.synchrony import Person
from schemas.speech import Utterance
from schemas.values import Seconds
from tasks.emotion.watch import Watched

_LASTING_SHARE = 0.2
"""A face in fewer of an utterance's pictures is a mistake or somebody passing."""

_STILL = 0.008
"""A face of which 95 of 100 pictures change by less, in units of its contrast, is a picture.
Photographs reach .000 and frozen tiles .007; people who listen .012 and more."""

_FROZEN = 0.002
_MANY_PICTURES = 25
"""A tile of which no picture of at least so many, two seconds, changes by more stands still."""

_POOR_CROP = 0.3
_ENOUGH_CROPS = 3
"""Crops of a lower quality are left out where so many better ones are left."""


@dataclass(frozen=True)
class Seen:
    """One person in one utterance: rows of the sightings, and the count of pictures in it."""

    sightings: NDArray[np.void]
    n_pictures: int

    @property
    def coverage(self) -> float:
        """Share of the pictures in which the person was seen."""
        return min(1.0, len(self.sightings) / max(1, self.n_pictures))

    def crops(self) -> NDArray[np.void]:
        """Return the sightings with a crop; the poor ones only where there are few better."""
        cropped = self.sightings[self.sightings["crop"] >= 0]
        good = cropped[cropped["quality"] >= _POOR_CROP]
        return good if len(good) >= _ENOUGH_CROPS else cropped


class Cast:
    """The people of a recording and where they were seen; pictures of faces are left out."""

    def __init__(self, watched: Watched) -> None:
        self._times = watched.times
        sightings = watched.sightings
        linked = link_tracks(watched.appearances, sightings["time"], sightings["track"])
        of_whom = np.array([linked[track] for track in sightings["track"].tolist()], np.intp)
        self._sightings: dict[int, NDArray[np.void]] = {}
        for number in sorted(set(linked.values())):
            rows = sightings[of_whom == number]
            if not _is_picture(rows):
                self._sightings[number] = rows

    @cached_property
    def people(self) -> dict[int, Person]:
        """When each person was seen, and how the mouth moved."""
        return {
            number: Person(rows["time"].astype(np.float64), rows["motion"].astype(np.float64))
            for number, rows in self._sightings.items()
        }

    def names(self, owners: Mapping[int, str]) -> dict[int, str]:
        """Return the speaker of each person, or `FACE_00`, `FACE_01`, … by first appearance."""
        unknown = (number for number in self._sightings if number not in owners)
        return {**{number: f"FACE_{i:02d}" for i, number in enumerate(unknown)}, **owners}

    def sightings(self, person: int, start: Seconds, end: Seconds) -> NDArray[np.void]:
        """Return where a person was seen between two times of the picture, and a second around."""
        rows = self._sightings[person]
        first, last = np.searchsorted(rows["time"], (start - 1.0, end + 1.0))
        return rows[first:last]

    def seen_in(self, utterance: Utterance, delay: Seconds) -> dict[int, Seen]:
        """Return who was seen during an utterance; the picture before it, if it has none."""
        start, end = utterance.start - delay, utterance.end - delay
        first, last = np.searchsorted(self._times, (start, end + 1e-6))
        if first == last and first > 0:
            first = last - 1
        inside = self._times[first:last]
        if not len(inside):
            return {}
        seen = {}
        for number, rows in self._sightings.items():
            a, b = np.searchsorted(rows["time"], (inside[0] - 1e-3, inside[-1] + 1e-3))
            lasting = b - a >= max(1.0, _LASTING_SHARE * len(inside))
            if lasting and not _is_frozen(rows[a:b]):
                seen[number] = Seen(rows[a:b], len(inside))
        return seen


def _is_picture(sightings: NDArray[np.void]) -> bool:
    change = sightings["motion"][:, 3]
    known = change[np.isfinite(change)]
    return bool(len(known) > 0 and np.quantile(known, 0.95) < _STILL)


def _is_frozen(sightings: NDArray[np.void]) -> bool:
    """Whether a tile stood still all the time; of a few pictures that cannot be told."""
    change = sightings["motion"][:, 3]
    known = change[np.isfinite(change)]
    return bool(len(known) >= _MANY_PICTURES and known.max() < _FROZEN)
