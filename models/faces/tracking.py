"""Faces over time: detections linked by overlap, followed by their pixels in between.

A full search runs now and then, and at once after a scene cut or when a face is lost; in between
a face is followed by normalised correlation around its last place. A track never crosses a cut,
and ends when its face has not been found for a second. Nothing of a face is kept but its last
picture.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.protocols import FaceBox, FaceDetector
from schemas.values import Seconds

_SEARCH_EVERY: Seconds = 0.8
_FORGET_AFTER: Seconds = 1.0
"""A face that no search has confirmed for this long past the next search has left."""

_SAME_FACE_OVERLAP = 0.3
_PATCH = 20
"""Side of the patch that is followed, in pixels; small, so that a talking mouth matters little."""

_REACH = 0.4
"""How far a face may move between two pictures, as a share of its size."""

_FOLLOWED = 0.6
_STILL_THERE = 0.75
"""Correlations from which a face counts as followed, and as there though no search found it."""

_CELLS = (32, 18)
_CELL_CHANGE = 20.0
_CUT_SHARE = 0.35
"""A cut: more than this share of the picture's cells changed by over 20 gray levels at once."""


@dataclass(frozen=True)
class Sighting:
    """One face in one picture; `track` numbers the faces of a recording."""

    track: int
    box: FaceBox


@dataclass
class _Track:
    number: int
    box: FaceBox
    patch: NDArray[np.uint8]
    confirmed: Seconds


def overlap(first: FaceBox, second: FaceBox) -> float:
    """Intersection over union of two boxes, in [0, 1]."""
    right = min(first.x + first.width, second.x + second.width)
    bottom = min(first.y + first.height, second.y + second.height)
    shared = max(0.0, right - max(first.x, second.x)) * max(0.0, bottom - max(first.y, second.y))
    union = first.width * first.height + second.width * second.height - shared
    return shared / union if union > 0 else 0.0


class SceneCuts:
    """Tells when a picture is another scene than the one before; layout changes count too."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None

    def is_cut(self, gray: NDArray[np.uint8]) -> bool:
        """Compare a gray picture with the last one, cell by cell."""
        import cv2

        cells = cv2.resize(gray, _CELLS, interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._before = self._before, cells
        if before is None:
            return False
        # what a change of exposure does to all cells alike is no cut
        change = (cells - cells.mean()) - (before - before.mean())
        return bool((np.abs(change) > _CELL_CHANGE).mean() > _CUT_SHARE)


class FaceTracker:
    """Follows the faces of one recording from picture to picture."""

    def __init__(self, detector: FaceDetector, smallest: float) -> None:
        """Take a detector and the smallest height of a face, in pixels of the pictures."""
        self._detector = detector
        self._smallest = smallest
        self._tracks: list[_Track] = []
        self._cuts = SceneCuts()
        self._searched: Seconds = -np.inf
        self._next_number = 0

    def leap(self) -> None:
        """Forget all faces: the next picture does not follow on the last one."""
        self._tracks = []
        self._searched = -np.inf

    def see(self, time: Seconds, image: NDArray[np.uint8]) -> tuple[Sighting, ...]:
        """Return the faces of one BGR picture; times rise from call to call."""
        import cv2

        gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        if self._cuts.is_cut(gray):
            self.leap()
        scores = {track.number: _follow(track, gray) for track in self._tracks}
        lost = any(score < _FOLLOWED for score in scores.values())
        if lost or time - self._searched >= _SEARCH_EVERY - 1e-6:
            self._search(time, image, gray, scores)
        else:
            self._tracks = [t for t in self._tracks if scores[t.number] >= _FOLLOWED]
        return tuple(Sighting(track.number, track.box) for track in self._tracks)

    def _search(
        self,
        time: Seconds,
        image: NDArray[np.uint8],
        gray: NDArray[np.uint8],
        scores: dict[int, float],
    ) -> None:
        """Detect all faces, link them to the tracks, keep what is plainly still there."""
        self._searched = time
        found = [box for box in self._detector.detect(image) if box.height >= self._smallest]
        kept: list[_Track] = []
        for track in self._tracks:
            best = max(found, key=lambda box: overlap(box, track.box), default=None)
            if best is not None and overlap(best, track.box) >= _SAME_FACE_OVERLAP:
                found.remove(best)
                kept.append(_Track(track.number, best, _patch(gray, best), time))
            elif self._bridges(track, scores[track.number], time):
                kept.append(track)
        for box in found:
            if all(overlap(box, track.box) < _SAME_FACE_OVERLAP for track in kept):
                kept.append(_Track(self._next_number, box, _patch(gray, box), time))
                self._next_number += 1
        self._tracks = kept

    def _bridges(self, track: _Track, score: float, time: Seconds) -> bool:
        recent = time - track.confirmed <= _SEARCH_EVERY + _FORGET_AFTER
        return score >= _STILL_THERE and recent


def _patch(gray: NDArray[np.uint8], box: FaceBox) -> NDArray[np.uint8]:
    region = _region(gray, box, 0.0)
    import cv2

    return np.asarray(cv2.resize(region[0], (_PATCH, _PATCH), interpolation=cv2.INTER_AREA))


def _region(
    gray: NDArray[np.uint8], box: FaceBox, margin: float
) -> tuple[NDArray[np.uint8], int, int]:
    """Pixels of a box with a margin (a share of its size), inside the picture; and their place."""
    height, width = gray.shape
    left = int(np.clip(box.x - margin * box.width, 0, width - 2))
    top = int(np.clip(box.y - margin * box.height, 0, height - 2))
    right = int(np.clip(box.x + (1 + margin) * box.width, left + 1, width))
    bottom = int(np.clip(box.y + (1 + margin) * box.height, top + 1, height))
    return gray[top:bottom, left:right], left, top


def _follow(track: _Track, gray: NDArray[np.uint8]) -> float:
    """Move a track's box to where its patch fits best; return the correlation there."""
    import cv2

    box = track.box
    region, left, top = _region(gray, box, _REACH)
    scale_x, scale_y = _PATCH / box.width, _PATCH / box.height
    size = round(region.shape[1] * scale_x), round(region.shape[0] * scale_y)
    if min(size) < _PATCH:
        return 0.0
    fits = cv2.matchTemplate(
        cv2.resize(region, size, interpolation=cv2.INTER_AREA), track.patch, cv2.TM_CCOEFF_NORMED
    )
    _, score, _, (x, y) = cv2.minMaxLoc(fits)
    if not np.isfinite(score) or score < _FOLLOWED:
        return 0.0
    track.box = replace(box, x=left + x / scale_x, y=top + y / scale_y, landmarks=None)
    return float(score)
