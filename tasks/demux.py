"""Read what a container holds, as a program of its own: `python demux.py FILE`.

libav parses what strangers recorded, so it runs in a child process that may crash or hang without
taking the run with it. Standard library and PyAV only; prints one JSON object: the facts, or
`{"fault": "..."}`.
"""

import json
import sys
from collections.abc import Iterable
from typing import Any

FORMATS = "mov,matroska,mp3,wav,ogg,flac,mpeg"
"""The demuxers that may open a recording. None of them follows a reference to another file."""

PROTOCOLS = "file"
"""The protocols that libav may speak."""

_TAIL_SECONDS = 10.0
_TIMES_BY_ESTIMATE = {"mp3"}
_MICROSECONDS = 1_000_000
_ATTACHED_PICTURE = 0x400
"""`AV_DISPOSITION_ATTACHED_PIC` of libavformat."""


def describe(path: str) -> dict[str, Any]:
    """Return the container's streams and times (seconds); `end` is the last readable moment."""
    import av

    try:
        with _open(path) as container:
            facts = _facts(container)
            end, fault = _end(path, container)
    except (av.FFmpegError, ValueError) as error:
        return {"fault": _cause(error)}
    return facts | {"end": end, "read_fault": fault}


def _open(path: str) -> Any:
    import av

    options = {"format_whitelist": FORMATS, "protocol_whitelist": PROTOCOLS}
    return av.open(f"file:{path}", options=options, metadata_errors="replace")


def _cause(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _facts(container: Any) -> dict[str, Any]:
    duration = container.duration
    return {
        "container": container.format.name,
        "promised": duration / _MICROSECONDS if duration else None,
        "start": (container.start_time or 0) / _MICROSECONDS,
        "created": container.metadata.get("creation_time") or container.metadata.get("date"),
        "audio": [_audio(stream) for stream in container.streams.audio],
        "video": [_video(stream) for stream in container.streams.video if not _is_cover(stream)],
    }


def _is_cover(stream: Any) -> bool:
    return bool(int(stream.disposition) & _ATTACHED_PICTURE)


def _audio(stream: Any) -> dict[str, Any]:
    context = stream.codec_context
    return _stream(stream) | {
        "channels": context.channels if context else 0,
        "sample_rate": context.sample_rate if context else 0,
        "title": stream.metadata.get("title") or stream.metadata.get("name"),
        "handler": stream.metadata.get("handler_name"),
        "language": stream.metadata.get("language"),
    }


def _video(stream: Any) -> dict[str, Any]:
    context, rate = stream.codec_context, stream.average_rate or stream.guessed_rate
    return _stream(stream) | {
        "width": context.width if context else 0,
        "height": context.height if context else 0,
        "fps": float(rate) if rate else 0.0,
    }


def _stream(stream: Any) -> dict[str, Any]:
    start = stream.start_time
    return {
        "index": stream.index,
        "start": float(start * stream.time_base) if start is not None else 0.0,
        "decodable": stream.codec_context is not None,
    }


def _end(path: str, container: Any) -> tuple[float | None, str | None]:
    """Find the last moment that can be read: from the tail, else by reading all packets.

    A truncated file promises more than it has, a browser's recording promises nothing, and the
    length of an mp3 is an estimate.
    """
    import av

    promised = container.duration
    if promised and container.format.name not in _TIMES_BY_ESTIMATE:
        last = (container.start_time or 0) + promised - int(_TAIL_SECONDS * _MICROSECONDS)
        try:
            container.seek(max(container.start_time or 0, last))
            end, _ = _last_moment(container)
            if end is not None:
                return end, None
        except av.FFmpegError:
            pass  # an index that cannot be used: read from the start
    with _open(path) as again:
        return _last_moment(again)


def _last_moment(container: Any) -> tuple[float | None, str | None]:
    import av

    end: float | None = None
    streams = [s for s in container.streams if s.type in ("audio", "video") and not _is_cover(s)]
    try:
        for moment in _moments(container.demux(streams)):
            end = moment if end is None else max(end, moment)
    except av.FFmpegError as error:
        return end, _cause(error)
    return end, None


def _moments(packets: Iterable[Any]) -> Iterable[float]:
    for packet in packets:
        time = packet.pts if packet.pts is not None else packet.dts
        if time is not None and packet.size:
            yield float((time + (packet.duration or 0)) * packet.time_base)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(describe(sys.argv[1])))
