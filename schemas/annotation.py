"""Everything about one annotated recording that is published."""

from dataclasses import dataclass
from datetime import date

from schemas.manifest import Marks, RunFacts
from schemas.media import MediaInfo, Recording
from schemas.policy import Policy
from schemas.settings import Settings
from schemas.speech import AnnotatedUtterance, Reactions, Transcript


@dataclass(frozen=True)
class Annotation:
    """The result of all stages, with what it was made from and how the run went.

    `marks` say with what it was made; `inputs` cover the captions, turns and sidecar beside the
    recording; `degraded` says what was made smaller for want of memory.
    """

    recording: Recording
    media: MediaInfo
    transcript: Transcript
    utterances: tuple[AnnotatedUtterance, ...]
    reactions: Reactions
    settings: Settings
    policy: Policy
    facts: RunFacts
    marks: Marks
    inputs: str
    degraded: tuple[str, ...] = ()

    @property
    def meeting_date(self) -> date | None:
        """The day of the meeting, where it is known."""
        return self.media.meeting_date(self.recording)

    @property
    def models(self) -> dict[str, str]:
        """The models that scored the utterances, by branch."""
        return dict(self.utterances[0].models) if self.utterances else {}

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers in order of their labels."""
        return tuple(sorted({row.utterance.speaker for row in self.utterances}))
