"""The truth about a composed meeting, as `NAME.truth.json` beside `NAME.mp4`."""

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from schemas.errors import InputError
from schemas.speech import speaker_label
from schemas.values import Seconds, Value

Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels of the video."""

FaceKind = Literal["live", "photo", "frozen", "avatar"]
"""`live` moves as its person does; `photo` is a still on a slide or for a camera that is off;
`frozen` is a live tile that stands still; `avatar` is drawn."""

SUFFIX = ".truth.json"


class TrueWord(Value):
    """One word of a turn; where nothing is known of the clip's words, AMI's at that place."""

    start: Seconds
    end: Seconds
    text: str


class TrueTurn(Value):
    """A turn in the time of the sound."""

    start: Seconds
    end: Seconds
    participant: str
    words: tuple[TrueWord, ...] = ()

    @property
    def text(self) -> str:
        """The words as one line."""
        return " ".join(word.text for word in self.words)


class FaceSpan(Value):
    """Where a face is from `start` to `end`, in the time of the picture.

    `box` is the face as YuNet boxes it, on average over the span; `tile` the part of the picture
    that it is shown in.
    """

    start: Seconds
    end: Seconds
    box: Box
    tile: Box


class TrueFace(Value):
    """One face on the screen; `participant` is None for somebody who is not in the meeting."""

    participant: str | None
    kind: FaceKind
    spans: tuple[FaceSpan, ...] = ()


class Participant(Value):
    """Somebody in the meeting.

    `speaks` is False for pure listeners. `variant_of` names the participant whose clip this
    listener's was made of, mirrored and with other colours, where there were not enough people.
    """

    id: str
    name: str
    person: str
    on_screen: bool
    speaks: bool = True
    variant_of: str | None = None


class TrueCue(Value):
    """A cue of the captions beside the recording, and who said it."""

    start: Seconds
    end: Seconds
    participant: str
    text: str


class Truth(Value):
    """Who speaks when and where each face is.

    `delay` says how many seconds the sound is late against the picture; turns are in the sound's
    time, faces in the picture's. `captions` says what is wrong with the captions beside it, `tags`
    under which name they show each participant (None: under none).
    """

    layout: str
    n_tiles: int
    conditions: tuple[str, ...] = ()
    people: Literal["tuning", "report"]
    seed: int
    duration: Seconds
    width: int
    height: int
    fps: float
    delay: Seconds = 0.0
    captions: tuple[str, ...] = ()
    tags: dict[str, str | None] = {}
    cues: tuple[TrueCue, ...] = ()
    participants: tuple[Participant, ...]
    turns: tuple[TrueTurn, ...]
    faces: tuple[TrueFace, ...] = ()


def read_truth(path: Path) -> Truth:
    """Read a truth file; `InputError` where it is none."""
    try:
        return Truth.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise InputError(f"{path.name} is no truth of a composed meeting: {error}") from error


def as_rttm(truth: Truth, name: str) -> str:
    """Write the turns as RTTM; labels number the participants and name nobody."""
    labels = {who.id: speaker_label(number) for number, who in enumerate(truth.participants)}
    return "".join(
        f"SPEAKER {name} 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA> "
        f"{labels[turn.participant]} <NA> <NA>\n"
        for turn in truth.turns
    )
