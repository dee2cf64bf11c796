"""Annotations as the last stage leaves them, for tests of what is published."""

from collections.abc import Sequence
from datetime import date

from schemas.annotation import Annotation
from schemas.emotions import EmotionScores
from schemas.manifest import Marks, RunFacts
from schemas.media import MediaInfo, Recording
from schemas.policy import Policy
from schemas.settings import Settings
from schemas.sidecar import Sidecar
from schemas.speech import (
    AnnotatedUtterance,
    Reaction,
    Reactions,
    Transcript,
    Utterance,
    Word,
)
from tasks.dataset.refresh import current_versions

HAPPY = EmotionScores.from_array([1, 5, 1, 1, 1, 1, 0])


def annotation(
    recording: Recording,
    media: MediaInfo,
    rows: Sequence[AnnotatedUtterance],
    transcript: Transcript | None = None,
    fingerprint: str = "f1",
    reactions: Reactions | None = None,
) -> Annotation:
    settings = Settings(purpose="tests")
    return Annotation(
        recording=recording,
        media=media,
        transcript=transcript or Transcript(engine="none"),
        utterances=tuple(rows),
        reactions=reactions or Reactions(),
        settings=settings,
        policy=Policy.decide(settings),
        facts=RunFacts(stage_seconds={"probe": 0.1}, peak_rss_mb=100.0, wall_seconds=2.0),
        marks=Marks(fingerprint=fingerprint, judged="j1", versions=current_versions()),
        inputs="i1",
    )


def recording(**changes: object) -> Recording:
    given: dict[str, object] = {
        "recording_id": "0123456789abcdef",
        "uri": "/meetings/weekly.mp4",
        "title": "weekly",
        "path": "/meetings/weekly.mp4",
        "size": 10,
        "version": "v1",
        "sidecar": Sidecar(date=date(2026, 11, 20)),
    }
    return Recording(**(given | changes))  # type: ignore[arg-type]


def annotated() -> tuple[AnnotatedUtterance, ...]:
    words = (Word(word="good", start=1.0, end=1.2, score=0.9), Word(word="day", start=1.3, end=2.0))
    said = Utterance(
        index=0,
        start=1.0,
        end=2.0,
        speaker="SPEAKER_00",
        speaker_name="Ana <b>",
        speaker_confidence=0.9,
        overlap_ratio=0.0,
        text="good & day --> x",
        language="en",
        words=words,
    )
    silent = Utterance(
        index=1,
        start=3.0,
        end=4.5,
        speaker="SPEAKER_01",
        speaker_confidence=0.5,
        overlap_ratio=0.25,
        flags=("no_words",),
    )
    return (
        AnnotatedUtterance(
            utterance=said,
            emotion="happy",
            confidence=0.5,
            scores=HAPPY,
            text_scores=HAPPY,
            valence=0.3,
            arousal=0.4,
            flags=("no_face",),
            models={"text": "embedded@1"},
        ),
        AnnotatedUtterance(utterance=silent, flags=("no_face", "no_words")),
    )


def reacted() -> Reactions:
    """Who listened to the first utterance of `annotated`: a smile, and somebody nobody knows."""
    smile = Reaction(
        utterance_index=0,
        participant="SPEAKER_01",
        participant_name="Bo",
        seconds=0.8,
        coverage=0.8,
        scores=HAPPY,
        emotion="happy",
        confidence=0.5,
        valence=0.3,
        arousal=0.4,
    )
    unknown = Reaction(utterance_index=0, participant="FACE_00", seconds=0.2, coverage=0.2)
    return Reactions(model="embedded@2", rows=(unknown, smile))
