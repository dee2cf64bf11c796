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
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InputError
from schemas.media import MediaInfo
from schemas.values import Seconds
from tasks.media import pictures
from tasks.media.demux import FORMATS, PROTOCOLS
from tasks.media.pictures import HEADER, UNDECODED, UNOPENED, Request
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


@dataclass(frozen=True)
class Picture:
    """One picture: `color` BGR of at most 640 pixels a side, `gray` at full size.

    `scale` is the pixels of `gray` per pixel of `color`; `leap` says that it does not follow on
    the picture before (a span begins).
    """

    time: Seconds
    color: NDArray[np.uint8]
    gray: NDArray[np.uint8]
    scale: float
    leap: bool = False


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
        at, scale, leap, is_same, *sizes = HEADER.unpack(head)
        if not all(0 < side <= _LARGEST_SIDE for side in sizes):
            if before is None:
                raise InputError(_ALL_DAMAGED)
            return
        if not is_same or before is None:
            color = stream.array(tuple(sizes[:3]))
            gray = stream.array(tuple(sizes[3:5]))
            if color is None or gray is None:
                return
        else:
            color, gray = before.color, before.gray
        before = Picture(time=at, color=color, gray=gray, scale=scale, leap=leap)
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
