"""The review page of one recording: self-contained HTML with an inline SVG timeline."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from schemas.emotions import EMOTIONS, Emotion
from schemas.media import MediaInfo, Recording
from schemas.speech import AnnotatedUtterance, Transcript
from schemas.values import clock
from tasks.publish import shown_title

if TYPE_CHECKING:
    from jinja2 import Template

COLOURS: dict[Emotion | None, str] = {
    "neutral": "#8a94a6",
    "happy": "#e3a008",
    "sad": "#3f6fd1",
    "angry": "#d03a2f",
    "fearful": "#7c4dcc",
    "disgust": "#3d8f4f",
    "surprised": "#d9569b",
    None: "#d5d9e0",
}
"""One colour per class; abstained is the lightest gray."""

TIMELINE_WIDTH = 1000


@functools.cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["clock"] = clock
    return environment.get_template("page.html.j2")


def render_page(recording: Recording, info: MediaInfo, results: Mapping[str, Any]) -> str:
    """Return the page as HTML. Everything that comes from a recording is escaped.

    The media is not copied: a local recording is linked where it lies, and any other can be
    opened in the page from the reader's disk.
    """
    annotated: Sequence[AnnotatedUtterance] = results["fuse"]
    transcript: Transcript = results["transcribe"]
    speakers = sorted({row.utterance.speaker for row in annotated})
    scale = TIMELINE_WIDTH / max(info.duration, 1e-3)
    return _template().render(
        title=shown_title(recording),
        recording_id=recording.recording_id,
        day=info.meeting_date(recording),
        duration=info.duration,
        has_video=info.has_video,
        media=media_link(recording),
        notes=[note for note in (info.damage, transcript.reason, *transcript.faults) if note],
        rows=annotated,
        lanes=[_lane(speaker, annotated, scale) for speaker in speakers],
        width=TIMELINE_WIDTH,
        ticks=[(t, t * scale) for t in _ticks(info.duration)],
        colours=COLOURS,
        emotions=EMOTIONS,
    )


def media_link(recording: Recording) -> str | None:
    """Return a `file:` link to a recording that lies on this machine, else None."""
    local = recording.uri.removeprefix("file://")
    return f"file://{quote(local)}" if local.startswith("/") else None


def _lane(speaker: str, annotated: Sequence[AnnotatedUtterance], scale: float) -> dict[str, Any]:
    rows = [row for row in annotated if row.utterance.speaker == speaker]
    names = [row.utterance.speaker_name for row in rows if row.utterance.speaker_name]
    return {
        "label": names[0] if names else speaker,
        "talk": sum(row.utterance.duration for row in rows),
        "bars": [
            {
                "row": row,
                "x": row.utterance.start * scale,
                "width": max(row.utterance.duration * scale, 1.0),
                "colour": COLOURS[row.emotion],
            }
            for row in rows
        ],
    }


def _ticks(duration: float) -> list[float]:
    steps = (1, 5, 10, 30, 60, 300, 600, 1800, 3600)
    step = next((s for s in steps if duration / s <= 10), 7200)
    return [float(t) for t in range(0, int(duration) + 1, step)]
