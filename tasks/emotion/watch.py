"""Look at a video once: follow its faces, cut their crops, measure how their mouths move.

What is seen goes into two scratch files as it comes. A row per face and picture: little enough
that those of three hours can be read again at once; and the crops, of which there are at most so
many a second, however many faces there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.faces.appearance import Appearance
from models.faces.crops import crop_quality, cut_face
from models.faces.mouth import UNKNOWN_MOTION, MouthMotion, mouth_motion
from models.faces.tracking import FaceTracker, Sighting
from models.protocols import FaceDetector
from schemas.media import MediaInfo
from schemas.settings import FaceSettings
from schemas.values import Seconds
from tasks.emotion.growing import CropFile, GrowingFile
from tasks.media.frames import Picture, Span, sampled_pictures

SIGHTING = np.dtype(
    [
        ("time", "f4"),
        ("track", "i4"),
        ("box", "f4", (4,)),
        ("motion", "f4", (4,)),
        ("quality", "f4"),
        ("crop", "i4"),
    ]
)
"""One face in one picture: when, whose track, x y width height in pixels of the video, the four
parts of `MouthMotion`, and quality and row of its crop; -1 where none was cut."""

_CROPS_A_SECOND = 45.0
"""Crops that are kept of all faces together: nine faces five times a second, 100 KB."""

_GAP: Seconds = 0.4
"""Pictures further apart than this are not compared."""


@dataclass(frozen=True)
class Watched:
    """All that was seen of a video. `times` are the pictures', `sightings` rows of `SIGHTING`."""

    times: NDArray[np.float64]
    sightings: NDArray[np.void]
    appearances: dict[int, Appearance]
    crops_path: Path


def watch(
    video_path: str,
    info: MediaInfo,
    spans: Sequence[Span],
    detector: FaceDetector,
    settings: FaceSettings,
    scratch: Path,
) -> Watched:
    """Watch the spans of a video, sorted and apart.

    A video that breaks off gives what was seen until then. Raises `InputError` where not one
    picture can be decoded.
    """
    tracker = FaceTracker(detector, settings.min_size)
    rows_path, crops_path = scratch / "sightings.npy", scratch / "faces.npy"
    times: list[Seconds] = []
    with GrowingFile(rows_path, SIGHTING) as rows, CropFile(crops_path) as crops:
        watcher = _Watcher(tracker, settings.frames_per_second, rows, crops)
        for picture in sampled_pictures(video_path, info, spans, settings.motion_per_second):
            times.append(picture.time)
            watcher.watch(picture)
    sightings: NDArray[np.void] = np.load(rows_path, allow_pickle=False)
    return Watched(np.array(times), sightings, tracker.appearances, crops_path)


@dataclass
class _Watcher:
    """Sees pictures one after the other."""

    tracker: FaceTracker
    crop_rate: float
    rows: GrowingFile
    crops: CropFile
    _shown: Seconds = -np.inf
    _crop_number: dict[int, int] = field(default_factory=dict)

    def watch(self, picture: Picture) -> None:
        if picture.leap:
            self.tracker.leap()
        sightings = self.tracker.see(picture.time, picture)
        rate = min(self.crop_rate, _CROPS_A_SECOND / max(1, len(sightings)))
        for sighting in sightings:
            self._write(picture, sighting, rate)
        self._shown = picture.shown

    def _write(self, picture: Picture, sighting: Sighting, crop_rate: float) -> None:
        box, track = sighting.box, sighting.track
        crop_row, quality = -1, np.nan
        number = int(picture.time * crop_rate)
        if self._crop_number.get(track) != number:
            self._crop_number[track] = number
            crop = cut_face(picture.gray, box)
            crop_row, quality = self.crops.append(crop), crop_quality(crop, box)
        place = (box.x, box.y, box.width, box.height)
        motion = self._motion(picture, sighting)
        row = (picture.time, track, place, motion, quality, crop_row)
        self.rows.append_row(np.array(row, SIGHTING))

    def _motion(self, picture: Picture, sighting: Sighting) -> MouthMotion:
        step = picture.shown - self._shown
        if sighting.views is None or not 0 < step <= _GAP:
            return UNKNOWN_MOTION
        return mouth_motion(*sighting.views, step)
