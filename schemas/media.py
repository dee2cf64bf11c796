"""A recording and what its container holds."""

from datetime import date, datetime

from schemas.consent import Consent, Restrictions
from schemas.sidecar import Sidecar
from schemas.values import Hertz, Seconds, Value


class SourceItem(Value):
    """One object of the source that looks like a recording, and what lies beside it.

    `version` identifies the object and its siblings without reading them (ETag, or size and
    mtime): as long as it stays the same, nothing of the recording has changed.
    """

    uri: str
    size: int
    version: str
    modified: datetime | None = None
    captions_uri: str | None = None
    turns_uri: str | None = None
    sidecar_uri: str | None = None


class Recording(Value):
    """One recording of the source, copied to a local path when it is remote.

    `recording_id` is the first 16 hex digits of the SHA-256 of the content.
    `version` identifies the object without reading it (ETag, or size and mtime). `sidecar` joins
    what lies beside it with what forbids more, `restrictions` are its own sidecar's alone, and
    `remembered_refusals` digests of names that sidecars refused which are gone.
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

    @property
    def consent(self) -> Consent:
        """Who may be shown."""
        return Consent.of(self.recording_id, self.sidecar, self.remembered_refusals)


class AudioStream(Value):
    """One audio stream of a container; `start` is its first timestamp in seconds."""

    index: int
    channels: int
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
    says what is wrong with a container that is broken but readable.
    """

    container: str
    duration: Seconds
    origin: Seconds
    audio: tuple[AudioStream, ...] = ()
    video: VideoStream | None = None
    created: datetime | None = None
    damage: str | None = None

    @property
    def has_video(self) -> bool:
        """Whether there are moving pictures (a cover image does not count)."""
        return self.video is not None

    def meeting_date(self, recording: Recording) -> date | None:
        """The day of the meeting: sidecar, else container, else the object's mtime."""
        if recording.sidecar.date is not None:
            return recording.sidecar.date
        moment = self.created or recording.modified
        return moment.date() if moment else None


class ParticipantTrack(Value):
    """The sound of one participant, where a recorder kept each on a track of its own."""

    name: str | None
    path: str


class SplitMedia(Value):
    """Scratch files of one recording, all starting at the recording's second zero.

    `audio_path` is 16 kHz mono 16-bit WAV; `video_path` the video as it is.
    """

    audio_path: str | None = None
    tracks: tuple[ParticipantTrack, ...] = ()
    video_path: str | None = None
