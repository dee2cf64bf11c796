"""Reports of runs."""

from collections import Counter
from typing import Literal

from schemas.values import Seconds, Value

Outcome = Literal[
    "annotated", "known", "unchanged", "quarantined", "busy", "uploading", "forgotten"
]
"""`busy`: another run works on it; `uploading`: it changed just now, the next run takes it."""


class RecordingReport(Value):
    """The outcome of one recording; `ran` names the stages that did work.

    `stage` and `cause` say where and why it was quarantined.
    """

    uri: str
    outcome: Outcome
    recording_id: str | None = None
    title: str | None = None
    duration: Seconds | None = None
    n_speakers: int | None = None
    n_utterances: int | None = None
    n_reactions: int | None = None
    seconds: Seconds
    stage_seconds: dict[str, Seconds] = {}
    ran: tuple[str, ...] = ()
    stage: str | None = None
    cause: str | None = None
    sentence: str | None = None


class BatchReport(Value):
    """The outcome of a batch."""

    recordings: tuple[RecordingReport, ...] = ()
    unchanged: int = 0
    still_quarantined: int = 0
    uploading: int = 0
    refreshed: int = 0

    @property
    def has_quarantined(self) -> bool:
        """Whether a recording of the source is in quarantine now."""
        failed = any(report.outcome == "quarantined" for report in self.recordings)
        return failed or self.still_quarantined > 0

    @property
    def failed(self) -> tuple[RecordingReport, ...]:
        """The recordings that were quarantined in this run."""
        return tuple(r for r in self.recordings if r.outcome == "quarantined")

    @property
    def sentence(self) -> str:
        """One sentence for the user."""
        count = Counter(report.outcome for report in self.recordings)
        parts = [
            f"{count['annotated']} annotated",
            f"{count['known'] + self.unchanged} already done",
            f"{count['quarantined'] + self.still_quarantined} in quarantine",
        ]
        waiting = (
            (count["busy"], "being annotated by another run"),
            (count["uploading"] + self.uploading, "still being uploaded"),
            (self.refreshed, "written anew"),
            (count["forgotten"], "forgotten on request"),
        )
        parts += [f"{number} {what}" for number, what in waiting if number]
        return ", ".join(parts)
