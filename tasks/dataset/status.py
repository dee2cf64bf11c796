"""Count what a dataset holds: recordings, ages, quarantine by cause, the last nights' throughput.

No name and no word is read: ids, times, flags and whether there is an emotion.
"""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime

from schemas.dataset import Dataset
from schemas.tables import Row
from schemas.values import Seconds, Value
from tasks.dataset.quarantine import all_quarantined
from tasks.dataset.tombstones import count_forgotten

NIGHTS = 7
"""So many of the last days on which something was annotated are told one by one."""


class Night(Value):
    """What was annotated on one day (UTC): hours of recordings, and hours of work on them."""

    day: date
    recordings: int
    hours: float
    work_hours: float

    @property
    def speed(self) -> float:
        """Hours of recordings per hour of work."""
        return self.hours / self.work_hours if self.work_hours else 0.0


class Quarantined(Value):
    """How many recordings are in quarantine for one cause in one stage, the oldest since when."""

    cause: str
    stage: str
    recordings: int
    since: datetime
    most_tries: int


class Status(Value):
    """The state of a dataset; shares are in [0, 1], None where there is nothing to share."""

    recordings: int
    hours: float
    utterances: int
    unsure_share: float | None
    hidden_share: float | None
    first_meeting: date | None
    last_meeting: date | None
    last_annotated: datetime | None
    versions: dict[str, int]
    forgotten: int
    quarantine: tuple[Quarantined, ...]
    nights: tuple[Night, ...]


def status_of(dataset: Dataset) -> Status:
    """Count what a dataset holds."""
    columns = ["meeting_date", "duration", "realtime_factor", "annotated_at", "tonescribe_version"]
    rows = dataset.arrow("recordings").to_table(columns).to_pylist()
    n_utterances, n_unsure, n_hidden = _utterances(dataset)
    n_shown = n_utterances - n_hidden
    days = [row["meeting_date"] for row in rows if row["meeting_date"]]
    return Status(
        recordings=len(rows),
        hours=_hours(sum(row["duration"] for row in rows)),
        utterances=n_utterances,
        unsure_share=n_unsure / n_shown if n_shown else None,
        hidden_share=n_hidden / n_utterances if n_utterances else None,
        first_meeting=min(days, default=None),
        last_meeting=max(days, default=None),
        last_annotated=max((row["annotated_at"] for row in rows), default=None),
        versions=dict(sorted(Counter(row["tonescribe_version"] for row in rows).items())),
        forgotten=count_forgotten(dataset),
        quarantine=tuple(_quarantine(dataset)),
        nights=tuple(_nights(rows)),
    )


def _utterances(dataset: Dataset) -> tuple[int, int, int]:
    """Count the utterances, those that are shown without an emotion, and those not shown."""
    n = unsure = hidden = 0
    for batch in dataset.arrow("utterances").to_batches(columns=["emotion", "flags"]):
        flags = batch.column("flags").to_pylist()
        judged = batch.column("emotion").is_valid().to_pylist()
        n += len(flags)
        is_hidden = ["no_consent" in found for found in flags]
        hidden += sum(is_hidden)
        unsure += sum(not j and not h for j, h in zip(judged, is_hidden, strict=True))
    return n, unsure, hidden


def _hours(seconds: Seconds) -> float:
    return round(seconds / 3600, 5)


def _quarantine(dataset: Dataset) -> list[Quarantined]:
    groups = defaultdict(list)
    for entry in all_quarantined(dataset):
        groups[entry.cause, entry.stage].append(entry)
    found = [
        Quarantined(
            cause=cause,
            stage=stage,
            recordings=len(entries),
            since=min(entry.quarantined_at for entry in entries),
            most_tries=max(entry.tries for entry in entries),
        )
        for (cause, stage), entries in groups.items()
    ]
    return sorted(found, key=lambda q: (-q.recordings, q.cause, q.stage))


def _nights(rows: list[Row]) -> list[Night]:
    groups: dict[date, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["annotated_at"].astimezone(UTC).date()].append(row)
    return [
        Night(
            day=day,
            recordings=len(groups[day]),
            hours=_hours(sum(row["duration"] for row in groups[day])),
            work_hours=_hours(
                sum(
                    r["duration"] / r["realtime_factor"]
                    for r in groups[day]
                    if r["realtime_factor"]
                )
            ),
        )
        for day in sorted(groups, reverse=True)[:NIGHTS]
    ]
