"""From a labelled clip to what a branch judges: sound, face crops, words."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.protocols import FaceDetector, FaceSequence, Samples, TextSample
from schemas.corpus import LabelledClip
from schemas.errors import InputError, SettingsError
from schemas.settings import WeightSettings
from tasks.corpora.sound import read_sound

if TYPE_CHECKING:
    from numpy.typing import NDArray

_IMAGES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
_FRAMES_PER_SECOND = 5.0
_SMALL = 100
"""A picture no larger, in pixels, is a face already cut out, as those of FER2013 are."""


def sample_reader(branch: str, weights: WeightSettings) -> Callable[[LabelledClip], Any]:
    """The function that reads samples for `audio`, `video` or `text`; None from it: not judgeable.

    Raises `SettingsError` for another branch.
    """
    if branch == "audio":
        return read_voice
    if branch == "text":
        return read_words
    if branch != "video":
        raise SettingsError(f"A table of samples cannot be judged by '{branch}'.")
    from models.faces.detectors import best_detector

    detector = best_detector(weights)
    return lambda clip: read_face(clip, detector)


def read_voice(clip: LabelledClip) -> Samples:
    """Decode the clip's sound; `InputError` where it has none."""
    if clip.source is None:
        raise InputError(f"The voice cannot be judged by the text '{clip.text}'; give a path.")
    return read_sound(clip.source)


def read_words(clip: LabelledClip) -> TextSample:
    """The clip's words; `InputError` where the row has none."""
    if clip.text is None:
        raise InputError(f"{clip.source} has no text beside it; the words cannot be judged.")
    return TextSample(clip.text, clip.language)


def read_face(clip: LabelledClip, detector: FaceDetector) -> FaceSequence | None:
    """Cut the largest face out of an image, a folder of frames or a video; None where none is."""
    from models.faces.crops import cut_face

    crops: list[NDArray[np.uint8]] = []
    times: list[float] = []
    for time, image in _pictures(clip):
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


def _pictures(clip: LabelledClip) -> Iterator[tuple[float, "NDArray[np.uint8]"]]:
    """Time in seconds and BGR image of each frame, five per second of a video."""
    import cv2

    if clip.source is None:
        raise InputError(f"The face cannot be judged by the text '{clip.text}'; give a path.")
    path = Path(clip.source)
    if not path.is_dir() and path.suffix.lower() not in _IMAGES:
        yield from _video_frames(path)
        return
    files = [path] if path.is_file() else sorted(f for f in path.iterdir() if f.is_file())
    images = [file for file in files if file.suffix.lower() in _IMAGES]
    for number, file in enumerate(images):
        image = cv2.imread(str(file))
        if image is None:
            raise InputError(f"{file} cannot be read as a picture.")
        yield number / _FRAMES_PER_SECOND, np.asarray(image, dtype=np.uint8)


def _video_frames(path: Path) -> Iterator[tuple[float, "NDArray[np.uint8]"]]:
    import av

    try:
        with av.open(str(path)) as container:
            due = 0.0
            for frame in container.decode(video=0):
                time = float(frame.time or 0.0)
                if time + 1e-6 >= due:
                    due = time + 1 / _FRAMES_PER_SECOND
                    yield time, np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8)
    except (OSError, IndexError, av.FFmpegError) as error:
        raise InputError(f"{path} cannot be read as a video: {error}") from error
