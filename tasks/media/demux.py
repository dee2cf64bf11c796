"""Read the streams of a container, as a child process: `python demux.py FILE`.

libav parses what strangers recorded, so it runs in a child process that may crash or hang without
taking the run with it. Standard library and PyAV only; prints one JSON object: the facts, or
`{"fault": "..."}`.
"""

import json
import struct
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

Facts = dict[str, Any]
"""A JSON object: what this program prints."""

FORMATS = "mov,matroska,mp3,wav,w64,ogg,flac,mpeg,mpegts,avi,aiff,aac,asf,flv,caf,au,amr"
"""The demuxers that may open a recording. None of them follows a reference to another file
(mov's data references stay switched off, as libav has them)."""

PROTOCOLS = "file"
"""The protocols that libav may speak."""

_TAIL_SECONDS = 10.0
ESTIMATED = {"mp3", "aac", "amr"}
"""Formats without an index: their length and times follow from reading all of them."""

_JOINABLE = ESTIMATED | {"ogg", "flac", "matroska,webm", "mpeg", "mpegts"}
"""Formats whose files can be put one behind the other and still be read: the times begin anew."""

_SCAN_SECONDS = 20.0
"""So long may it take to look for such joints; huge files are measured by their tail instead."""

_LEAST_STEP_BACK = 0.5
_SYNC = 0xE0
_MONO = 3
_MOST_FRAME_BYTES = 1_729
"""The longest frame of MPEG audio (layer II, 384 kbit/s at 32 kHz); what is longer is damaged."""

_UNKNOWN_LENGTH = 0x7FFF_F000
"""From here on the length of a WAV is what a recorder writes that cannot go back to its header."""

_LEAST_GAP = 0.1
_NEAR = 0.3
_SMOOTHING = 0.05
_FEW_PACKETS = 10
_MOST_GAPS = 50
_MICROSECONDS = 1_000_000
_ATTACHED_PICTURE = 0x400
_DEFAULT = 0x1
"""`AV_DISPOSITION_ATTACHED_PIC` and `AV_DISPOSITION_DEFAULT` of libavformat."""


def describe(path: str) -> Facts:
    """Return the container's streams and times (seconds); `end` is the last readable moment."""
    import av

    try:
        with _open(path) as container:
            facts = _facts(container)
            found = _measure(path, container)
    except (av.FFmpegError, ValueError) as error:
        return {"fault": _cause(error)}
    return facts | found | _beyond(Path(path), facts["container"])


def _open(path: str) -> "InputContainer":
    import av

    options = {"format_whitelist": FORMATS, "protocol_whitelist": PROTOCOLS}
    return av.open(f"file:{path}", options=options, metadata_errors="replace")


