"""Meetings in every container, made with PyAV from tone voices and drawn faces."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from tests.material.pictures import FACE_BGR, draw_meeting
from tests.material.sounds import CONVERSATION, Spoken, tone_voices, write_wav

CODECS: dict[str, tuple[str | None, str]] = {
    ".mp4": ("libx264", "aac"),
    ".mkv": ("libx264", "libopus"),
    ".webm": ("libvpx", "libopus"),
    ".mov": ("mpeg4", "pcm_s16le"),
    ".m4a": (None, "aac"),
    ".mp3": (None, "libmp3lame"),
    ".wav": (None, "pcm_s16le"),
    ".ogg": (None, "libvorbis"),
    ".opus": (None, "libopus"),
    ".flac": (None, "flac"),
}
"""(video codec, audio codec) by suffix; these are the inputs that tonescribe promises to read."""

AUDIO_RATE = 48_000
_VIDEO_TICKS = 1000
_FASTEST = {
    "libx264": {"preset": "ultrafast", "bf": "0"},
    "libvpx": {"deadline": "realtime", "cpu-used": "16", "lag-in-frames": "0"},
}
_BITRATE = {"aac": 96_000, "libopus": 64_000, "libmp3lame": 96_000}


@dataclass(frozen=True)
class Track:
    """One audio track: its turns (in seconds from the meeting's start) and its title."""

    spoken: Sequence[Spoken]
    title: str | None = None
    start: float = 0.0
    channels: int = 1


def make_meeting(
    path: Path,
    spoken: Sequence[Spoken] = CONVERSATION,
    duration: float = 10.0,
    *,
    faces: Sequence[int] | None = (0, 1),
    tracks: Sequence[Track] | None = None,
    frame_times: Sequence[float] | None = None,
    fps: float = 10.0,
    size: tuple[int, int] = (320, 180),
    face_bgr: tuple[int, int, int] = FACE_BGR,
    title: str | None = None,
    fast_start: bool = False,
) -> Path:
    """Write a meeting whose container follows from the suffix of `path`.

    `faces` are the speakers in the picture (None: no video stream); `tracks` replaces the one
    track that holds `spoken` (an empty sequence: no sound); a track's `start` is the timestamp of
    its first sample, what it says keeps its time. `frame_times` makes a variable frame rate, and
    a first time above zero makes the picture start late. `fast_start` puts an mp4's index first.
    """
    video_codec, audio_codec = CODECS[path.suffix.lower()]
    if audio_codec == "libvorbis":
        return _make_vorbis(path, spoken, duration)
    tracks = [Track(spoken)] if tracks is None else tracks
    if frame_times is None:
        frame_times = [float(t) for t in np.arange(0.0, duration, 1.0 / fps)]
    options = {"movflags": "faststart"} if fast_start else {}
    with av.open(str(path), "w", options=options) as container:
        if title:
            container.metadata["title"] = title
        video = None
        if video_codec and faces is not None:
            video = _add_video(container, video_codec, size, fps)
        audio = [_add_audio(container, audio_codec, track) for track in tracks]
        if video is not None:
            pictures = (draw_meeting(t, faces or (), spoken, size, face_bgr) for t in frame_times)
            _write_video(container, video, frame_times, pictures)
        for stream, track in zip(audio, tracks, strict=True):
            _write_audio(container, stream, track, duration)
    return path


def _make_vorbis(path: Path, spoken: Sequence[Spoken], duration: float) -> Path:
    """PyAV's wheel has no Vorbis encoder; the program in imageio-ffmpeg's wheel has one."""
    source = write_wav(path.with_suffix(".source.wav"), tone_voices(spoken, duration))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y"]
    subprocess.run([*command, "-i", source, "-c:a", "libvorbis", path], check=True, timeout=60)
    source.unlink()
    return path


def _add_video(container: Any, codec: str, size: tuple[int, int], fps: float) -> Any:
    stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1000))
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.bit_rate = 400_000
    stream.time_base = Fraction(1, _VIDEO_TICKS)
    stream.codec_context.time_base = Fraction(1, _VIDEO_TICKS)
    stream.options = _FASTEST.get(codec, {})
    stream.codec_context.thread_count = 1  # many threads on few busy cores wait for each other
    return stream


def _add_audio(container: Any, codec: str, track: Track) -> Any:
    layout = "mono" if track.channels == 1 else "stereo"
    stream = container.add_stream(codec, rate=AUDIO_RATE, layout=layout)
    if codec in _BITRATE:
        stream.bit_rate = _BITRATE[codec]
    if track.title:
        stream.metadata["title"] = track.title
        stream.metadata["handler_name"] = track.title
    return stream


def _write_video(container: Any, stream: Any, times: Sequence[float], pictures: Any) -> None:
    for time, picture in zip(times, pictures, strict=True):
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts, frame.time_base = round(time * _VIDEO_TICKS), Fraction(1, _VIDEO_TICKS)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _write_audio(container: Any, stream: Any, track: Track, duration: float) -> None:
    sound = tone_voices(track.spoken, duration, AUDIO_RATE)
    first = round(track.start * AUDIO_RATE)
    for at in range(first, len(sound), AUDIO_RATE):
        frame = _audio_frame(sound[at : at + AUDIO_RATE], track.channels)
        frame.pts, frame.time_base = at, Fraction(1, AUDIO_RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _audio_frame(sound: NDArray[np.float32], channels: int) -> Any:
    whole = np.round(sound * 32767).astype(np.int16)
    interleaved = np.repeat(whole, channels)[np.newaxis]
    layout = "mono" if channels == 1 else "stereo"
    frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout=layout)
    frame.sample_rate = AUDIO_RATE
    return frame
