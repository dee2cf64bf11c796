"""`MEETING.toml` beside `MEETING.mp4`: what the operator knows of one meeting."""

from datetime import date as Date
from typing import Literal

from pydantic import PositiveInt

from schemas.values import Value

Jurisdiction = Literal["eu", "other"]
Context = Literal["unspecified", "workplace", "education", "research", "private", "medical"]


class Participant(Value):
    """One person of the meeting; without consent they are not shown and never judged."""

    name: str
    consent: bool = True


class Sidecar(Value):
    """Facts and hints for one recording; all optional."""

    title: str | None = None
    date: Date | None = None
    language: str | None = None
    purpose: str | None = None
    jurisdiction: Jurisdiction | None = None
    context: Context | None = None
    speakers: PositiveInt | None = None
    min_speakers: PositiveInt | None = None
    max_speakers: PositiveInt | None = None
    participants: tuple[Participant, ...] = ()
