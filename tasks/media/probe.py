"""Probe a recording's container by its content, never by its name."""

import codecs
import json
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from schemas.errors import InputError
from schemas.media import AudioStream, MediaInfo, VideoStream, is_plausible
from schemas.settings import Settings
from schemas.values import clock, to_grid
from tasks.media import demux
from tasks.media.demux import Facts
from tasks.media.programs import Confinement, run_program

STAGE_VERSION = 2

_KNOWN = (
    "mp4, mkv, webm, mov, 3gp, mpg, ts, avi, wmv, flv, m4a, mp3, wav, ogg, opus, flac, aac, aiff, "
    "au, amr, caf and wma"
)
_SNIFFED_BYTES = 4096
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD", b"[playlist]", b"<asx", b"<smil")
_HANDLER_OF_SOFTWARE = re.compile(
    r"handler|media|sound|iso\b|gpac|mainconcept|core |apple|google|lavf|stereo|mono", re.IGNORECASE
)
_LEAST_DAMAGE_SECONDS = 2.0
_LEAST_DAMAGE_SHARE = 0.02
_LEAST_GAP_SECONDS = 0.25
_SCREEN = re.compile(
    r"\b(screen|share[ds]?|sharing|desktop|display|slides?|presentation|content)\b", re.IGNORECASE
)
_CAMERA = re.compile(
    r"\b(camera|cam|webcam|speakers?|gallery|participants?|faces?)\b", re.IGNORECASE
)
_LAYOUT = re.compile(r"(mono|stereo|quad|\d\.\d)(\(\w+\))?")


def probe(path: str, settings: Settings) -> MediaInfo:
    """Return the streams and times of a recording.

    libav runs in a child process with a deadline, with lists of the formats and protocols that it
    may use: a playlist or a script under a media suffix is never followed.
    Raises `InputError` where the content is no recording, or one that cannot be read.
    """
    _refuse_by_content(Path(path))
    script = str(Path(demux.__file__))
    deadline = settings.limits.probe_seconds
    ended = run_program([sys.executable, "-I", script, path], deadline, Confinement.of(deadline))
    if ended.returncode is None:
        raise InputError(
            f"The recording's container could not be read within {settings.limits.probe_seconds:g} "
            "seconds; it may be damaged, else raise limits.probe_seconds."
        )
    if ended.returncode != 0:
        raise InputError(
            "The recording's container is so damaged that reading it crashed; "
            "export it again or remux it with ffmpeg."
        )
    facts: Facts = json.loads(ended.output)
    if "fault" in facts:
        raise InputError(_refusal(Path(path), facts["fault"]))
    return _checked(_media_info(facts), settings)


