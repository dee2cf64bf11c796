"""The meetings of a dataset as the app lists and compares them."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Literal

from schemas.dataset import Dataset
from schemas.emotions import EMOTIONS, Emotion
from schemas.errors import InputError
from schemas.manifest import Manifest
from schemas.names import name_key
from schemas.tables import Row
from schemas.values import Json, Seconds, Value
from tasks.dataset.manifests import read_manifest

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection
    Relation = duckdb.DuckDBPyRelation | duckdb.DuckDBPyConnection

Order = Literal["newest", "oldest", "title", "longest"]


class SpeakerShare(Value):
    """One speaker of a meeting, and the share of all speech that is theirs, in [0, 1]."""

    speaker: str
    name: str | None
    seconds: Seconds
    share: float


class Meeting(Value):
    """One meeting of the list. `emotions` counts utterances by label; those without are unsure.

    `valence` is the mean of the utterances that could be judged, in [-1, 1], `valence_error` the
    deviation of that mean.
    """

    recording_id: str
    title: str
    day: date | None
    duration: Seconds
    has_video: bool
    n_utterances: int
    unsure: int
    emotions: dict[Emotion, int]
    valence: float | None
    valence_error: float | None
    speakers: tuple[SpeakerShare, ...]


class MeetingScores(Value):
    """The mean probabilities of the classes in one meeting, in all and by speaker."""

    recording_id: str
    title: str
    scores: dict[Emotion, float]
    by_speaker: dict[str, dict[Emotion, float]]


_FACTS = f"""
    select r.recording_id, any_value(r.title) as title, any_value(r.meeting_date) as day,
           any_value(r.duration) as duration, any_value(r.has_video) as has_video,
           count(u.utterance_index) as n_utterances,
           count(*) filter (where u.emotion is null and u.utterance_index is not null) as unsure,
           {", ".join(f"count(*) filter (where u.emotion = '{e}') as {e}" for e in EMOTIONS)},
           avg(u.valence) as valence,
           stddev_samp(u.valence) / sqrt(count(u.valence)) as valence_error
    from recordings r left join utterances u using (recording_id)
    group by r.recording_id
"""  # noqa: S608 - names of our own classes

_ORDERS: dict[Order, str] = {
    "newest": "day desc nulls last, title",
    "oldest": "day asc nulls last, title",
    "title": "title, day",
    "longest": "duration desc, title",
}


class Library:
    """Reads meetings from a dataset, anew for each question: another run may write meanwhile."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def meetings(
        self,
        text: str = "",
        speaker: str = "",
        emotion: Emotion | None = None,
        since: date | None = None,
        until: date | None = None,
        order: Order = "newest",
    ) -> list[Meeting]:
        """Return the meetings that match all that is asked for.

        `text` is looked for in titles and in what was said, `speaker` in names and labels, whatever
        its case; `emotion` is one that somebody expressed.
        """
        if not self.dataset.fs.exists(self.dataset.path("recordings")):
            return []
        with self.dataset.connect() as connection:
            facts = _rows(connection.sql(f"{_FACTS} order by {_ORDERS[order]}"))
            speakers = _rows(connection.sql("from speakers order by talk_seconds desc"))
            said = self._said(connection, text) if text else set()
        of: dict[str, list[SpeakerShare]] = {}
        for row in speakers:
            of.setdefault(row["recording_id"], []).append(_share(row))
        found = [_meeting(row, of.get(row["recording_id"], [])) for row in facts]
        return [
            meeting
            for meeting in found
            if (
                not text
                or name_key(text) in name_key(meeting.title)
                or meeting.recording_id in said
            )
            and (not speaker or _has_speaker(meeting, speaker))
            and (emotion is None or meeting.emotions.get(emotion, 0) > 0)
            and (since is None or (meeting.day is not None and meeting.day >= since))
            and (until is None or (meeting.day is not None and meeting.day <= until))
        ]

    @staticmethod
    def _said(connection: "Connection", text: str) -> set[str]:
        found = connection.execute(
            "select distinct recording_id from utterances where contains(lower(text), lower(?))",
            [text],
        )
        return {row[0] for row in found.fetchall()}

    def manifest(self, recording_id: str) -> Manifest:
        """Return the manifest of a meeting. Raises `InputError` where there is none."""
        is_id = len(recording_id) == 16 and set(recording_id) <= set("0123456789abcdef")
        found = read_manifest(self.dataset, recording_id) if is_id else None
        if found is None:
            raise InputError("There is no such meeting in this dataset.")
        return found

    def scores(self, recording_id: str) -> MeetingScores:
        """Return the mean scores of a meeting. Raises `InputError` where there is none."""
        self.manifest(recording_id)
        means = ", ".join(f"avg(scores.{name}) as {name}" for name in EMOTIONS)
        query = f"""
            select coalesce(speaker_name, speaker) as who, any_value(recording_title) as title,
                   grouping(coalesce(speaker_name, speaker)) as is_all, {means}
            from utterances where recording_id = $1 and scores is not null
            group by rollup(coalesce(speaker_name, speaker))
        """  # noqa: S608 - names of our own classes
        with self.dataset.connect() as connection:
            rows = _rows(connection.execute(query, [recording_id]))
        every = next((row for row in rows if row["is_all"]), None)
        return MeetingScores(
            recording_id=recording_id,
            title=str(every["title"] or "") if every else "",
            scores=_means(every) if every else {},
            by_speaker={str(row["who"]): _means(row) for row in rows if not row["is_all"]},
        )


def _rows(relation: "Relation") -> list[Row]:
    names = [column[0] for column in relation.description]
    return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]


def _means(row: Row) -> dict[Emotion, float]:
    return {name: float(row[name]) for name in EMOTIONS if row[name] is not None}


def _share(row: Row) -> SpeakerShare:
    return SpeakerShare(
        speaker=row["speaker"],
        name=row["speaker_name"],
        seconds=row["talk_seconds"],
        share=row["talk_share"],
    )


def _meeting(row: Row, speakers: Sequence[SpeakerShare]) -> Meeting:
    facts: Json = {name: row[name] for name in Meeting.model_fields if name in row}
    counts = {name: row[name] for name in EMOTIONS if row[name]}
    return Meeting(**facts, emotions=counts, speakers=tuple(speakers))


def _has_speaker(meeting: Meeting, wanted: str) -> bool:
    key = name_key(wanted)
    names = (name_key(name) for s in meeting.speakers for name in (s.speaker, s.name) if name)
    return any(key in name for name in names)
