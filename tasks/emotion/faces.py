"""Find the speaker's face in each utterance: detect, track, choose among several, crop.

One pass over the video's utterance spans at a low rate. Only crops of the speaker's face are
kept, in one scratch file; a minute of sightings lies in memory, whatever the length of the
recording.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from models.faces.crops import CROP, Crop, cut_face, mouth_motion
from models.faces.speaking import pick_speaking_face
from models.faces.tracking import FaceTracker, Sighting
from models.protocols import FaceBox, FaceDetector, FaceSequence, Waveform
from models.registry import load_engine
from schemas.media import MediaInfo
from schemas.settings import Settings
from schemas.speech import Faces, FaceTrack, Utterance
from schemas.values import Seconds, to_grid
from tasks.media.frames import Picture, merge_spans, sampled_pictures

STAGE_VERSION = 3

_BRIDGED: Seconds = 3.0
"""Spans closer than this are read as one."""

_HISTORY: Seconds = 30.0
_LOOK_AHEAD: Seconds = 15.0
"""Mouths are watched this long before and after an utterance, to know them silent too."""

_JUST_BEFORE: Seconds = 0.5
"""A frame this old still counts as seen."""

_LASTING_SHARE = 0.2
"""A face in fewer of an utterance's pictures is a mistake or somebody passing."""

_VOICE_FLOOR_DB = -60.0


def find_faces(
    video_path: str,
    info: MediaInfo,
    utterances: Sequence[Utterance],
    waveform: Waveform | None,
    settings: Settings,
    scratch: Path,
) -> Faces:
    """Find the speaker's face of each utterance; one track per utterance, in order.

    A video that breaks off gives the faces until then. Raises `InputError` where not one
    picture can be decoded, `WeightsError` where the detector's weights are missing.
    """
    if info.video is None or not utterances:
        return Faces(tracks=tuple(FaceTrack(utterance_index=u.index) for u in utterances))
    rate = settings.faces.frames_per_second
    spans = merge_spans([(u.start, u.end) for u in utterances], _BRIDGED)
    detector = load_engine("face_detector", settings.engine("face_detector"), settings.weights)
    watcher = _Watcher(detector, settings.faces.min_size)
    path = scratch / "faces.npy"
    with CropFile(path) as crops:
        stage = _Attribution(utterances, waveform, crops)
        for picture in sampled_pictures(video_path, info, spans, rate):
            stage.finish_before(picture.time - _LOOK_AHEAD)
            stage.add(watcher.watch(picture))
        stage.finish_before(np.inf)
    return Faces(tracks=tuple(stage.tracks), crops_path=str(path))


def face_sequence(faces: Faces, track: FaceTrack) -> FaceSequence:
    """Read the crops of one track; an empty sequence where no face was found."""
    times = np.asarray(track.times, dtype=np.float32)
    if not track.rows or faces.crops_path is None:
        return FaceSequence(np.empty((0, CROP, CROP), dtype=np.uint8), times)
    stored = np.load(faces.crops_path, mmap_mode="r", allow_pickle=False)
    return FaceSequence(np.array(stored[list(track.rows)], dtype=np.uint8), times)


def read_sequences(faces: Faces) -> Iterator[tuple[int, FaceSequence]]:
    """Yield (utterance index, its face sequence) of all utterances in which a face was found."""
    for track in faces.tracks:
        if track.rows:
            yield track.utterance_index, face_sequence(faces, track)


@dataclass(frozen=True)
class _Seen:
    """One face in one picture: its crop and place, and how its mouth moved since the last."""

    crop: Crop
    motion: float
    place: tuple[float, float, float, float]


@dataclass(frozen=True)
class _Moment:
    """The faces of one picture, by track."""

    time: Seconds
    faces: dict[int, _Seen]


class _Watcher:
    """Sees pictures one after the other: tracks, crops, mouth motion."""

    def __init__(self, detector: FaceDetector, smallest: float) -> None:
        self._detector = detector
        self._smallest = smallest
        self._tracker: FaceTracker | None = None
        self._before: NDArray[np.uint8] | None = None
        self._tracks_before: set[int] = set()

    def watch(self, picture: Picture) -> _Moment:
        if self._tracker is None:
            self._tracker = FaceTracker(self._detector, self._smallest / picture.scale)
        if picture.leap:
            self._tracker.leap()
        sightings = self._tracker.see(picture.time, picture.color)
        seen = {s.track: self._look(picture, s) for s in sightings}
        self._before, self._tracks_before = picture.gray, set(seen)
        return _Moment(picture.time, seen)

    def _look(self, picture: Picture, sighting: Sighting) -> _Seen:
        box = _scaled(sighting.box, picture.scale)
        crop = cut_face(picture.gray, box)
        place = (round(box.x, 1), round(box.y, 1), round(box.width, 1), round(box.height, 1))
        known = self._before is not None and sighting.track in self._tracks_before
        if not known or self._before is None or self._before.shape != picture.gray.shape:
            return _Seen(crop, np.nan, place)
        return _Seen(crop, mouth_motion(cut_face(self._before, box), crop), place)


def _scaled(box: FaceBox, scale: float) -> FaceBox:
    return replace(
        box,
        x=box.x * scale,
        y=box.y * scale,
        width=box.width * scale,
        height=box.height * scale,
    )


