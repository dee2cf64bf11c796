"""The people of composed meetings: short clips in which they talk and are silent.

Two sets that share nobody: constants are chosen on `tuning`, figures come from `report`. Each
person's voice is the clip's own sound, so that lips and sound belong together. Where somebody is
silent was read off the sound (under -38 dB) and looked at, picture by picture.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.faces.detectors import YuNetDetector
from schemas.errors import InputError
from schemas.settings import WeightSettings
from schemas.values import SAMPLE_RATE, Seconds
from tasks.media.programs import run_program
from tasks.media.split import ffmpeg_program

Pictures = NDArray[np.uint8]
Sound = NDArray[np.float32]

PeopleSet = Literal["tuning", "report"]

RATE = 25
"""Pictures per second of all clips once they are read; all timing is on this grid."""

LOUD = 0.05
"""Root mean square of everybody's speech."""

_TALLEST = 540
"""Clips are read at this height at most, in pixels."""

_DEADLINE: Seconds = 120.0
_SEARCH_EVERY = 4
"""Faces are searched in every fourth picture, and boxes drawn between."""


@dataclass(frozen=True)
class Source:
    """A clip: spans of seconds in which somebody talks, and in which they are plainly silent."""

    file: str
    talk: Sequence[tuple[Seconds, Seconds]]
    quiet: Sequence[tuple[Seconds, Seconds]]


SOURCES: Mapping[PeopleSet, Mapping[str, Source]] = {
    "tuning": {
        "g01": Source("grid_bbaf2n.mpg", [(1.0, 2.48)], [(0.0, 0.76), (2.64, 3.0)]),
        "g05": Source("grid_lbbc2a.mpg", [(0.52, 1.96)], [(0.0, 0.32), (2.12, 2.72)]),
        "g08": Source("grid_sbia1a.mpg", [(0.56, 2.32)], [(0.0, 0.32), (2.56, 3.0)]),
        "vr1": Source("vr_face1.mp4", [(0.0, 2.32), (3.52, 4.48)], [(2.56, 3.32), (4.72, 6.0)]),
        "r01": Source("01-01-01-01-01-01-01.mp4", [(1.08, 2.24)], [(0.0, 0.76), (2.48, 3.24)]),
        "pf1": Source("pyfeat_face_noface.mov", [], [(0.0, 0.72), (0.72, 2.2)]),
    },
    "report": {
        "g03": Source("grid_id2_vcd_swwp2s.mpg", [(0.56, 2.16)], [(2.32, 2.92)]),
        "g07": Source("grid_lwbsza.mpg", [(0.68, 2.32)], [(0.0, 0.52), (2.52, 3.0)]),
        "g10": Source("grid_swiz3n.mpg", [(0.64, 2.64)], [(0.0, 0.4), (2.76, 3.0)]),
        "vr2": Source(
            "vr_face2.mp4", [(0.24, 2.0), (2.64, 3.88), (4.36, 4.76)], [(3.96, 4.32), (2.2, 2.56)]
        ),
        "vr3": Source("vr_face3.mp4", [(0.04, 3.0), (3.36, 4.4)], [(4.48, 4.72)]),
        "la0": Source("lightasd_facecrop_00000.mp4", [], [(3.68, 4.16), (20.0, 21.92)]),
    },
}
"""Whom meetings are composed of; those who never talk in their clip only listen."""


@dataclass
class Person:
    """A clip read: pictures (n, height, width, 3) BGR, face boxes (n, 4) in pixels, sound 16 kHz.

    `talk` and `quiet` are spans of picture numbers. `first` is the first picture that is kept.
    """

    name: str
    pictures: Pictures
    boxes: NDArray[np.float64]
    sound: Sound
    talk: Sequence[tuple[int, int]]
    quiet: Sequence[tuple[int, int]]
    _sized: dict[int, Pictures] = field(default_factory=dict, repr=False)

    @cached_property
    def face(self) -> NDArray[np.float64]:
        """The middle of all face boxes: left, top, width, height."""
        middle: NDArray[np.float64] = np.median(self.boxes, axis=0)
        return middle

    def sized(self, scale: float) -> tuple[Pictures, float]:
        """Return the pictures made smaller for drawing at `scale`, and their own scale."""
        import cv2

        halvings = max(0, int(np.floor(-np.log2(max(scale, 1e-3)))))
        if not halvings:
            return self.pictures, 1.0
        if halvings not in self._sized:
            size = (self.pictures.shape[2] >> halvings, self.pictures.shape[1] >> halvings)
            smaller = [cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in self.pictures]
            self._sized[halvings] = np.asarray(smaller, dtype=np.uint8)
        smaller_pictures = self._sized[halvings]
        return smaller_pictures, smaller_pictures.shape[2] / self.pictures.shape[2]


