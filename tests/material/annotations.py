"""Annotations as the last stage leaves them, for tests of what is published."""

from collections.abc import Sequence

from schemas.annotation import Annotation
from schemas.manifest import RunFacts
from schemas.media import MediaInfo, Recording
from schemas.policy import Policy
from schemas.settings import Settings
from schemas.speech import AnnotatedUtterance, Transcript


def annotation(
    recording: Recording,
    media: MediaInfo,
    rows: Sequence[AnnotatedUtterance],
    transcript: Transcript | None = None,
    fingerprint: str = "f1",
) -> Annotation:
    settings = Settings(purpose="tests")
    return Annotation(
        recording=recording,
        media=media,
        transcript=transcript or Transcript(engine="none"),
        utterances=tuple(rows),
        settings=settings,
        policy=Policy.decide(settings),
        facts=RunFacts(stage_seconds={"probe": 0.1}, peak_rss_mb=100.0, wall_seconds=2.0),
        fingerprint=fingerprint,
        inputs="i1",
    )
