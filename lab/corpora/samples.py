"""Turn a labelled clip into the sample of a branch: sound, face crops, words."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np

from lab.corpora.archives import MEMBER
from lab.corpora.sound import content, read_sound
from models.protocols import FaceDetector, FaceSequence, Samples, TextSample
from models.registry import load_engine
from schemas.corpus import LabelledClip
from schemas.errors import InputError, SettingsError
from schemas.settings import WeightSettings, load_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

Item = TypeVar("Item")
Sample = TypeVar("Sample")

_IMAGES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
_TABLES = frozenset({".parquet", ".csv"})
_FRAMES_PER_SECOND = 5.0
_SMALL = 100
"""A picture no larger, in pixels, is a face already cut out, as those of FER2013 are."""


def sample_reader(branch: str, weights: WeightSettings) -> Callable[[LabelledClip], Any]:
    """Return the function that reads a branch's samples; it returns None for nothing to judge.

    Raises `SettingsError` for another branch.
    """
    if branch == "audio":
        return read_voice
    if branch == "text":
        return read_words
    if branch != "video":
        raise SettingsError(f"A table of samples cannot be judged by '{branch}'.")
    detector = load_engine("face_detector", load_settings().engine("face_detector"), weights)
    return lambda clip: read_face(clip, detector)


class Readable(NamedTuple, Generic[Sample]):
    """What could be read, by row: samples, and of damaged files a sentence each."""

    samples: dict[int, Sample]
    damaged: dict[int, str]


def read_readable(items: Mapping[int, Item], read: Callable[[Item], Sample]) -> Readable[Sample]:
    """Read every row that can be read; one whose file is damaged (`InputError`) is left out."""
    found: Readable[Sample] = Readable({}, {})
    for row, item in items.items():
        try:
            found.samples[row] = read(item)
        except InputError as error:
            found.damaged[row] = error.sentence
    return found


def warn_of_damaged(damaged: Mapping[int, str], n_all: int) -> tuple[str, ...]:
    """One sentence on how many of `n_all` clips are left out, and why the first one; or none.

    Raises `InputError` where that is all of them.
    """
    if not damaged:
        return ()
    first = damaged[min(damaged)]
    if len(damaged) == n_all:
        raise InputError(f"None of {n_all} clips can be read; the first: {first}")
    return (f"{len(damaged)} of {n_all} clips cannot be read and are left out; the first: {first}",)


def read_voice(clip: LabelledClip) -> Samples:
    """Decode the clip's sound; `InputError` where it has none."""
    if clip.source is None:
        raise InputError(f"The voice cannot be judged by the text '{clip.text}'; give a path.")
    return read_sound(clip.source)


def read_words(clip: LabelledClip) -> TextSample:
    """Return the clip's words; `InputError` where the row has none."""
    if clip.text is None:
        raise InputError(f"{clip.source} has no text beside it; the words cannot be judged.")
    return TextSample(clip.text, clip.language, clip.context, clip.speaker or None)


def read_face(clip: LabelledClip, detector: FaceDetector) -> FaceSequence | None:
    """Cut the largest face out of an image, a folder of frames or a video; None where none is."""
    from models.faces.crops import cut_face

    crops: list[NDArray[np.uint8]] = []
    times: list[float] = []
    for time, image in pictures(clip):
        gray = np.asarray(image.mean(axis=2), dtype=np.uint8)
        if max(gray.shape) <= _SMALL:
            crops.append(_whole(gray))
        elif faces := detector.detect(image):
            crops.append(cut_face(gray, max(faces, key=lambda face: face.width * face.height)))
        else:
            continue
        times.append(time)
    return FaceSequence(np.stack(crops), np.array(times, dtype=np.float32)) if crops else None


def _whole(gray: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    import cv2

    from models.faces.crops import CROP

    return np.asarray(cv2.resize(gray, (CROP, CROP)), dtype=np.uint8)


def is_film(clip: LabelledClip) -> bool:
    """Whether a clip's source is neither a picture, nor a folder or a table of some."""
    path, home = _places(clip.source or "")
    of_table = home.suffix.lower() in _TABLES and home != path
    return not (of_table or path.is_dir() or path.suffix.lower() in _IMAGES)


def _places(source: str) -> tuple[Path, Path]:
    """Return a source as a path, and the archive or table that it lies in, else itself."""
    return Path(source), Path(source.split(MEMBER, 1)[0])


def pictures(clip: LabelledClip) -> Iterator[tuple[float, "NDArray[np.uint8]"]]:
    """Time in seconds and BGR image of each frame, five per second of a video.

    Raises `InputError` where there is no such file or no picture in it.
    """
    if clip.source is None:
        raise InputError(f"The face cannot be judged by the text '{clip.text}'; give a path.")
    path, home = _places(clip.source)
    if home.suffix.lower() in _TABLES and home != path:
        yield 0.0, _table_row(home, int(clip.source.rsplit(MEMBER, 1)[1]))
    elif path.is_dir():
        images = [file for file in sorted(path.iterdir()) if file.suffix.lower() in _IMAGES]
        for number, file in enumerate(images):
            yield number / _FRAMES_PER_SECOND, _image(str(file))
    elif path.suffix.lower() in _IMAGES:
        yield 0.0, _image(clip.source)
    else:
        yield from _video_frames(clip.source)


def _table_row(table: Path, row: int) -> "NDArray[np.uint8]":
    from lab.corpora.face_tables import cached_rows, picture

    return np.repeat(picture(cached_rows(table).images[row])[..., None], 3, axis=2)


def _image(source: str) -> "NDArray[np.uint8]":
    import cv2

    try:
        opened = content(source)
        data = Path(opened).read_bytes() if isinstance(opened, str) else opened.read()
    except (OSError, KeyError) as error:
        raise InputError(f"{source} cannot be read as a picture: {error}.") from error
    # OpenCV fails on an empty buffer
    image = cv2.imdecode(np.frombuffer(data or b"\0", np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(f"{source} cannot be read as a picture.")
    return np.asarray(image, dtype=np.uint8)


def _video_frames(source: str) -> Iterator[tuple[float, "NDArray[np.uint8]"]]:
    import av

    try:
        with av.open(content(source), mode="r") as container:
            due = 0.0
            for frame in container.decode(video=0):
                time = float(frame.time or 0.0)
                if time + 1e-6 >= due:
                    due = time + 1 / _FRAMES_PER_SECOND
                    yield time, np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8)
    except (OSError, IndexError, KeyError, av.FFmpegError) as error:
        raise InputError(f"{source} cannot be read as a video: {error}") from error
