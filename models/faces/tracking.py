"""Faces over time: detections linked by overlap, followed by their pixels in between.

A full search runs at the start, after a cut or a change of the layout, and every few seconds; the
faces that are known are searched for more often, in a picture only as large as they need. In
between a face is followed by normalised correlation around its last place. A track never crosses
a cut of the picture or of its own tile, and ends when its face has not been found for a second.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from models.faces.appearance import Appearance
from models.faces.boxes import moved, overlap, square_around
from models.faces.mouth import face_change, upright_views
from models.faces.view import Gray, View
from models.protocols import FaceBox, FaceDetector
from schemas.values import Seconds

_REFRESH_EVERY: Seconds = 1.0
_SEARCH_EVERY: Seconds = 8.0
_SEARCH_EMPTY_EVERY: Seconds = 2.0
"""How often known faces, all faces, and a picture without any are searched."""

_FORGET_AFTER: Seconds = 1.0
"""A face that no search has confirmed for this long past the next search has left."""

_SEARCH_SIDE = 1280
_REFRESH_SIDE = 128
_REFRESH_AROUND = 2.2
"""Longest sides, in pixels, of the pictures in which all faces and one known face are searched, and
the side of the square around a known face in heights of it: it has 58 pixels there."""

_SAME_FACE_OVERLAP = 0.3
_SMOOTHING = 0.5
"""Weight of a new box against the one that was followed until then."""

_PATCH = 20
"""Side of the patch that is followed, in pixels; small, so that a talking mouth matters little."""

_REACH = 0.4
"""How far a face may move between two pictures, as a share of its size."""

_FOLLOWED = 0.6
_STILL_THERE = 0.75
"""Correlations from which a face counts as followed, and as there though no search found it."""

_CELLS = (32, 18)
_THINNED_FROM = 256
_CELL_CHANGE = 20.0
_CUT_SHARE = 0.35
_LAYOUT_SHARE = 0.04
"""A cut: more than this share of the picture's cells changed by over 20 gray levels at once; a
smaller share may be a tile that came, left or moved."""

_LEAST_REGION = 8
_TILE = 2.0
_TILE_CELLS = 8
_TILE_CUT_SHARE = 0.4
_NO_CELLS = np.zeros((_TILE_CELLS, _TILE_CELLS), np.float32)
"""A cut of one tile: this share of the cells around a face changed at once."""

_ANOTHER = 0.4
"""Change of a whole face, in units of its contrast, from which it is somebody else's. Faces that
talk and turn stay under .28, cuts between people before one wall change it by .57 and more."""


@dataclass(frozen=True)
class Sighting:
    """One face in one picture, in pixels of `View.gray`; `track` numbers a recording's faces.

    `views` are upright views of it in the picture before and in this one, where both are known.
    """

    track: int
    box: FaceBox
    views: tuple[Gray, Gray] | None = None


@dataclass
class _Track:
    number: int
    box: FaceBox
    patch: Gray
    cells: NDArray[np.float32]
    confirmed: Seconds
    views: tuple[Gray, Gray] | None = None


class SceneCuts:
    """Tells how much of a picture is another than the one before."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None

    def changed_share(self, gray: Gray) -> float:
        """Return the share of cells that changed at once since the last picture, in [0, 1]."""
        cells = _cells(gray, _CELLS)
        before, self._before = self._before, cells
        return 0.0 if before is None else _changed_share(cells, before)


def _cells(gray: Gray, size: tuple[int, int]) -> NDArray[np.float32]:
    """Mean brightness of cells; of large pictures every fourth pixel will do."""
    import cv2

    if min(gray.shape) >= _THINNED_FROM:
        gray = gray[::4, ::4]
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _changed_share(cells: NDArray[np.float32], before: NDArray[np.float32]) -> float:
    # what a change of exposure does to all cells alike is no cut
    change = (cells - cells.mean()) - (before - before.mean())
    return float((np.abs(change) > _CELL_CHANGE).mean())


