"""Reports of runs."""

from typing import Literal

from schemas.values import Seconds, Value

Outcome = Literal["annotated", "known", "unchanged", "quarantined", "forgotten"]


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
        count = {"annotated": 0, "known": self.unchanged, "quarantined": self.still_quarantined}
        for report in self.recordings:
            count[report.outcome] = count.get(report.outcome, 0) + 1
        sentence = (
            f"{count['annotated']} annotated, {count['known']} already done, "
            f"{count['quarantined']} in quarantine"
        )
        forgotten = count.get("forgotten", 0)
        return f"{sentence}, {forgotten} forgotten on request" if forgotten else sentence
