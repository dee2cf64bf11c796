"""Corrections that reviewers make, and the file in which a page hands them out.

The list is append-only: nothing is ever taken out of it, an undoing is one more correction. What
the models said stays in the tables; corrections are overlaid at reading.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from schemas.emotions import EMOTIONS
from schemas.errors import InputError
from schemas.values import Seconds, Value

MOST_CORRECTIONS = 100_000
"""A file with more is not one that a person made: a two-hour meeting has some 3,000 utterances."""

CorrectedField = Literal["emotion", "text", "speaker", "speaker_name"]

RecordingId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
CorrectionId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
SpeakerLabel = Annotated[str, Field(min_length=1, max_length=200)]


class Correction(Value):
    """One thing that a reviewer says otherwise.

    `who` made it `when`. It is about an `utterance` (its index; `start` and `end` are its seconds,
    by which it is found again once a recording is cut anew), or, where `utterance` is None, about a
    `speaker` everywhere in the `recording`. `old` and `new` are the values of `field` before and
    after: one of the seven classes or None for unsure (`emotion`), words or None (`text`), a label
    (`speaker`: of one utterance, or of everything that this speaker says), a name or None
    (`speaker_name`). `undoes` is the id of the correction that no longer holds.
    """

    id: CorrectionId
    who: Annotated[str, Field(min_length=1, max_length=200)]
    when: AwareDatetime
    recording: RecordingId
    utterance: Annotated[int, Field(ge=0)] | None = None
    start: Seconds | None = None
    end: Seconds | None = None
    speaker: SpeakerLabel | None = None
    field: CorrectedField
    old: Annotated[str, Field(max_length=10_000)] | None = None
    new: Annotated[str, Field(max_length=10_000)] | None = None
    note: Annotated[str, Field(max_length=1_000)] | None = None
    undoes: CorrectionId | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.utterance is None) == (self.speaker is None):
            raise ValueError("a correction is about one utterance or about one speaker")
        if self.utterance is None and self.field not in ("speaker", "speaker_name"):
            raise ValueError(f"{self.field} is corrected utterance by utterance")
        if self.utterance is not None and self.field == "speaker_name":
            raise ValueError("a name is corrected everywhere, by the speaker's label")
        if self.field == "emotion" and not {self.old, self.new} <= {None, *EMOTIONS}:
            raise ValueError(f"an emotion is one of {', '.join(EMOTIONS)}, or null for unsure")
        if self.field == "speaker" and not (self.old and self.new):
            raise ValueError("a speaker is replaced by another one")
        return self

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """Return the correction that a row of the table holds."""
        renamed = {"recording_id": "recording", "utterance_index": "utterance"}
        return cls(**{renamed.get(name, name): value for name, value in row.items()})

    def as_row(self) -> dict[str, Any]:
        """Return the row of the table."""
        renamed = {"recording": "recording_id", "utterance": "utterance_index"}
        return {renamed.get(name, name): value for name, value in self.model_dump().items()}


class CorrectionFile(Value):
    """The file that a page hands out, `corrections-RECORDING.json`."""

    format: Literal["tonescribe-corrections"] = "tonescribe-corrections"
    version: Literal[1] = 1
    corrections: Annotated[tuple[Correction, ...], Field(max_length=MOST_CORRECTIONS)] = ()


def read_corrections(content: bytes, name: str) -> tuple[Correction, ...]:
    """Return the corrections of a file in the order in which they were made.

    Raises `InputError` with one sentence where it is not such a file, naming the first fault.
    """
    try:
        return CorrectionFile.model_validate_json(content).corrections
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"]) or "the file"
        raise InputError(
            f"The file {name} holds no corrections of a review page ({place}: {fault['msg']}); "
            "save it again from the page."
        ) from error


def standing(corrections: tuple[Correction, ...]) -> tuple[Correction, ...]:
    """Return the corrections that hold: without those undone, and without the undoings.

    An undoing that was undone in turn no longer counts, so what it undid holds again.
    """
    undone: set[str] = set()
    for each in reversed(corrections):
        if each.undoes and each.id not in undone:
            undone.add(each.undoes)
    return tuple(each for each in corrections if each.id not in undone and not each.undoes)