@dataclass
class FaceTracker:
    """Follows the faces of one recording; `smallest` is a face's least height in pixels.

    `appearances` holds what each track looks like, to link tracks within this recording.
    """

    detector: FaceDetector
    smallest: float
    appearances: dict[int, Appearance] = field(default_factory=dict)
    _tracks: list[_Track] = field(default_factory=list)
    _before: Gray | None = None
    _cuts: SceneCuts = field(default_factory=SceneCuts)
    _refreshed: Seconds = -np.inf
    _searched: Seconds = -np.inf
    _next_number: int = 0

    def leap(self) -> None:
        """Forget all faces: the next picture does not follow on the last one."""
        self._tracks = []
        self._before = None
        self._searched = -np.inf

    def see(self, time: Seconds, view: View) -> tuple[Sighting, ...]:
        """Return the faces of one picture; times rise from call to call."""
        gray = view.gray
        changed = self._cuts.changed_share(gray)
        if changed > _CUT_SHARE:
            self.leap()
        scores = {track.number: _follow(track, gray) for track in self._tracks}
        self._end_cut_tiles(gray)
        self._before = gray
        lost = any(scores[track.number] < _FOLLOWED for track in self._tracks)
        rested = time - self._refreshed >= _REFRESH_EVERY - 1e-6
        every = _SEARCH_EVERY if self._tracks else _SEARCH_EMPTY_EVERY
        since = time - self._searched
        if since >= every - 1e-6 or (changed > _LAYOUT_SHARE and since >= _REFRESH_EVERY - 1e-6):
            self._search_all(time, view, scores)
        elif lost or (rested and self._tracks):
            self._refresh(time, view, scores)
        return tuple(Sighting(track.number, track.box, track.views) for track in self._tracks)

    def _end_cut_tiles(self, gray: Gray) -> None:
        """End the tracks whose face or surroundings are others at once; search at once."""
        staying = []
        for track in self._tracks:
            cells = _around(gray, track.box)
            is_cut = _changed_share(cells, track.cells) > _TILE_CUT_SHARE
            track.cells = cells
            if not is_cut and not self._shows_another(track, gray):
                staying.append(track)
        if len(staying) < len(self._tracks):
            self._tracks = staying
            self._searched = -np.inf

    def _shows_another(self, track: _Track, gray: Gray) -> bool:
        before, track.views = self._before, None
        if before is None or before.shape != gray.shape:
            return False
        first, second = upright_views((before, gray), track.box)
        track.views = first, second
        return face_change(first, second) > _ANOTHER

    def _search_all(self, time: Seconds, view: View, scores: dict[int, float]) -> None:
        """Detect all faces, link them to the tracks, keep what is plainly still there."""
        self._searched = self._refreshed = time
        color, scale = view.color(_SEARCH_SIDE)
        found = [moved(box, scale=scale) for box in self.detector.detect(color)]
        found = [box for box in found if box.height >= self.smallest]
        kept: list[_Track] = []
        for track in self._tracks:
            best = max(found, key=lambda box: overlap(box, track.box), default=None)
            if best is not None and overlap(best, track.box) >= _SAME_FACE_OVERLAP:
                found.remove(best)
                kept.append(self._confirmed(track, best, scores, time, view))
            elif self._bridges(track, scores[track.number], time):
                kept.append(track)
        for box in found:
            if all(overlap(box, track.box) < _SAME_FACE_OVERLAP for track in kept):
                new = _Track(self._next_number, box, _patch(view.gray, box), _NO_CELLS, time)
                kept.append(self._confirmed(new, box, {}, time, view))
                self._next_number += 1
        self._tracks = kept

    def _refresh(self, time: Seconds, view: View, scores: dict[int, float]) -> None:
        """Detect each known face around where it is, keep what is plainly still there."""
        self._refreshed = time
        kept: list[_Track] = []
        for track in self._tracks:
            found = self._near(track.box, view)
            best = max(found, key=lambda box: overlap(box, track.box), default=None)
            if best is not None and overlap(best, track.box) >= _SAME_FACE_OVERLAP:
                kept.append(self._confirmed(track, best, scores, time, view))
            elif self._bridges(track, scores[track.number], time):
                kept.append(track)
        self._tracks = kept

    def _near(self, box: FaceBox, view: View) -> list[FaceBox]:
        left, top, width, height = square_around(box, _REFRESH_AROUND, view.gray.shape)
        if min(width, height) < _LEAST_REGION:
            return []
        color, scale = view.color(_REFRESH_SIDE, (left, top, width, height))
        found = (moved(face, scale=scale) for face in self.detector.detect(color))
        return [moved(face, left, top) for face in found if face.height >= self.smallest]

    def _confirmed(
        self, track: _Track, box: FaceBox, scores: dict[int, float], time: Seconds, view: View
    ) -> _Track:
        if scores.get(track.number, 0.0) >= _FOLLOWED:
            box = _smoothed(track.box, box)
        self.appearances.setdefault(track.number, Appearance()).add(view, box)
        patch, cells = _patch(view.gray, box), _around(view.gray, box)
        return _Track(track.number, box, patch, cells, time, track.views)

    def _bridges(self, track: _Track, score: float, time: Seconds) -> bool:
        recent = time - track.confirmed <= _REFRESH_EVERY + _FORGET_AFTER
        return score >= _STILL_THERE and recent


