"""Sample frames of a video at a low rate, by timestamp, within some spans.

One sequential pass with libav. What lies between two spans is read but not decoded: packets are
dropped group by group, and the group of pictures in which a span begins is decoded from its key
frame. Pictures of a variable frame rate stay on the screen until the next one comes.
"""

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InputError
from schemas.media import MediaInfo
from schemas.values import Seconds
from tasks.media import pictures
from tasks.media.demux import FORMATS, PROTOCOLS
from tasks.media.pictures import HEADER, UNDECODED, UNOPENED, Request, chroma_shape
from tasks.media.programs import Confinement, running

_STALL_SECONDS: Seconds = 120.0
"""A decoder that gives no byte for so long hangs. Between two spans it only reads packets."""

_LEAST_DECODING: Seconds = 600.0
_DECODING_PER_SECOND = 20.0
"""Time of all cores together that decoding may take, at least and per second of video; 720p H.264
takes .02 to .1 of them."""

_ALL_DAMAGED = "The video of the recording cannot be decoded: all of it is damaged."
_PIPE_BYTES = 1 << 20
_LARGEST_SIDE = 16_384
"""Of a picture, in pixels: libav's H.264 and HEVC decoders allow no more."""

Span = tuple[Seconds, Seconds]
Region = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""


@dataclass(frozen=True)
class Picture:
    """One picture of a video, upright: brightness at full size, colours on demand.

    `time` is when it is on the screen, `shown` since when: two pictures with the same `shown` are
    the same. `chroma` are the planes U and V at half the size, shape (2, height / 2, width / 2).
    `leap` says that the picture does not follow on the one before (a span begins).
    """

    time: Seconds
    shown: Seconds
    gray: NDArray[np.uint8]
    chroma: NDArray[np.uint8]
    leap: bool = False

    def color(self, longest: int, region: Region | None = None) -> tuple[NDArray[np.uint8], float]:
        """Return a region, by default all, as BGR of at most `longest` pixels a side.

        Beside it: pixels of `gray` per pixel of it. A region lies inside and has even numbers.
        """
        import cv2

        left, top, width, height = region or (0, 0, self.gray.shape[1], self.gray.shape[0])
        scale = max(1.0, max(height, width) / longest)
        half = max(1, round(width / scale / 2)), max(1, round(height / scale / 2))
        size = 2 * half[0], 2 * half[1]
        light = self.gray[top : top + height, left : left + width]
        planes = [cv2.resize(light, size, interpolation=cv2.INTER_AREA).reshape(-1)]
        for plane in self.chroma:
            tint = plane[top // 2 : (top + height + 1) // 2, left // 2 : (left + width + 1) // 2]
            planes.append(cv2.resize(tint, half, interpolation=cv2.INTER_AREA).reshape(-1))
        stacked = np.concatenate(planes).reshape(size[1] * 3 // 2, size[0])
        color = np.asarray(cv2.cvtColor(stacked, cv2.COLOR_YUV2BGR_I420), dtype=np.uint8)
        return color, width / size[0]


def merge_spans(spans: Sequence[Span], gap: Seconds) -> list[Span]:
    """Merge spans that overlap or lie closer than `gap`, in order."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start - merged[-1][1] <= gap:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def sampled_pictures(
    path: str, info: MediaInfo, spans: Sequence[Span], rate: float
) -> Iterator[Picture]:
    """Yield `rate` pictures a second of each span; spans are merged, sorted, in seconds.

    They are decoded in a child process, ahead of the caller by one picture or two. A video that
    breaks off, or whose decoder crashes or hangs, gives what could be read. Raises `InputError`
    where not one picture can be decoded.
    """
    if not spans or info.video is None:
        return
    request = Request(
        path=path,
        formats=FORMATS,
        protocols=PROTOCOLS,
        stream=info.video.index,
        fps=info.video.fps,
        origin=info.origin,
        spans=tuple(spans),
        rate=rate,
    )
    script = str(Path(pictures.__file__))
    command = [sys.executable, "-I", script, json.dumps(asdict(request))]
    cpu_seconds = int(max(_LEAST_DECODING, _DECODING_PER_SECOND * info.duration))
    n_pictures = 0
    with running(command, Confinement(cpu_seconds=cpu_seconds, file_bytes=0)) as process:
        for picture in _received(_Stream(process)):
            n_pictures += 1
            yield picture
        ended = _end_of(process)
    if ended == UNOPENED:
        raise InputError("The video of the recording cannot be opened.")
    if ended == UNDECODED or (ended != pictures.DONE and not n_pictures):
        raise InputError(_ALL_DAMAGED)


def _end_of(process: subprocess.Popen[bytes]) -> int | None:
    """Return the exit code of a program that wrote its last; None where it hangs."""
    try:
        return process.wait(timeout=_STALL_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _received(stream: "_Stream") -> Iterator[Picture]:
    """Yield the pictures that a decoder writes, until it ends, hangs or writes what is none."""
    before: Picture | None = None
    while (head := stream.read(HEADER.size)) is not None:
        time, shown, leap, is_same, height, width = HEADER.unpack(head)
        if not (0 < height <= _LARGEST_SIDE and 0 < width <= _LARGEST_SIDE):
            if before is None:
                raise InputError(_ALL_DAMAGED)
            return
        if is_same and before is not None:
            before = replace(before, time=time, shown=shown, leap=leap)
        else:
            gray = stream.array((height, width))
            chroma = stream.array(chroma_shape(height, width))
            if gray is None or chroma is None:
                return
            before = Picture(time=time, shown=shown, gray=gray, chroma=chroma, leap=leap)
        yield before


class _Stream:
    """The output of a program, read with a deadline for each byte that is awaited."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self._pipe = process.stdout.fileno()
        _widen(self._pipe)

    def read(self, size: int) -> bytes | None:
        """Return the next bytes; None where the program ended or hangs."""
        found = self.array((size,))
        return None if found is None else found.tobytes()

    def array(self, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
        """Return the next bytes in a shape; None where the program ended or hangs."""
        filled = np.empty(shape, np.uint8)
        rest = filled.data.cast("B")
        while rest:
            if not self._is_ready() or not (count := os.readv(self._pipe, [rest])):
                return None
            rest = rest[count:]
        return filled

    def _is_ready(self) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipe, selectors.EVENT_READ)
            return bool(selector.select(_STALL_SECONDS))


def _widen(pipe: int) -> None:
    """Let a pipe hold more than the usual 64 kB, where the system can (Linux)."""
    if sys.platform.startswith("linux"):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
