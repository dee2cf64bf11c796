"""`MEETING.toml` beside `MEETING.mp4`: what the operator knows of one meeting."""

from datetime import date as Date
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from schemas.values import BCP_47, Value

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
    language: str | None = Field(None, pattern=BCP_47)
    languages: tuple[Annotated[str, Field(pattern=BCP_47)], ...] = ()
    language_changes: bool | None = None
    purpose: str | None = None
    jurisdiction: Jurisdiction | None = None
    context: Context | None = None
    speakers: PositiveInt | None = None
    min_speakers: PositiveInt | None = None
    max_speakers: PositiveInt | None = None
    participants: tuple[Participant, ...] = ()

    @model_validator(mode="after")
    def _refuse_contradiction(self) -> Self:
        if self.min_speakers and self.max_speakers and self.min_speakers > self.max_speakers:
            raise ValueError("min_speakers is more than max_speakers")
        return self