def _refuse_by_content(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(_SNIFFED_BYTES)
    except OSError as error:
        raise InputError(f"The recording cannot be opened: {error.strerror}.") from error
    if not head:
        raise InputError("The recording is empty (0 bytes); record or upload it again.")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(_PLAYLISTS):
        raise InputError(
            "The recording is a playlist or script that points to other files, not media; "
            "give the media file itself."
        )
    if _is_text(head):
        raise InputError(f"The recording is a text file, not media; tonescribe reads {_KNOWN}.")


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # may end inside a letter
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\r\n\f" for character in text)


def _refusal(path: Path, cause: str) -> str:
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return (
            "The recording is an mp4 or mov whose index (moov) is missing or damaged, as if cut "
            "off while it was written; save it again, or restore it with a tool such as untrunc."
        )
    return (
        f"The recording is in no format that tonescribe reads ({_KNOWN}), or it is damaged: "
        f"{cause.lower()}."
    )


def _media_info(facts: Facts) -> MediaInfo:
    audio = tuple(_audio(s) for s in facts["audio"] if s["decodable"] and s["sample_rate"])
    pictures = [s for s in facts["video"] if s["decodable"] and s["width"]]
    video, guess = _camera(pictures)
    is_counted = bool(facts["joints"]) or facts["is_mixed"]
    if facts["joints"] and audio:
        video = guess = None  # the pictures' times begin anew, and nothing counts them
    starts = [s.start for s in audio] + ([video.start] if video else [])
    origin = min(starts, default=facts["start"])
    end = facts["end"]
    duration = max(0.0, end - origin) if end is not None else 0.0
    gaps = [] if is_counted else [gap for gap in facts["gaps"] if gap[1] >= _LEAST_GAP_SECONDS]
    notes = (_damage(duration, facts), *_joined(duration, facts), _lost(facts["gaps"]), guess)
    return MediaInfo(
        container=facts["container"],
        duration=to_grid(duration),
        origin=origin,
        audio=audio,
        video=video,
        created=_moment(facts["created"]),
        damage=" ".join(filter(None, notes)) or None,
        is_counted=is_counted,
        gaps=tuple((at, seconds) for at, seconds in gaps),
    )


def _camera(pictures: Sequence[Facts]) -> tuple[VideoStream | None, str | None]:
    """Choose the camera's picture among several; the sentence states a guess.

    Titles decide, then the container's mark for the default; a shared screen has no face.
    """
    if not pictures:
        return None, None

    def rank(stream: Facts) -> tuple[int, bool]:
        title = stream["title"] or ""
        kind = -1 if _SCREEN.search(title) else int(bool(_CAMERA.search(title)))
        return kind, stream["is_default"]

    ranked = sorted(pictures, key=rank, reverse=True)
    best = ranked[0]
    if len(ranked) == 1 or rank(best)[0] > rank(ranked[1])[0]:
        return _video(best), None
    place = pictures.index(best) + 1
    return _video(best), (
        f"The recording has {len(pictures)} pictures and does not say which is the camera's; "
        f"number {place} was taken."
    )


def _joined(duration: float, facts: Facts) -> Iterator[str]:
    if facts["sound_joints"] < facts["joints"]:
        yield (
            f"Recordings whose tracks differ are joined into this file: only {duration:.1f} "
            "seconds of its sound can be read; split the file."
        )
    elif facts["joints"]:
        without = ", without their pictures, whose times begin anew" if facts["video"] else ""
        yield (
            f"The recording is {facts['joints'] + 1} recordings joined into one file; they were "
            f"read one after the other{without}."
        )
    if facts.get("has_another"):
        yield (
            f"Another recording is joined to the end of this file: only the first "
            f"{duration:.1f} seconds can be read; split the file."
        )


def _lost(gaps: Sequence[Sequence[float]]) -> str | None:
    lost = [(at, seconds) for at, seconds in gaps if seconds >= _LEAST_GAP_SECONDS]
    if not lost:
        return None
    total, first = sum(seconds for _, seconds in lost), lost[0][0]
    return f"About {total:.1f} seconds are damaged, the first at {clock(first)}; they are silence."


def _damage(duration: float, facts: Facts) -> str | None:
    if "patches welcome" in (facts["read_fault"] or ""):
        return (
            f"After {duration:.1f} seconds a recording of another kind is joined to this one, "
            "which cannot be read; split the file."
        )
    if facts["read_fault"]:
        return f"The recording is damaged after {duration:.1f} seconds: {facts['read_fault']}."
    promised = facts["promised"]
    if promised is None or facts["container"] in demux.ESTIMATED:
        return None
    missing = promised - duration
    if missing > max(_LEAST_DAMAGE_SECONDS, _LEAST_DAMAGE_SHARE * promised):
        return f"The recording ends after {duration:.1f} of {promised:.1f} seconds."
    return None


def _audio(facts: Facts) -> AudioStream:
    handler = facts["handler"]
    if handler and _HANDLER_OF_SOFTWARE.search(handler):
        handler = None
    title = " ".join((facts["title"] or handler or "").split())
    language = facts["language"]
    return AudioStream(
        index=facts["index"],
        channels=facts["channels"],
        layout=facts["layout"] if _LAYOUT.fullmatch(facts["layout"] or "") else None,
        sample_rate=facts["sample_rate"],
        start=facts["start"],
        title=title or None,
        language=language if language not in (None, "", "und") else None,
    )


def _video(facts: Facts) -> VideoStream:
    return VideoStream(**{name: facts[name] for name in VideoStream.model_fields})


def _moment(text: str | None) -> datetime | None:
    """Parse a container's date; a clock that was never set, or runs ahead, has none."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if is_plausible(moment) else None


def _checked(info: MediaInfo, settings: Settings) -> MediaInfo:
    if not info.audio and info.video is None:
        raise InputError("The recording has neither sound nor picture that can be decoded.")
    if info.duration <= 0:
        raise InputError("The recording's container is there, but nothing was recorded in it.")
    if info.duration > settings.limits.max_hours * 3600:
        raise InputError(
            f"The recording is {info.duration / 3600:.1f} hours long, more than limits.max_hours "
            f"({settings.limits.max_hours:g}); raise it or cut the recording."
        )
    video = info.video
    counts = (
        ("max_streams", "audio streams", len(info.audio)),
        ("max_pixels", "pixels in a picture", video.width * video.height if video else 0),
        ("max_frames", "pictures", round(video.fps * info.duration) if video else 0),
    )
    for name, what, count in counts:
        most = getattr(settings.limits, name)
        if count > most:
            raise InputError(
                f"The recording has {count} {what}, more than limits.{name} ({most}); export it "
                "smaller, or raise the limit and run with --requeue."
            )
    return info
