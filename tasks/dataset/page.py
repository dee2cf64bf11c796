"""Render the review page of a recording: self-contained HTML with an SVG timeline."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from schemas.annotation import Annotation
from schemas.emotions import EMOTIONS, FACTS
from schemas.speech import FLAGS, AnnotatedUtterance, Flag
from schemas.values import Seconds, clock

if TYPE_CHECKING:
    from jinja2 import Template

STAGE_VERSION = 1

TIMELINE_WIDTH = 1000


@functools.cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["clock"] = clock
    environment.filters["remark"] = FLAGS.__getitem__
    return environment.get_template("page.html.j2")


@dataclass(frozen=True)
class PageContent:
    """Everything that a page shows, from an annotation or from the published rows."""

    title: str
    recording_id: str
    day: date | None
    duration: Seconds
    has_video: bool
    uri: str
    notes: tuple[str, ...]
    rows: tuple[AnnotatedUtterance, ...]


def notes_of(annotation: Annotation) -> tuple[str, ...]:
    """Return the sentences of the page about the recording and its words."""
    transcript = annotation.transcript
    notes = (annotation.media.damage, transcript.reason, *transcript.faults)
    return tuple(note for note in notes if note)


def render_page(annotation: Annotation) -> str:
    """Return the page of an annotation as HTML."""
    recording, info = annotation.recording, annotation.media
    return render(
        PageContent(
            title=recording.shown_title,
            recording_id=recording.recording_id,
            day=annotation.meeting_date,
            duration=info.duration,
            has_video=info.has_video,
            uri=recording.uri,
            notes=notes_of(annotation),
            rows=annotation.utterances,
        )
    )


def render(content: PageContent) -> str:
    """Return a page as HTML. Everything that comes from a recording is escaped.

    The media is not copied: a local recording is linked where it lies, and any other can be
    opened in the page from the reader's disk.
    """
    annotated = content.rows
    common = _common_flags(annotated)
    notes = [*content.notes, _hidden_note(annotated)]
    notes += [f"Everywhere: {', '.join(FLAGS[flag] for flag in common)}."] if common else []
    scale = TIMELINE_WIDTH / max(content.duration, 1e-3)
    speakers = sorted({row.utterance.speaker for row in annotated})
    return _template().render(
        title=content.title,
        recording_id=content.recording_id,
        day=content.day,
        duration=content.duration,
        has_video=content.has_video,
        media=media_link(content.uri),
        notes=[note for note in notes if note],
        common_flags=common,
        rows=annotated,
        lanes=[_lane(speaker, annotated, scale) for speaker in speakers],
        width=TIMELINE_WIDTH,
        ticks=[(t, t * scale) for t in _ticks(content.duration)],
        colours={name: facts.colour for name, facts in FACTS.items()},
        emotions=EMOTIONS,
    )


def _common_flags(annotated: Sequence[AnnotatedUtterance]) -> list[Flag]:
    """Return the flags of every row that is shown, where there are several rows."""
    shown = [set(row.flags) for row in annotated if "no_consent" not in row.flags]
    return sorted(set.intersection(*shown)) if len(shown) > 1 else []


def _hidden_note(annotated: Sequence[AnnotatedUtterance]) -> str | None:
    """Say that somebody is not shown, and for how long."""
    hidden = sum(row.utterance.duration for row in annotated if "no_consent" in row.flags)
    if not hidden:
        return None
    return f"Somebody who did not consent is not shown: {clock(hidden)} of what is spoken."


def media_link(uri: str) -> str | None:
    """Return a `file:` link to a recording that lies on this machine, else None."""
    local = uri.removeprefix("file://")
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
                "colour": FACTS[row.emotion].colour if row.emotion else None,
                "hidden": "no_consent" in row.flags,
            }
            for row in rows
        ],
    }


def _ticks(duration: float) -> list[float]:
    steps = (1, 5, 10, 30, 60, 300, 600, 1800, 3600)
    step = next((s for s in steps if duration / s <= 10), 7200)
    return [float(t) for t in range(0, int(duration) + 1, step)]