def _smoothed(before: FaceBox, now: FaceBox) -> FaceBox:
    """Move a box part of the way to a new detection; its landmarks move along."""
    share = _SMOOTHING

    def between(first: float, second: float) -> float:
        return first + share * (second - first)

    return replace(
        now,
        x=between(before.x, now.x),
        y=between(before.y, now.y),
        width=between(before.width, now.width),
        height=between(before.height, now.height),
    )


def _patch(gray: Gray, box: FaceBox) -> Gray:
    region = _region(gray, box, 0.0)
    import cv2

    return np.asarray(cv2.resize(region[0], (_PATCH, _PATCH), interpolation=cv2.INTER_AREA))


def _around(gray: Gray, box: FaceBox) -> NDArray[np.float32]:
    """Cells of a face with what surrounds it, shape (8, 8)."""
    region = _region(gray, box, (_TILE - 1) / 2)[0]
    return _cells(region, (_TILE_CELLS, _TILE_CELLS))


def _region(gray: Gray, box: FaceBox, margin: float) -> tuple[Gray, int, int]:
    """Pixels of a box with a margin (a share of its size), inside the picture; and their place."""
    height, width = gray.shape
    left = int(np.clip(box.x - margin * box.width, 0, width - 2))
    top = int(np.clip(box.y - margin * box.height, 0, height - 2))
    right = int(np.clip(box.x + (1 + margin) * box.width, left + 1, width))
    bottom = int(np.clip(box.y + (1 + margin) * box.height, top + 1, height))
    return gray[top:bottom, left:right], left, top


def _follow(track: _Track, gray: Gray) -> float:
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
    _, score, _, (column, row) = cv2.minMaxLoc(fits)
    if not np.isfinite(score) or score < _FOLLOWED:
        return 0.0
    x = left + (column + _peak(fits[row, :], column)) / scale_x
    y = top + (row + _peak(fits[:, column], row)) / scale_y
    track.box = moved(box, x - box.x, y - box.y)
    return float(score)


def _peak(values: NDArray[np.number], best: int) -> float:
    """Where a parabola through a maximum and its neighbours peaks, from the maximum, in steps."""
    if not 0 < best < len(values) - 1:
        return 0.0
    before, at, after = (float(v) for v in values[best - 1 : best + 2])
    bend = before - 2 * at + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0
