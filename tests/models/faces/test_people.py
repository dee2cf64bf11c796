"""Tracks that look alike are one person, unless they are seen at once."""

import numpy as np

from models.faces.appearance import Appearance, difference
from models.faces.people import link_tracks

RANDOM = np.random.default_rng(0)
ANA, BO = RANDOM.random((10, 10, 3)), RANDOM.random((10, 10, 3))


def looks(person: np.ndarray, noise: float = 0.01) -> Appearance:
    return Appearance(3 * (person + RANDOM.normal(0, noise, person.shape)), 3)


def linked(tracks: list[tuple[int, np.ndarray, int, int]]) -> dict[int, int]:
    """Link (number, person, first, last picture) of tracks."""
    rows = sorted((time, number) for number, _, a, b in tracks for time in range(a, b))
    times, numbers = np.array(rows, float).T
    return link_tracks({n: looks(p) for n, p, _, _ in tracks}, times, numbers.astype(int))


def test_a_person_is_known_again_after_a_cut() -> None:
    assert linked([(0, ANA, 0, 9), (1, BO, 9, 15), (2, ANA, 15, 30)]) == {0: 0, 1: 1, 2: 0}


def test_two_who_look_alike_are_two_when_seen_at_once() -> None:
    assert linked([(0, ANA, 0, 9), (1, ANA, 5, 15)]) == {0: 0, 1: 1}


def test_a_track_of_which_no_picture_was_kept_is_nobody_known() -> None:
    rows = np.array([0.0, 1.0, 2.0])
    assert link_tracks({0: looks(ANA)}, rows, np.array([0, 1, 1])) == {0: 0, 1: 1}
    assert difference(Appearance(), looks(ANA)) == 1.0
