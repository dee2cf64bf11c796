"""Link tracks of faces that show the same person, across cuts and changes of the layout.

Tracks that look alike and are not seen at once are one person. The look is a coarse picture of
head and surroundings (`models/faces/appearance.py`): within one recording a camera's background
and clothes stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.faces.appearance import Appearance, difference, joined
from schemas.values import Seconds

_ALIKE = 0.04
"""Greatest difference of two looks of one person. Tracks of one person in meetings of the tuning
set differ by .02 to .03, of two people by .077 and more, of two before one wall by .05."""


@dataclass
class _Person:
    looks: Appearance
    last_seen: Seconds


def link_tracks(
    appearances: Mapping[int, Appearance],
    times: NDArray[np.floating],
    tracks: NDArray[np.integer],
) -> dict[int, int]:
    """Return the person of each track, numbered by their first appearance.

    `times` and `tracks` have one entry per sighting, in order of time.
    """
    people: list[_Person] = []
    person_of: dict[int, int] = {}
    order, firsts = np.unique(tracks, return_index=True)
    lasts = len(tracks) - 1 - np.unique(tracks[::-1], return_index=True)[1]
    for place in np.argsort(firsts, kind="stable"):
        track = int(order[place])
        first, last = float(times[firsts[place]]), float(times[lasts[place]])
        looks = appearances.get(track, Appearance())
        gaps = {
            number: difference(person.looks, looks)
            for number, person in enumerate(people)
            if person.last_seen < first
        }
        nearest = min(gaps, key=lambda number: gaps[number], default=None)
        if nearest is None or gaps[nearest] > _ALIKE:
            nearest = len(people)
            people.append(_Person(looks, last))
        else:
            people[nearest] = _Person(joined(people[nearest].looks, looks), last)
        person_of[track] = nearest
    return person_of
