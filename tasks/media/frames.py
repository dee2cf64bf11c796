"""Sample frames of a video at a low rate, by timestamp, within some spans.

One sequential pass with libav. What lies between two spans is read but not decoded: packets are
dropped group by group, and the group of pictures in which a span begins is decoded from its key
frame. Pictures of a variable frame rate stay on the screen until the next one comes.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InputError
from schemas.media import MediaInfo
from schemas.values import Seconds
from tasks.media.demux import FORMATS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.plane import VideoPlane
    from av.video.stream import VideoStream

_ENOUGH_WITHOUT_B = 4.0
"""A stream this many times faster than the sampling may lose the frames no other refers to."""

_WAITING_BYTES = 64_000_000
"""Packets that wait for their span; a longer group of pictures is decoded as it comes."""

_BROKEN_PACKETS = 500
"""So many packets in a row that cannot be decoded end the video."""

_LAST_SHOWN: Seconds = 1.0
"""For how long the last picture of a video counts as shown."""

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

    A video that breaks off gives what could be read. Raises `InputError` where not one picture
    can be decoded.
    """
    import av

    if not spans or info.video is None:
        return
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        container = av.open(f"file:{path}", options=options, metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"The video of the recording cannot be opened: {error}.") from error
    with container:
        stream = next(s for s in container.streams.video if s.index == info.video.index)
        stream.thread_type = "AUTO"
        if info.video.fps >= _ENOUGH_WITHOUT_B * rate:
            stream.codec_context.skip_frame = "NONREF"
        decoder = _SpanDecoder(container, stream, info.origin, spans)
        converter = _Converter()
        for shown, tick in _sample(decoder, spans, rate):
            yield converter.picture(shown, tick)
        if decoder.n_broken and not decoder.n_frames:
            raise InputError("The video of the recording cannot be decoded: all of it is damaged.")


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


class _Converter:
    """Turns frames into pictures; a frame that is shown for long is converted once."""

    def __init__(self) -> None:
        self._frame: VideoFrame | None = None
        self._last: Picture | None = None

    def picture(self, shown: _Shown, tick: _Tick) -> Picture:
        if self._last is None or shown.frame is not self._frame:
            gray, chroma = _planes(shown.frame)
            # telephones film sideways and say so
            quarters = round(shown.frame.rotation / 90) % 4
            self._frame = shown.frame
            self._last = Picture(
                time=tick.time,
                shown=shown.since,
                gray=np.ascontiguousarray(np.rot90(gray, quarters)),
                chroma=np.ascontiguousarray(np.rot90(chroma, quarters, axes=(1, 2))),
            )
        return replace(self._last, time=tick.time, leap=tick.begins)


def _planes(frame: "VideoFrame") -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return brightness and the two colour planes; what is not 8-bit 4:2:0 is converted."""
    if frame.format.name not in ("yuv420p", "yuvj420p"):
        frame = frame.reformat(format="yuv420p")
    gray, first, second = (_plane(plane) for plane in frame.planes[:3])
    return gray, np.stack([first, second])


def _plane(plane: "VideoPlane") -> NDArray[np.uint8]:
    rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(
        plane.height, plane.line_size
    )
    return rows[:, : plane.width].copy()
