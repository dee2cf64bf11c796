"""Tracks follow places and pixels, bridge a miss, and never cross a cut."""

from dataclasses import dataclass

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.faces.boxes import overlap
from models.faces.synthetic import FACE_BGR, DrawnFaceDetector
from models.faces.tracking import FaceTracker, SceneCuts
from models.protocols import FaceBox
from schemas.settings import WeightSettings

Image = NDArray[np.uint8]
boxes = st.builds(
    FaceBox, st.floats(0, 99), st.floats(0, 99), st.floats(1, 99), st.floats(1, 99), st.just(1.0)
)


def scene(places: list[tuple[int, int]], wall: int = 60) -> Image:
    image = np.full((180, 320, 3), wall, np.uint8)
    for x, y in places:
        cv2.ellipse(image, (x, y), (22, 30), 0, 0, 360, FACE_BGR, -1)
        cv2.circle(image, (x - 8, y - 8), 3, (20, 20, 20), -1)
        cv2.circle(image, (x + 8, y - 8), 3, (20, 20, 20), -1)
    return image


@dataclass(frozen=True)
class Shown:
    """A picture in memory."""

    image: Image

    @property
    def gray(self) -> Image:
        return np.asarray(cv2.cvtColor(self.image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)

    def color(
        self, longest: int, region: tuple[int, int, int, int] | None = None
    ) -> tuple[Image, float]:
        left, top, width, height = region or (0, 0, self.image.shape[1], self.image.shape[0])
        inside = self.image[top : top + height, left : left + width]
        scale = max(1.0, max(height, width) / longest)
        small = cv2.resize(inside, (round(width / scale), round(height / scale)))
        return np.asarray(small, dtype=np.uint8), scale


def tracker() -> FaceTracker:
    return FaceTracker(DrawnFaceDetector(WeightSettings()), smallest=10)


def tracks(follower: FaceTracker, pictures: list[Image], step: float = 0.2) -> list[set[int]]:
    return [
        {sighting.track for sighting in follower.see(step * count, Shown(picture))}
        for count, picture in enumerate(pictures)
    ]


@given(boxes, boxes)
def test_overlap_is_symmetric_and_a_share(first: FaceBox, second: FaceBox) -> None:
    assert overlap(first, second) == overlap(second, first)
    assert 0 <= overlap(first, second) <= 1 + 1e-9
    assert abs(overlap(first, first) - 1) < 1e-9


def test_a_face_that_moves_keeps_its_track_and_its_box_follows() -> None:
    follower = tracker()
    places = [(60 + 3 * count, 90) for count in range(30)]
    assert tracks(follower, [scene([place]) for place in places]) == [{0}] * 30
    (last,) = follower.see(6.0, Shown(scene([(150, 90)])))
    assert abs(last.box.x + last.box.width / 2 - 150) < 5


def test_two_faces_keep_two_tracks() -> None:
    seen = tracks(tracker(), [scene([(80, 90), (240 - count, 90)]) for count in range(20)])
    assert seen == [{0, 1}] * 20


def test_a_cut_ends_all_tracks() -> None:
    before, after = scene([(80, 90)], wall=40), scene([(84, 92)], wall=40)
    after[:, 150:] = 220
    after[100:, :] = 180
    assert tracks(tracker(), [before, before, after, after]) == [{0}, {0}, {1}, {1}]


def test_a_lamp_that_dims_is_no_cut() -> None:
    cuts = SceneCuts()
    picture = cv2.cvtColor(scene([(80, 90)]), cv2.COLOR_BGR2GRAY)
    darker = np.clip(picture.astype(int) - 35, 0, 255).astype(np.uint8)
    assert cuts.changed_share(np.asarray(picture, dtype=np.uint8)) == 0.0
    assert cuts.changed_share(darker) < 0.04


def test_a_face_that_leaves_is_forgotten_at_once_and_returns_anew() -> None:
    here, gone = scene([(80, 90)]), scene([])
    seen = tracks(tracker(), [here] * 3 + [gone] * 10 + [here] * 6)
    assert seen[:13] == [{0}] * 3 + [set()] * 10
    assert seen[-2:] == [{1}] * 2  # found again by the next search


class Blinking(DrawnFaceDetector):
    """A detector that misses every other time."""

    def __init__(self) -> None:
        super().__init__(WeightSettings())
        self.calls = 0

    def detect(self, image: Image) -> list[FaceBox]:
        self.calls += 1
        return super().detect(image) if self.calls % 2 else []


def test_a_missed_detection_is_bridged() -> None:
    detector = Blinking()
    seen = tracks(FaceTracker(detector, 10), [scene([(80, 90)])] * 25)
    assert seen == [{0}] * 25
    assert detector.calls < 10  # a face is followed between searches


def test_faces_under_the_smallest_size_are_left_out() -> None:
    follower = FaceTracker(DrawnFaceDetector(WeightSettings()), smallest=100)
    assert follower.see(0.0, Shown(scene([(80, 90)]))) == ()


def test_looks_are_gathered_while_a_face_is_seen() -> None:
    follower = tracker()
    tracks(follower, [scene([(80, 90), (240, 90)])] * 20)
    assert sorted(follower.appearances) == [0, 1]
    assert all(looks.n >= 3 for looks in follower.appearances.values())