def _cause(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _facts(container: "InputContainer") -> Facts:
    duration = container.duration
    return {
        "container": container.format.name,
        "promised": _promised(container) if duration else None,
        "start": (container.start_time or 0) / _MICROSECONDS,
        "created": container.metadata.get("creation_time") or container.metadata.get("date"),
        "audio": [_audio(stream) for stream in container.streams.audio],
        "video": [_video(stream) for stream in container.streams.video if not _is_cover(stream)],
    }


def _promised(container: "InputContainer") -> float | None:
    """How long sound and picture last by the header; subtitles and data do not count.

    Matroska counts from zero, not from the first timestamp.
    """
    streams = [s for s in container.streams if not _is_cover(s)]
    sensed = [s for s in streams if s.type in ("audio", "video")]
    promised = (container.duration or 0) / _MICROSECONDS
    if len(sensed) < len(streams):
        lengths = [_length(s) for s in sensed]
        promised = max((length for length in lengths if length is not None), default=0.0)
    if container.format.name == "matroska,webm":
        promised -= (container.start_time or 0) / _MICROSECONDS
    return promised if promised > 0 else None


def _length(stream: "Stream") -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    try:
        hours, minutes, seconds = map(float, stream.metadata["DURATION"].split(":"))
    except (KeyError, ValueError):
        return None
    return hours * 3600 + minutes * 60 + seconds


def _is_cover(stream: "Stream") -> bool:
    return bool(int(stream.disposition) & _ATTACHED_PICTURE)


def _audio(stream: "AudioStream") -> Facts:
    context = stream.codec_context
    return _stream(stream) | {
        "channels": context.channels if context else 0,
        "layout": context.layout.name if context and context.layout else None,
        "sample_rate": context.sample_rate if context else 0,
        "title": stream.metadata.get("title") or stream.metadata.get("name"),
        "handler": stream.metadata.get("handler_name"),
        "language": stream.metadata.get("language"),
    }


def _video(stream: "VideoStream") -> Facts:
    context, rate = stream.codec_context, stream.average_rate or stream.guessed_rate
    return _stream(stream) | {
        "width": context.width if context else 0,
        "height": context.height if context else 0,
        "fps": float(rate) if rate else 0.0,
        "title": stream.metadata.get("title") or stream.metadata.get("handler_name"),
        "is_default": bool(int(stream.disposition) & _DEFAULT),
    }


def _stream(stream: "Stream") -> Facts:
    start, base = stream.start_time, stream.time_base
    return {
        "index": stream.index,
        "start": float(start * base) if start is not None and base is not None else 0.0,
        "decodable": stream.codec_context is not None,
    }


def _measure(path: str, container: "InputContainer") -> Facts:
    """Find the last moment that can be read: from the tail, else by reading all packets.

    A truncated file promises more than it has, a browser's recording promises nothing, and the
    length of an mp3 is an estimate.
    """
    import av

    name, promised = container.format.name, container.duration
    start = container.start_time or 0
    if name in _JOINABLE or not promised:
        with _open(path) as again:
            budget = _SCAN_SECONDS if promised and name not in ESTIMATED else None
            if (scan := _scan(again, budget)) is not None:
                return scan.facts()
    try:
        container.seek(max(start, start + (promised or 0) - int(_TAIL_SECONDS * _MICROSECONDS)))
        tail = _scan(container)
        if tail is not None and tail.end is not None and tail.fault is None:
            return _Scan(ends=tail.ends).facts()
    except av.FFmpegError:
        pass  # an index that cannot be used: read from the start
    with _open(path) as again:
        whole = _scan(again)
        return (whole or _Scan()).facts()


@dataclass
class _Scan:
    """Return where each stream ends, how often its times begin anew, and what is lost.

    `shifts` are the seconds by which a stream's later parts come later than they say.
    """

    ends: dict[int, float] = field(default_factory=dict)
    shifts: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    sound: set[int] = field(default_factory=set)
    joints: Counter[int] = field(default_factory=Counter)
    gaps: list[list[float]] = field(default_factory=list)
    gap_end: float = 0.0
    kinds: Counter[tuple[float, int]] = field(default_factory=Counter)
    frame_bytes: float = 0.0
    fault: str | None = None

    @property
    def end(self) -> float | None:
        ends = {index: end + self.shifts[index] for index, end in self.ends.items()}
        sound = {index: ends[index] for index in self.sound} if self.joints else {}
        return max((sound or ends).values(), default=None)  # joined: pictures are not read

    def facts(self) -> Facts:
        lost = sum(seconds for _, seconds in self.gaps)
        often = [kind for kind, count in self.kinds.items() if count > _FEW_PACKETS]
        return {
            "end": None if self.end is None else self.end + lost,
            "read_fault": self.fault,
            "joints": max(self.joints.values(), default=0),
            "sound_joints": max((self.joints[index] for index in self.sound), default=0),
            "gaps": self.gaps[:_MOST_GAPS],
            "is_mixed": len(often) > 1,
        }

    def take(self, packet: "Packet[Stream]", *, is_bare: bool) -> None:
        moment = packet.pts if packet.pts is not None else packet.dts
        if moment is None or not packet.size:
            return
        index, start = packet.stream.index, float(moment * packet.time_base)
        end = start + float((packet.duration or 0) * packet.time_base)
        before = self.ends.get(index)
        if before is not None and start < before - _LEAST_STEP_BACK:
            self.joints[index] += 1
            self.shifts[index] += before - start
            before = None
        if packet.stream.type == "audio":
            self.sound.add(index)
        self.ends[index] = end if before is None else max(before, end)
        if is_bare:
            self._take_frame(packet, start, end - start)

    def _take_frame(self, packet: "Packet[Stream]", start: float, seconds: float) -> None:
        """Note the kinds of frames, and what a stretch that is no frame has cost."""
        head, size = bytes(packet)[:4], packet.size
        if packet.stream.codec_context.name == "aac":
            self.kinds[(head[2] & 0x3D, head[3] & 0xC0)] += 1
        elif head[:1] == b"\xff" and head[1] >= _SYNC and size <= _MOST_FRAME_BYTES:
            self.kinds[(round(seconds, 4), head[3] >> 6 == _MONO)] += 1
            self.frame_bytes += (size - self.frame_bytes) * (_SMOOTHING if self.frame_bytes else 1)
        elif self.frame_bytes and b"ID3" not in bytes(packet):  # a tag is no sound
            lost = max(0.0, (size / self.frame_bytes - 1) * seconds)
            if self.gaps and start - self.gap_end < _NEAR:
                self.gaps[-1][1] += lost
            elif lost > _LEAST_GAP:
                self.gaps.append([start, lost])
            self.gap_end = start


def _scan(container: "InputContainer", budget: float | None = None) -> _Scan | None:
    """Read all packets that are left; None where that takes longer than `budget` seconds."""
    import av

    scan, begun = _Scan(), time.monotonic()
    streams = [s for s in container.streams if s.type in ("audio", "video") and not _is_cover(s)]
    is_bare = container.format.name in ("mp3", "aac")
    try:
        for packet in container.demux(streams):
            scan.take(packet, is_bare=is_bare)
            if budget is not None and time.monotonic() - begun > budget:
                return None
    except av.FFmpegError as error:
        scan.fault = _cause(error)
    return scan


def _beyond(path: Path, container: str) -> Facts:
    """Return facts of the header that libav hides: a WAV's promised length, a second recording."""
    with path.open("rb") as file:
        if container == "wav":
            return _wav_facts(file, path.stat().st_size)
        if container.startswith("mov"):
            return {"has_another": _has_two_indexes(file)}
    return {}


def _wav_facts(file: BinaryIO, size: int) -> Facts:
    """Return the length that a WAV's header promises, and whether another one follows."""
    file.seek(12)
    rate = 0
    while len(head := file.read(8)) == 8:
        name, length = head[:4], struct.unpack("<I", head[4:])[0]
        if name == b"data":
            begin, end = file.tell(), file.tell() + length
            if not 0 < length < _UNKNOWN_LENGTH or not rate:
                return {}
            file.seek(end + end % 2)
            found: Facts = {"has_another": file.read(4) == b"RIFF"}
            return found | ({"promised": (end - begin) / rate} if end > size else {})
        if name == b"fmt ":
            rate = struct.unpack("<I", file.read(12)[8:])[0]
            length -= 12
        file.seek(length + length % 2, 1)
    return {}


def _has_two_indexes(file: BinaryIO) -> bool:
    """Whether an mp4 is followed by another: libav reads the first index alone."""
    seen = 0
    while len(head := file.read(8)) == 8:
        length, used = struct.unpack(">I", head[:4])[0], 8
        if length == 1:
            length, used = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))[0], 16
        seen += head[4:] == b"moov"
        if length < used:
            break
        file.seek(length - used, 1)
    return seen > 1


if __name__ == "__main__":
    sys.stdout.write(json.dumps(describe(sys.argv[1])))
