"""The files beside a recording that a stage's result depends on, as JSON for cache keys."""

import hashlib
from pathlib import Path
from typing import Any

from schemas.media import Recording


def turns_and_hints(recording: Recording) -> Any:
    """Return digests of the turns file and the participants' files, and the sidecar's hints."""
    sidecar = recording.sidecar
    return [
        sidecar.speakers,
        sidecar.min_speakers,
        sidecar.max_speakers,
        _content(recording.turns_path),
        sorted(recording.consent.refused),
        recording.tracks_digest,
        [participant.name for participant in sidecar.participants],
    ]


def captions_and_names(recording: Recording) -> Any:
    """Return the captions' digest, the language, and the names that may be spoken."""
    sidecar = recording.sidecar
    names = [sidecar.title, [person.name for person in sidecar.participants]]
    return [sidecar.language, names, _content(recording.captions_path), participants(recording)]


def participants(recording: Recording) -> Any:
    """Return the participants and who of them may not be shown."""
    people = [p.model_dump() for p in recording.sidecar.participants]
    return [people, sorted(recording.consent.refused)]


def everything(recording: Recording) -> Any:
    """Return all of it."""
    return [
        turns_and_hints(recording),
        captions_and_names(recording),
        recording.sidecar.model_dump(mode="json"),
        participants(recording),
    ]


def _content(path: str | None) -> str | None:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else None
