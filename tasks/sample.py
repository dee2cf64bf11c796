"""A small sample meeting, composed from material inside installed wheels.

Sound, turns and wording: the 30-second telephone talk of two people in pyannote.audio's wheel.
Pictures: two public-domain NASA and US Navy portraits, of Eileen Collins (scikit-image's wheel)
and Grace Hopper (matplotlib's), whose mouths are opened with the loudness of their speaker.
The captions beside it hold the words and times, but not who speaks: that is for diarization.

    python -m tasks.sample FOLDER
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.values import SAMPLE_RATE

FPS = 25
TILE = 360
AUDIO_FRAME = 1024

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Portrait:
    """A portrait; `face` is (centre x, mouth y, mouth width, face height) in its pixels."""

    package: str
    path: str
    face: tuple[int, int, int, int]


PORTRAITS = {
    "speaker90": Portrait("skimage", "data/astronaut.png", (219, 143, 41, 113)),
    "speaker91": Portrait(
        "matplotlib", "mpl-data/sample_data/grace_hopper.jpg", (265, 269, 74, 212)
    ),
}


@dataclass(frozen=True)
class SpokenLine:
    """One line of the talk, in seconds."""

    start: float
    end: float
    speaker: str
    text: str = ""


def make_sample(folder: Path) -> Path:
    """Write `sample.mp4` and its captions `sample.vtt` into a folder; return the recording.

    An existing sample is left as it is.
    """
    recording = folder / "sample.mp4"
    if recording.is_file():
        return recording
    folder.mkdir(parents=True, exist_ok=True)
    captions = [line for line in _read("sample.stm", _stm_line) if line.text]
    (folder / "sample.vtt").write_text(_vtt(captions), encoding="utf-8")
    sound = _sound()
    hidden = folder / ".sample.mp4"
    _encode(hidden, sound, _frames(sound, _read("sample.rttm", _rttm_line)))
    return hidden.rename(recording)


def _wheel(package: str, *parts: str) -> Path:
    """Path of a file inside an installed package, which is not imported (that takes seconds)."""
    spec = find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.submodule_search_locations is not None, f"{package} is no package"
    return Path(spec.submodule_search_locations[0], *parts)


def _read(name: str, parse: Callable[[list[str]], SpokenLine]) -> list[SpokenLine]:
    text = _wheel("pyannote.audio", "sample", name).read_text("utf-8")
    return [parse(line.split()) for line in text.splitlines() if line.strip()]


def _stm_line(fields: list[str]) -> SpokenLine:
    return SpokenLine(float(fields[3]), float(fields[4]), fields[2], " ".join(fields[5:]))


def _rttm_line(fields: list[str]) -> SpokenLine:
    start = float(fields[3])
    return SpokenLine(start, start + float(fields[4]), fields[7])


def _sound() -> NDArray[np.float32]:
    import soundfile

    path = _wheel("pyannote.audio", "sample", "sample.wav")
    sound, rate = soundfile.read(path, dtype="float32")
    assert rate == SAMPLE_RATE
    return np.asarray(sound, np.float32)


def _vtt(lines: list[SpokenLine]) -> str:
    def time(seconds: float) -> str:
        return f"00:00:{seconds:06.3f}"

    cues = [f"{time(line.start)} --> {time(line.end)}\n{line.text}\n" for line in lines]
    return "WEBVTT\n\n" + "\n".join(cues)


def _frames(sound: NDArray[np.float32], turns: list[SpokenLine]) -> Iterator[Picture]:
    """Two tiles side by side; a mouth opens with the loudness while its speaker has a turn."""
    tiles = {speaker: _tile(portrait) for speaker, portrait in PORTRAITS.items()}
    loudness = _loudness(sound)
    for number, loud in enumerate(loudness):
        now = number / FPS
        speaking = {turn.speaker for turn in turns if turn.start <= now < turn.end}
        pictures = [
            _open_mouth(picture, mouth, loud if speaker in speaking else 0.0)
            for speaker, (picture, mouth) in tiles.items()
        ]
        yield np.ascontiguousarray(np.hstack(pictures))


def _loudness(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """RMS per video frame, scaled so that its 95th percentile is one."""
    length = SAMPLE_RATE // FPS
    pieces = sound[: len(sound) // length * length].reshape(-1, length)
    rms = np.sqrt((pieces**2).mean(axis=1))
    loudness: NDArray[np.float32] = np.clip(rms / np.percentile(rms, 95), 0, 1).astype(np.float32)
    return loudness


def _tile(portrait: Portrait) -> tuple[Picture, tuple[int, int, int]]:
    """Crop a portrait around its face; return the tile and its mouth (x, y, width)."""
    import cv2

    picture = cv2.imread(str(_wheel(portrait.package, portrait.path)))
    assert picture is not None
    x, y, width, height = portrait.face
    half = round(height * 1.15)
    top, left = max(y - round(half * 1.3), 0), max(x - half, 0)
    crop = picture[top : top + 2 * half, left : left + 2 * half]
    scale = TILE / crop.shape[1]
    tile = cv2.resize(crop, (TILE, TILE))
    mouth_y = round((y - top) * TILE / crop.shape[0])
    return np.asarray(tile, np.uint8), (round((x - left) * scale), mouth_y, round(width * scale))


def _open_mouth(tile: Picture, mouth: tuple[int, int, int], loud: float) -> Picture:
    """Move the jaw down by the loudness and darken the gap between the lips."""
    import cv2

    x, y, width = mouth
    gap = round(0.22 * width * loud)
    if gap == 0:
        return tile
    moved = tile.copy()
    left, right, depth = x - width, x + width, 2 * width
    jaw = tile[y : y + depth, left:right]
    moved[y : y + depth, left:right] = cv2.resize(
        np.vstack([jaw[:1].repeat(gap, axis=0), jaw])[:depth], (right - left, depth)
    )
    cv2.ellipse(moved, (x, y + gap // 2), (width // 2, gap // 2 + 1), 0, 0, 360, (30, 20, 40), -1)
    return moved


def _encode(path: Path, sound: NDArray[np.float32], frames: Iterator[Picture]) -> None:
    import av

    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = 2 * TILE, TILE, "yuv420p"
        audio = container.add_stream("aac", rate=SAMPLE_RATE)
        audio.layout = "mono"
        for picture in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(video.encode())
        for start in range(0, len(sound), AUDIO_FRAME):
            piece = sound[None, start : start + AUDIO_FRAME]
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), "fltp", "mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, start
            frame.time_base = Fraction(1, SAMPLE_RATE)
            container.mux(audio.encode(frame))
        container.mux(audio.encode())


if __name__ == "__main__":
    sys.stdout.write(f"{make_sample(Path(sys.argv[1]))}\n")
