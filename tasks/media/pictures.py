"""Decode pictures of a video, as a child process: `python pictures.py REQUEST`.

libav decodes what strangers recorded, so it runs in a child process that may crash or hang without
taking the run with it. Standard library, NumPy and PyAV only. REQUEST is a JSON object (`Request`);
pictures go to standard output, each as a header (`HEADER`) and its bytes. The exit code says how it
ended: `DONE`, `UNOPENED` or `UNDECODED`.
"""

import contextlib
import json
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.plane import VideoPlane
    from av.video.stream import VideoStream

DONE, UNOPENED, UNDECODED = 0, 3, 4
"""Exit codes: all was read that can be; the file was not opened; not one picture was decoded."""

HEADER = struct.Struct("<dd??II")
"""When a picture is on the screen and since when, whether a span begins, whether it is the picture
before once more (no bytes follow), and its height and width. Brightness at full size follows, and
two planes of colour (`chroma_shape`)."""

_ENOUGH_WITHOUT_B = 4.0
"""A stream this many times faster than the sampling may lose the frames no other refers to."""

_WAITING_BYTES = 64_000_000
"""Packets that wait for their span; a longer group of pictures is decoded as it comes."""

_BROKEN_PACKETS = 500
"""So many packets in a row that cannot be decoded end the video."""

_LAST_SHOWN = 1.0
"""For how long the last picture of a video counts as shown, in seconds."""

Seconds = float
Span = tuple[Seconds, Seconds]


@dataclass(frozen=True)
class Request:
    """Which pictures are wanted: `rate` a second of each span of one stream of a file."""

    path: str
    formats: str
    protocols: str
    stream: int
    fps: float
    origin: Seconds
    spans: Sequence[Span]
    rate: float


def chroma_shape(height: int, width: int) -> tuple[int, int, int]:
    """Return the shape of the planes U and V of a picture: half its size, rounded up."""
    return 2, (height + 1) // 2, (width + 1) // 2