def people_of(
    folder: Path, chosen: PeopleSet, names: Collection[str] | None = None
) -> dict[str, Person]:
    """Read the people of a set, all or those named, from the folder with the clips.

    Raises `InputError` for a clip that is missing or cannot be decoded.
    """
    return {
        name: _read(folder, name, source)
        for name, source in SOURCES[chosen].items()
        if names is None or name in names
    }


@cache
def _detector() -> YuNetDetector:
    return YuNetDetector(WeightSettings())


def _read(folder: Path, name: str, source: Source) -> Person:
    path = folder / source.file
    if not path.is_file():
        raise InputError(f"The clip {source.file} is not in {folder}; name the folder with clips.")
    first = min(start for start, _ in [*source.talk, *source.quiet])
    last = max(end for _, end in [*source.talk, *source.quiet])
    pictures = _pictures(path, first, last)
    boxes = np.full((len(pictures), 4), np.nan)
    for at in range(0, len(pictures), _SEARCH_EVERY):
        picture = pictures[at]
        found = _detector().detect(picture)
        if found:
            boxes[at] = (found[0].x, found[0].y, found[0].width, found[0].height)
    boxes = _filled(boxes)
    talk, quiet = (
        [
            (round((s - first) * RATE), min(round((e - first) * RATE), len(pictures)))
            for s, e in part
        ]
        for part in (source.talk, source.quiet)
    )
    sound = _sound(path, first, len(pictures) / RATE)
    return Person(name, pictures, boxes, _levelled(sound, talk), talk, quiet)


def _pictures(path: Path, first: Seconds, last: Seconds) -> Pictures:
    import cv2

    shape = cv2.VideoCapture(str(path))
    width, height = (int(shape.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, 4))
    shape.release()
    tall = min(height, _TALLEST) // 2 * 2
    wide = round(width * tall / height / 2) * 2
    where = ["-vf", f"fps={RATE},scale={wide}:{tall}:flags=area", "-pix_fmt", "bgr24"]
    content = _decode(path, first, last - first, [*where, "-f", "rawvideo"])
    return np.frombuffer(content, np.uint8).reshape(-1, tall, wide, 3)


def _sound(path: Path, first: Seconds, seconds: Seconds) -> Sound:
    content = _decode(path, first, seconds, ["-f", "f32le", "-ac", "1", "-ar", str(SAMPLE_RATE)])
    sound = np.frombuffer(content, np.float32)
    wanted = round(seconds * SAMPLE_RATE)
    return np.pad(sound[:wanted], (0, max(0, wanted - len(sound))))


def _decode(path: Path, first: Seconds, seconds: Seconds, kind: Sequence[str]) -> bytes:
    command = [ffmpeg_program(), "-nostdin", "-v", "error", "-i", str(path), "-ss", f"{first:.3f}"]
    ended = run_program([*command, "-t", f"{seconds:.3f}", *kind, "-"], _DEADLINE)
    if ended.returncode != 0:
        raise InputError(f"The clip {path.name} cannot be decoded: {ended.last_error}.")
    return ended.output


def _filled(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fill pictures without a face from those around them."""
    known = np.flatnonzero(np.isfinite(boxes[:, 0]))
    at = np.arange(len(boxes))
    return np.stack([np.interp(at, known, boxes[known, k]) for k in range(4)], axis=1)


def _levelled(sound: Sound, talk: Sequence[tuple[int, int]]) -> Sound:
    """Bring the talking parts to `LOUD`; silent clips are silent."""
    if not talk:
        return np.zeros_like(sound)
    step = SAMPLE_RATE // RATE
    spoken = np.concatenate([sound[s * step : e * step] for s, e in talk])
    return np.asarray(sound * (LOUD / np.sqrt(np.square(spoken).mean() + 1e-12)), np.float32)
