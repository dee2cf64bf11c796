"""Find the speaker's face in each utterance, and the faces of those who listen.

The video is watched once (`tasks/emotion/watch.py`). Whose face is whose is then decided for the
whole recording at once: tracks that show one person are linked, mouths are compared with voices,
and a face is a speaker's only where that is likely enough. A picture of a face, such as a
photograph on a slide, does not move and is nobody.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.faces.crops import CROP
from models.faces.evidence import Evidence, gather
from models.faces.speaking import Choice, choose_faces
from models.faces.synchrony import RATE, Heard, find_delay
from models.protocols import CloserLook, FaceSequence, Waveform
from models.registry import load_engine
from schemas.media import MediaInfo
from schemas.settings import Settings
from schemas.speech import Faces, FaceTrack, ListenerFace, Utterance
from schemas.values import Seconds, to_grid
from tasks.emotion.cast import Cast, Seen
from tasks.emotion.closer import find_doubtful, look_closer
from tasks.emotion.watch import watch
from tasks.media.frames import Span, merge_spans

STAGE_VERSION = 3

_BRIDGED: Seconds = 3.0
"""Spans closer than this are read as one."""

_CONTEXT: Seconds = 1.0
"""What is watched before and after an utterance, to see mouths begin and end."""

_HARDLY = 0.1
"""Whoever is the speaker with a smaller probability listens."""

_LEVEL_RANGE_DB = 40.0
_BLOCK: Seconds = 60.0


def find_faces(
    video_path: str,
    info: MediaInfo,
    utterances: Sequence[Utterance],
    waveform: Waveform | None,
    settings: Settings,
    scratch: Path,
) -> Faces:
    """Find the speaker's face of each utterance, and its listeners; one track per utterance.

    A video that breaks off gives the faces until then. Raises `InputError` where not one
    picture can be decoded, `WeightsError` where an engine's weights are missing.
    """
    if info.video is None or not utterances:
        return Faces(tracks=tuple(FaceTrack(utterance_index=u.index) for u in utterances))
    seen = observe(video_path, info, utterances, waveform, settings, scratch)
    choices = _choices(video_path, info, utterances, waveform, settings, seen)
    limit = settings.faces.min_confidence
    owners = _owners(utterances, choices, limit)
    names = seen.cast.names(owners)
    tracks, listeners = [], []
    for utterance, choice in zip(utterances, choices, strict=True):
        people = seen.cast.seen_in(utterance, seen.delay)
        tracks.append(_track(utterance, choice, people, limit))
        if "no_consent" not in utterance.flags:
            listeners += _listeners(utterance, choice, people, limit, names)
    return Faces(
        tracks=tuple(tracks),
        listeners=tuple(listeners),
        crops_path=str(seen.crops_path),
        audio_delay=seen.delay,
    )


def _choices(
    video_path: str,
    info: MediaInfo,
    utterances: Sequence[Utterance],
    waveform: Waveform | None,
    settings: Settings,
    seen: "Observed",
) -> list[Choice]:
    """Choose by the evidence; where that leaves doubt, by a closer look if the engine takes one."""
    engine = load_engine("active_speaker", settings.engine("active_speaker"), settings.weights)
    log_odds = engine.log_odds(seen.evidence)
    choices = choose_faces(utterances, seen.evidence, log_odds)
    if waveform is None or not isinstance(engine, CloserLook):
        return choices
    doubtful = find_doubtful(utterances, seen.evidence, choices, log_odds, engine.doubt)
    more = look_closer(
        video_path, info, doubtful, seen.evidence, seen.cast, waveform, seen.delay, engine
    )
    return choose_faces(utterances, seen.evidence, log_odds + more)


def observe(
    video_path: str,
    info: MediaInfo,
    utterances: Sequence[Utterance],
    waveform: Waveform | None,
    settings: Settings,
    scratch: Path,
) -> "Observed":
    """Watch a video and gather what speaks for each person in each utterance.

    Raises as `find_faces` does.
    """
    detector = load_engine("face_detector", settings.engine("face_detector"), settings.weights)
    watched = watch(video_path, info, _spans(utterances), detector, settings.faces, scratch)
    return compare(Cast(watched), watched.crops_path, info, utterances, waveform)


def compare(
    cast: Cast,
    crops_path: Path,
    info: MediaInfo,
    utterances: Sequence[Utterance],
    waveform: Waveform | None,
) -> "Observed":
    """Gather what speaks for each person of a video that was watched, in each utterance."""
    length = max(info.duration, *(utterance.end for utterance in utterances))
    heard = Heard(_level(waveform, length), _active(utterances, length))
    delay = find_delay(cast.people, heard)
    evidence = gather(utterances, cast.people, heard, delay)
    return Observed(cast, evidence, delay, crops_path)


def face_sequence(faces: Faces, track: FaceTrack | ListenerFace) -> FaceSequence:
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


def _spans(utterances: Sequence[Utterance]) -> list[Span]:
    around = [(max(0.0, u.start - _CONTEXT), u.end + _CONTEXT) for u in utterances]
    return merge_spans(around, _BRIDGED)


@dataclass(frozen=True)
class Observed:
    """What was seen of a recording; the sound is late by `delay`."""

    cast: Cast
    evidence: Evidence
    delay: Seconds
    crops_path: Path


def _level(waveform: Waveform | None, duration: Seconds) -> NDArray[np.float64]:
    """Return the sound's level on the grid of `RATE`, in [0, 1]; 1 where there is no sound."""
    count = int(duration * RATE) + 1
    if waveform is None:
        return np.ones(count)
    hop = round(waveform.sample_rate / RATE)
    power = np.zeros(count)
    block = round(_BLOCK * RATE)
    for first in range(0, count, block):
        n = min(block, count - first)
        # each value is the mean over two steps, around its place
        sound = waveform.read((first - 0.5) / RATE, (first + n + 0.5) / RATE)
        halves = np.square(sound[: (n + 1) * hop].astype(np.float64)).reshape(n + 1, hop)
        power[first : first + n] = (halves.mean(axis=1)[:-1] + halves.mean(axis=1)[1:]) / 2
    decibels = 10 * np.log10(power + 1e-10)
    floor = max(float(np.percentile(decibels, 10)), -60.0)
    return np.clip((decibels - floor) / _LEVEL_RANGE_DB, 0.0, 1.0)