def write_pictures(request: Request, out: BinaryIO) -> int:
    """Write the pictures that are wanted; return how it ended."""
    import av

    options = {"format_whitelist": request.formats, "protocol_whitelist": request.protocols}
    try:
        container = av.open(f"file:{request.path}", options=options, metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        sys.stderr.write(str(error))
        return UNOPENED
    with container:
        stream = next(s for s in container.streams.video if s.index == request.stream)
        stream.thread_type = "AUTO"
        if request.fps >= _ENOUGH_WITHOUT_B * request.rate:
            stream.codec_context.skip_frame = "NONREF"
        decoder = _SpanDecoder(container, stream, request.origin, request.spans)
        writer = _Writer(out)
        for shown, tick in _sample(decoder, request.spans, request.rate):
            writer.write(shown, tick)
    return UNDECODED if decoder.n_broken and not decoder.n_frames else DONE


class _Writer:
    """Writes pictures; a frame that is shown for long is converted and written once."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._frame: VideoFrame | None = None
        self._size = (0, 0)

    def write(self, shown: "_Shown", tick: "_Tick") -> None:
        planes: list[NDArray[np.uint8]] = []
        is_same = shown.frame is self._frame
        if not is_same:
            planes = _planes(shown.frame)
            self._frame, self._size = shown.frame, (planes[0].shape[0], planes[0].shape[1])
        self._out.write(HEADER.pack(tick.time, shown.since, tick.begins, is_same, *self._size))
        for plane in planes:
            self._out.write(plane.data.cast("B"))
        self._out.flush()


@dataclass
class _SpanDecoder:
    """Decodes the frames of the spans, and those before a span that its first frames need."""

    container: "InputContainer"
    stream: "VideoStream"
    origin: Seconds
    spans: Sequence[Span]
    n_frames: int = 0
    n_broken: int = 0
    _waiting: "list[Packet[VideoStream]]" = field(default_factory=list)
    _waiting_bytes: int = 0

    def frames(self) -> Iterator[tuple["VideoFrame", Seconds]]:
        """Yield frames and their times from the recording's start, as they come."""
        broken_in_row = 0
        for packet in self._wanted_packets():
            frames = self._decode(packet)
            broken_in_row = broken_in_row + 1 if frames is None else 0
            if broken_in_row >= _BROKEN_PACKETS:
                return
            for frame in frames or ():
                if frame.pts is not None and frame.time_base is not None:
                    self.n_frames += 1
                    yield frame, float(frame.pts * frame.time_base) - self.origin

    def _decode(self, packet: "Packet[VideoStream] | None") -> "list[VideoFrame] | None":
        import av

        try:
            frames: list[VideoFrame] = self.stream.codec_context.decode(packet)
        except av.FFmpegError:
            self.n_broken += 1
            return None
        for frame in frames:
            if frame.time_base is None:
                frame.time_base = self.stream.time_base
        return frames

    def _wanted_packets(self) -> "Iterator[Packet[VideoStream] | None]":
        """Packets to decode; None ends the stream and empties the decoder."""
        spans = iter(self.spans)
        start, end = next(spans)
        inside = False
        for packet in self._packets():
            time = self._time(packet)
            while inside and time is not None and time > end:
                if (following := next(spans, None)) is None:
                    yield None
                    return
                start, end = following
                inside = False
            if inside:
                yield packet
                continue
            yield from self._wait(packet, start)
            if time is not None and time >= start:
                yield from self._flush()
                inside = True
        yield from self._flush()
        yield None

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        import av

        with contextlib.suppress(av.FFmpegError):
            for packet in self.container.demux(self.stream):
                if packet.size:
                    yield packet
            return
        self.n_broken += 1

    def _time(self, packet: "Packet[VideoStream]") -> Seconds | None:
        ticks = packet.dts if packet.dts is not None else packet.pts
        return None if ticks is None else float(ticks * packet.time_base) - self.origin

    def _wait(
        self, packet: "Packet[VideoStream]", start: Seconds
    ) -> "Iterator[Packet[VideoStream]]":
        """Keep the packets since the last key frame before `start`; give out too long a group."""
        shown = packet.pts if packet.pts is not None else packet.dts
        known = shown is not None and float(shown * packet.time_base) - self.origin <= start
        if packet.is_keyframe and known:
            self._waiting, self._waiting_bytes = [], 0
        self._waiting.append(packet)
        self._waiting_bytes += packet.size
        if self._waiting_bytes > _WAITING_BYTES:
            yield from self._flush()

    def _flush(self) -> "Iterator[Packet[VideoStream]]":
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        yield from waiting


@dataclass(frozen=True)
class _Tick:
    """A moment at which a picture is wanted, and whether it begins a span."""

    time: Seconds
    begins: bool


@dataclass(frozen=True)
class _Shown:
    """A frame and since when it is on the screen."""

    frame: "VideoFrame"
    since: Seconds


def _sample(
    decoder: _SpanDecoder, spans: Sequence[Span], rate: float
) -> Iterator[tuple[_Shown, _Tick]]:
    """Yield the frame on the screen at each tick."""
    ticks = _Ticks(spans, rate)
    held: _Shown | None = None
    for frame, time in decoder.frames():
        for tick in ticks.before(time):
            if held is not None:
                yield held, tick
        held = _Shown(frame, time)
    if held is not None:
        for tick in ticks.before(held.since + _LAST_SHOWN):
            yield held, tick


class _Ticks:
    """The moments at which a picture is wanted, in order."""

    def __init__(self, spans: Sequence[Span], rate: float) -> None:
        self._ticks = (
            _Tick(start + count / rate, count == 0)
            for start, end in spans
            for count in range(int((end - start) * rate + 1e-6) + 1)
        )
        self._next = next(self._ticks, None)

    def before(self, time: Seconds) -> Iterator[_Tick]:
        """Take the ticks before `time`."""
        while self._next is not None and self._next.time < time - 1e-6:
            tick, self._next = self._next, next(self._ticks, None)
            yield tick


def _planes(frame: "VideoFrame") -> list[NDArray[np.uint8]]:
    """Return brightness and two planes of colour, upright; what is not 8-bit 4:2:0 is converted."""
    if frame.format.name not in ("yuv420p", "yuvj420p"):
        converted = frame.reformat(format="yuv420p")
    else:
        converted = frame
    # telephones film sideways and say so
    quarters = round(frame.rotation / 90) % 4
    planes = (_plane(plane) for plane in converted.planes[:3])
    return [np.ascontiguousarray(np.rot90(plane, quarters)) for plane in planes]


def _plane(plane: "VideoPlane") -> NDArray[np.uint8]:
    rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(
        plane.height, plane.line_size
    )
    return rows[:, : plane.width]


if __name__ == "__main__":
    try:
        sys.exit(write_pictures(Request(**json.loads(sys.argv[1])), sys.stdout.buffer))
    except BrokenPipeError:  # enough was seen
        sys.stderr.close()
