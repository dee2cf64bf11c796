"""What a stage is, and the recording that stages work on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from schemas.media import MediaInfo, Recording, SplitMedia
from schemas.policy import Policy
from schemas.settings import Settings
from schemas.speech import (
    AnnotatedUtterance,
    BranchScores,
    Diarization,
    Faces,
    Reactions,
    Transcript,
    Utterance,
    VoiceNames,
)
from tasks.media.split import WavFile


@dataclass
class Work:
    """One recording in progress: its inputs, and the results of the stages that have run.

    A result is set when its stage has run; reading it before is an `AttributeError`. A branch
    that the policy forbids has None. `degraded` says what was made smaller for want of memory.
    """

    recording: Recording
    settings: Settings
    policy: Policy
    scratch: Path
    degraded: list[str] = field(default_factory=list)
    media: MediaInfo = field(init=False)
    split: SplitMedia = field(init=False)
    diarization: Diarization = field(init=False)
    voices: VoiceNames = field(init=False, default_factory=VoiceNames)
    transcript: Transcript = field(init=False)
    utterances: tuple[Utterance, ...] = field(init=False)
    faces: Faces = field(init=False)
    audio: BranchScores | None = field(init=False)
    video: BranchScores | None = field(init=False)
    reactions: Reactions = field(init=False)
    text: BranchScores | None = field(init=False)
    annotated: tuple[AnnotatedUtterance, ...] = field(init=False)

    @cached_property
    def waveform(self) -> WavFile | None:
        """The sound, where the recording has any."""
        path = self.split.audio_path
        return WavFile(path) if path else None

    @property
    def tracks(self) -> list[tuple[str | None, WavFile]]:
        """The sound of each participant, where each has a track."""
        return [(t.name, WavFile(t.path)) for t in self.split.tracks]


@dataclass(frozen=True)
class Stage:
    """One stage: its function, and everything that its result depends on.

    `gives` is the field of `Work` that holds its result and `kind` the result's type. `after` are
    the stages whose results it reads, `files_of` those whose scratch files it reads. `biometric`
    says that it looks at voice or face to infer emotion, which the policy may forbid: the result
    is then `skipped`. A stage that the settings do not ask for (`is_wanted`) is as if it were not
    there; `files` digests what files the settings name for it. `redacted` returns what may be
    stored of the result where somebody did not consent; the stage then runs again whenever a later
    one needs the whole.
    """

    name: str
    gives: str
    run: Callable[[Work], Any]
    version: int
    kind: TypeAdapter[Any]
    after: tuple[str, ...] = ()
    files_of: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    inputs: Callable[[Recording], Any] = lambda _: None
    cached: bool = True
    biometric: bool = False
    skipped: Any = None
    is_wanted: Callable[[Settings], bool] = lambda _: True
    files: Callable[[Settings], str | None] = lambda _: None
    redacted: Callable[[Any], Any] | None = None

    def hides(self, recording: Recording) -> bool:
        """Whether less than its result may be stored."""
        return self.redacted is not None and recording.consent.is_restricted

    def is_allowed(self, policy: Policy) -> bool:
        """Whether the policy lets it run."""
        return not (self.biometric and policy.text_only)
