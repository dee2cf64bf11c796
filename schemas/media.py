"""A recording and what its container holds."""

from datetime import UTC, date, datetime, timedelta

from schemas.consent import Consent, Restrictions
from schemas.sidecar import Sidecar
from schemas.values import Hertz, Seconds, Value

_OLDEST_YEAR = 1990
_ZERO_HOUR = timedelta(hours=1)


def is_plausible(moment: datetime) -> bool:
    """Whether a recording can be of that moment: not to come, and not the zero of some clock.

    Clocks that were never set begin at the first hour of a year (1904, 1970, 1980, 2000, 2020).
    """
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since_new_year = moment - moment.replace(month=1, day=1, hour=0, minute=0, second=0)
    in_past = moment <= datetime.now(UTC) + timedelta(days=1)
    return in_past and moment.year >= _OLDEST_YEAR and since_new_year >= _ZERO_HOUR


class ParticipantTrack(Value):
    """The sound of one participant, where a recorder kept each on a track of its own."""

    name: str | None
    path: str


class SourceItem(Value):
    """One object of the source that looks like a recording, and what lies beside it.

    `version` identifies the object and its siblings without reading them (ETag, or size and
    mtime): as long as it stays the same, nothing of the recording has changed.
    `other_captions_uris` are captions in other languages or of another kind;
    `other_sidecar_uris` are sidecars whose names look the same: what they forbid holds too.
    `tracks` are files with one participant each (a name or None, the address); where `is_parts`
    the recording is the first of them and there is none of all.
    `touched` is when the newest of all these files was written.
    `undecided` is the sentence that says why it cannot be known which sibling is meant.
    """

    uri: str
    size: int
    version: str
    modified: datetime | None = None
    captions_uri: str | None = None
    other_captions_uris: tuple[str, ...] = ()
    turns_uri: str | None = None
    sidecar_uri: str | None = None
    other_sidecar_uris: tuple[str, ...] = ()
    tracks: tuple[tuple[str | None, str], ...] = ()
    is_parts: bool = False
    touched: datetime | None = None
    undecided: str | None = None


class Recording(Value):
    """One recording of the source, copied to a local path when it is remote.

    `recording_id` is the first 16 hex digits of the SHA-256 of the content.
    `version` identifies the object without reading it (ETag, or size and mtime). `sidecar` joins
    what lies beside it with what forbids more, `restrictions` are its own sidecar's alone, and
    `remembered_refusals` digests of names that sidecars refused which are gone. `tracks` are files
    with one participant each; where `is_parts` they are all there is.
    """

    recording_id: str
    uri: str
    title: str
    path: str
    size: int
    version: str
    modified: datetime | None = None
    captions_path: str | None = None
    turns_path: str | None = None
    sidecar: Sidecar = Sidecar()
    restrictions: Restrictions = Restrictions()
    remembered_refusals: tuple[str, ...] = ()
    tracks: tuple[ParticipantTrack, ...] = ()
    tracks_digest: str = ""
    is_parts: bool = False

    @property
    def shown_title(self) -> str:
        """The sidecar's title, else the recording's own."""
        return self.sidecar.title or self.title

    @property
    def consent(self) -> Consent:
        """Who may be shown."""
        return Consent.of(self.recording_id, self.sidecar, self.remembered_refusals)


class AudioStream(Value):
    """One audio stream of a container; `start` is its first timestamp in seconds.

    `layout` is what libav calls the order of its channels (`stereo`, `5.1`), None where unknown.
    """

    index: int
    channels: int
    layout: str | None = None
    sample_rate: Hertz
    start: Seconds
    title: str | None = None
    language: str | None = None


class VideoStream(Value):
    """One video stream; `fps` is the mean rate (a stream may vary), `start` its first timestamp."""

    index: int
    width: int
    height: int
    fps: float
    start: Seconds


class MediaInfo(Value):
    """What the probe found. `origin` is the earliest stream start: second zero of the recording.

    `duration` is what can be read, not what the header promises; `damage` is the sentence that
    says what is wrong with a container that is broken but readable, or what had to be guessed.
    `is_counted` says that times or kinds of sound begin anew inside (recordings joined into one
    file), so that samples are counted; `gaps` are (moment, seconds lost there).
    """

    container: str
    duration: Seconds
    origin: Seconds
    audio: tuple[AudioStream, ...] = ()
    video: VideoStream | None = None
    created: datetime | None = None
    damage: str | None = None
    is_counted: bool = False
    gaps: tuple[tuple[Seconds, Seconds], ...] = ()

    @property
    def has_video(self) -> bool:
        """Whether there are moving pictures (a cover image does not count)."""
        return self.video is not None

    def meeting_date(self, recording: Recording) -> date | None:
        """Return the day of the meeting: sidecar, else container, else the object's mtime.

        A moment to come, or a clock that was never set, is no date of a meeting.
        """
        if recording.sidecar.date is not None:
            return recording.sidecar.date
        moments = (self.created, recording.modified)
        return next((m.date() for m in moments if m and is_plausible(m)), None)


class SplitMedia(Value):
    """Scratch files of one recording, all starting at the recording's second zero.

    `audio_path` is 16 kHz mono 16-bit WAV; `video_path` the video as it is.
    """

    audio_path: str | None = None
    tracks: tuple[ParticipantTrack, ...] = ()
    video_path: str | None = None