def _active(utterances: Sequence[Utterance], duration: Seconds) -> dict[str, NDArray[np.bool_]]:
    count = int(duration * RATE) + 1
    active: dict[str, NDArray[np.bool_]] = defaultdict(lambda: np.zeros(count, np.bool_))
    for utterance in utterances:
        active[utterance.speaker][int(utterance.start * RATE) : int(utterance.end * RATE) + 1] = (
            True
        )
    return dict(active)


def _owners(
    utterances: Sequence[Utterance], choices: Sequence[Choice], limit: float
) -> dict[int, str]:
    """Return the speaker whose face each person is, by the seconds that they share."""
    shared: dict[int, dict[str, Seconds]] = defaultdict(lambda: defaultdict(float))
    for utterance, choice in zip(utterances, choices, strict=True):
        if choice.person is not None and choice.confidence >= limit:
            shared[choice.person][utterance.speaker] += utterance.duration
    return {
        person: max(seconds, key=lambda speaker: seconds[speaker])
        for person, seconds in shared.items()
    }


def _track(
    utterance: Utterance, choice: Choice, seen: Mapping[int, Seen], limit: float
) -> FaceTrack:
    if "no_consent" in utterance.flags:
        return FaceTrack(utterance_index=utterance.index)
    if choice.person is None or choice.person not in seen or choice.confidence < limit:
        return FaceTrack(utterance_index=utterance.index, unsure=bool(seen))
    chosen = seen[choice.person]
    crops = chosen.crops()
    return FaceTrack(
        utterance_index=utterance.index,
        coverage=chosen.coverage,
        confidence=round(choice.confidence, 4),
        times=tuple(to_grid(float(time)) for time in crops["time"]),
        rows=tuple(crops["crop"].tolist()),
        boxes=tuple(tuple(box) for box in np.round(crops["box"], 1).tolist()),
    )


def _listeners(
    utterance: Utterance,
    choice: Choice,
    seen: Mapping[int, Seen],
    limit: float,
    names: Mapping[int, str],
) -> list[ListenerFace]:
    """Return whoever was seen and surely is not the speaker.

    Where nobody's face is the speaker's, that is whoever hardly can be, or is another's face.
    """
    certain = choice.confidence >= limit or choice.confidence < _HARDLY
    listening: dict[str, list[Seen]] = defaultdict(list)
    for number, person in seen.items():
        name = names[number]
        is_speaker = number == choice.person and choice.confidence >= _HARDLY
        is_other = certain or not name.startswith("FACE_")
        if not is_speaker and is_other and name != utterance.speaker:
            listening[name].append(person)
    return [
        face
        for name, parts in listening.items()
        if (face := _listener(utterance, name, parts)) is not None
    ]


def _listener(utterance: Utterance, name: str, parts: Sequence[Seen]) -> ListenerFace | None:
    """Join what was seen of one listener, before and after a cut; None where no crop is left."""
    crops = np.concatenate([part.crops() for part in parts])
    if not len(crops):
        return None
    crops = crops[np.argsort(crops["time"], kind="stable")]
    coverage = min(1.0, sum(part.coverage for part in parts))
    return ListenerFace(
        utterance_index=utterance.index,
        participant=name,
        seconds=to_grid(coverage * utterance.duration),
        coverage=coverage,
        times=tuple(to_grid(float(time)) for time in crops["time"]),
        rows=tuple(crops["crop"].tolist()),
    )