@dataclass
class _Attribution:
    """Gives each utterance its speaker's face as soon as its last picture has been seen."""

    utterances: Sequence[Utterance]
    waveform: Waveform | None
    crops: "CropFile"
    tracks: list[FaceTrack] = field(default_factory=list)
    _moments: deque[_Moment] = field(default_factory=deque)

    def add(self, moment: _Moment) -> None:
        self._moments.append(moment)
        waiting = [u.start for u in self.utterances[len(self.tracks) :]]
        oldest = min([moment.time, *waiting[:1]]) - _HISTORY
        while self._moments and self._moments[0].time < oldest:
            self._moments.popleft()

    def finish_before(self, time: Seconds) -> None:
        """Finish the utterances, in their order, that end before `time`."""
        for utterance in self.utterances[len(self.tracks) :]:
            if utterance.end >= time:
                return
            self.tracks.append(self._finish(utterance))

    def _finish(self, utterance: Utterance) -> FaceTrack:
        if "no_consent" in utterance.flags:
            return FaceTrack(utterance_index=utterance.index)
        inside = self._moments_of(utterance)
        lasting = _lasting_faces(inside)
        chosen = self._choose(utterance, inside, lasting)
        if chosen is None:
            return FaceTrack(utterance_index=utterance.index, unsure=bool(lasting))
        with_face = [moment for moment in inside if chosen in moment.faces]
        return FaceTrack(
            utterance_index=utterance.index,
            coverage=len(with_face) / len(inside),
            times=tuple(to_grid(moment.time) for moment in with_face),
            rows=tuple(self.crops.append(moment.faces[chosen].crop) for moment in with_face),
            boxes=tuple(moment.faces[chosen].place for moment in with_face),
        )

    def _moments_of(self, utterance: Utterance) -> list[_Moment]:
        """Return the moments of an utterance; the last one before, if it falls between frames."""
        inside = [m for m in self._moments if utterance.start <= m.time <= utterance.end]
        near = [m for m in self._moments if 0 < utterance.start - m.time < _JUST_BEFORE]
        return inside or near[-1:]

    def _choose(
        self, utterance: Utterance, inside: Sequence[_Moment], lasting: Sequence[int]
    ) -> int | None:
        """One face at a time: the one seen longest; several at once: the one that speaks."""
        if not lasting:
            return None
        together = [m for m in inside if len(set(lasting) & set(m.faces)) > 1]
        if len(together) <= _LASTING_SHARE * len(inside):
            return max(lasting, key=lambda track: sum(track in m.faces for m in inside))
        first, last = utterance.start - _HISTORY, utterance.end + _LOOK_AHEAD
        watched = [m for m in self._moments if first <= m.time <= last]
        times = np.array([moment.time for moment in watched])
        motion = {
            track: np.array([_motion_of(moment, track) for moment in watched]) for track in lasting
        }
        return pick_speaking_face(motion, self._voice(utterance, times))

    def _voice(self, utterance: Utterance, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the speaker's level at each frame: 0 in silence, NaN in overlaps."""
        own, others = np.zeros(len(times), bool), np.zeros(len(times), bool)
        for other in self._around(times[0], times[-1]):
            spoken = (times >= other.start) & (times <= other.end)
            mine = other.speaker == utterance.speaker
            own |= spoken & mine
            others |= spoken & (not mine)
        level = np.where(own, self._levels(times), 0.0)
        voice: NDArray[np.float64] = np.where(own & others, np.nan, level)
        return voice

    def _around(self, start: Seconds, end: Seconds) -> Iterator[Utterance]:
        """Utterances that touch a span; they are sorted by start and at most minutes long."""
        first = len(self.tracks)
        for utterance in self.utterances[first:]:
            if utterance.start > end:
                break
            yield utterance
        for utterance in reversed(self.utterances[:first]):
            if utterance.start < start - 4 * _HISTORY:
                break
            if utterance.end >= start:
                yield utterance

    def _levels(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Level of the sound up to each picture, dB over the floor; one where there is no sound."""
        if self.waveform is None or len(times) < 2:
            return np.ones(len(times))
        step = float(np.median(np.diff(times)))
        sound = self.waveform.read(float(times[0]) - step, float(times[-1]))
        rate, first = self.waveform.sample_rate, float(times[0]) - step
        levels = []
        for time in times:
            end = round((time - first) * rate)
            piece = sound[max(0, end - round(step * rate)) : max(1, end)]
            power = float(np.mean(np.square(piece))) if len(piece) else 0.0
            levels.append(10 * np.log10(power + 1e-12) - _VOICE_FLOOR_DB)
        return np.maximum(np.array(levels, dtype=np.float64), 0.0)


def _lasting_faces(moments: Sequence[_Moment]) -> list[int]:
    counts: dict[int, int] = {}
    for moment in moments:
        for track in moment.faces:
            counts[track] = counts.get(track, 0) + 1
    return [track for track, count in counts.items() if count >= _LASTING_SHARE * len(moments)]


def _motion_of(moment: _Moment, track: int) -> float:
    return moment.faces[track].motion if track in moment.faces else np.nan


class CropFile:
    """A `.npy` file of crops that grows by appending, so that no crop stays in memory.

    The header is written again when the file is closed: numpy leaves room in it for a growing
    first axis (`numpy.lib.format`).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._n = 0

    def __enter__(self) -> Self:
        self._file: BinaryIO = self._path.open("wb")
        self._write_header()
        return self

    def append(self, crop: Crop) -> int:
        """Write one crop (48, 48) uint8; return its row."""
        self._file.write(np.ascontiguousarray(crop).tobytes())
        self._n += 1
        return self._n - 1

    def __exit__(self, *_: object) -> None:
        self._file.seek(0)
        self._write_header()
        self._file.close()

    def _write_header(self) -> None:
        shape = (self._n, CROP, CROP)
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)
