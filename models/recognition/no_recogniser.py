"""A transcriber that returns no words, with the reason."""

from collections.abc import Collection, Sequence

from models.protocols import Waveform
from schemas.settings import WeightSettings
from schemas.speech import Transcript, Turn

REASON = (
    "There is no recogniser in this profile: put captions MEETING.vtt beside the recording, "
    "or use the standard profile."
)


class NoTranscriber:
    """Leaves the words out: utterances are then the turns, their text null."""

    name = "none"
    digest = "000000000000"

    def __init__(self, weights: WeightSettings, reason: str = REASON) -> None:  # noqa: ARG002
        """Take the settings that every engine takes, and the sentence why there are no words."""
        self._reason = reason

    def transcribe(
        self,
        waveform: Waveform,  # noqa: ARG002
        turns: Sequence[Turn],  # noqa: ARG002
        language: str | None,
        hot_words: Sequence[str] = (),  # noqa: ARG002
        *,
        languages: Collection[str] = (),  # noqa: ARG002
        language_changes: bool = False,  # noqa: ARG002
    ) -> Transcript:
        """Return no words and the sentence why."""
        return Transcript(language=language, engine=self.name, reason=self._reason)
