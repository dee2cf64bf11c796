"""Render the review page of a recording: one HTML file that needs nothing else.

Template, style and script lie in `review_page/` as the browser reads them; the rows travel as data
(`page_data.py`), from which the script builds what is seen.
"""

import functools
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from schemas.annotation import Annotation
from schemas.corrections import Correction
from schemas.emotions import FACTS
from schemas.speech import FLAGS, AnnotatedUtterance, Flag, Reaction
from schemas.tables import Row
from schemas.values import Seconds, clock
from tasks.dataset.insights import insight_rows
from tasks.dataset.page_data import as_script, corrections_data, findings_data, page_data
from tasks.dataset.rows import reaction_rows, utterance_rows

if TYPE_CHECKING:
    from jinja2 import Template

STAGE_VERSION = 3

PARTS = Path(__file__).parent / "review_page"


@functools.cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(PARTS), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["clock"] = clock
    return environment.get_template("page.html.j2")


@functools.cache
def _style() -> str:
    colours = ";".join(f"--{name}:{facts.colour}" for name, facts in FACTS.items())
    return f":root{{{colours}}}\n{_joined('style')}"


@functools.cache
def _script() -> str:
    return f'"use strict";\n(() => {{\n{_joined("script")}}})();\n'


def _joined(folder: str) -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted((PARTS / folder).iterdir()))


def _policy() -> str:
    """Return the page's Content-Security-Policy.

    Only the style and the script that are its own may run, known by their digests, and no text can
    become markup, also by a mistake in the script. Recordings are files or come from where the
    page lies.
    """
    digests = {"style-src": _style(), "script-src": _script()}
    rules = ["default-src 'none'"]
    rules += [f"{rule} 'sha256-{_digest(text)}'" for rule, text in digests.items()]
    # to hand corrections to the app that serves the page; as a file it has nobody to ask
    rules += ["connect-src 'self'"]
    rules += ["media-src 'self' file: blob:", "base-uri 'none'", "form-action 'none'"]
    return "; ".join([*rules, "require-trusted-types-for 'script'", "trusted-types 'none'"])


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


@dataclass(frozen=True)
class PageContent:
    """Everything that a page shows, from an annotation or from the published rows.

    `media` is the address of the recording where it is not that of `uri`; empty: it has none.
    """

    title: str
    recording_id: str
    day: date | None
    duration: Seconds
    has_video: bool
    uri: str
    notes: tuple[str, ...]
    rows: tuple[AnnotatedUtterance, ...]
    reactions: tuple[Reaction, ...] = ()
    corrections: tuple[Correction, ...] = ()
    findings: tuple[Row, ...] = ()
    media: str | None = None


def notes_of(annotation: Annotation) -> tuple[str, ...]:
    """Return the sentences of the page about the recording and its words."""
    transcript = annotation.transcript
    notes = (annotation.media.damage, transcript.reason, *transcript.faults)
    return tuple(note for note in notes if note)


def render_page(annotation: Annotation, corrections: Sequence[Correction] = ()) -> str:
    """Return the page of an annotation as HTML, with what reviewers corrected before."""
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
            reactions=annotation.reactions.rows,
            corrections=tuple(corrections),
            findings=tuple(insight_rows(utterance_rows(annotation), reaction_rows(annotation))),
        )
    )


def render(content: PageContent) -> str:
    """Return a page as HTML. Everything that comes from a recording is escaped.

    The media is not copied: a local recording is linked where it lies, and any other can be
    opened in the page from the reader's disk.
    """
    from markupsafe import Markup

    rows = content.rows
    common = _common_flags(rows)
    notes = [*content.notes, _hidden_note(rows)]
    notes += [f"Everywhere: {', '.join(FLAGS[flag] for flag in common)}."] if common else []
    facts = {
        "id": content.recording_id,
        "title": content.title,
        "notes": [note for note in notes if note],
        "duration": content.duration,
        "corrections": corrections_data(content.corrections, rows),
        "findings": findings_data(content.findings, rows),
    }
    trusted = {"style": _style(), "script": _script(), "policy": _policy()}
    data = as_script(page_data(facts, rows, content.reactions, common))
    return _template().render(
        **{name: Markup(text) for name, text in trusted.items()},  # noqa: S704 - files of ours
        data=Markup(data),  # noqa: S704 - `as_script` escapes it
        **facts | {"recording_id": content.recording_id},
        day=content.day,
        kind="video" if content.has_video else "audio",
        has_video=content.has_video,
        media=media_link(content.uri) if content.media is None else content.media or None,
        n_speakers=len({row.utterance.speaker for row in rows}),
        n_rows=len(rows),
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
