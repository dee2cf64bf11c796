"""A short meeting as a reviewer opens it: two people, doubtful words, overlap, listeners."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.annotation import Annotation
from schemas.emotions import Emotion, EmotionScores
from schemas.media import MediaInfo, Recording
from schemas.speech import AnnotatedUtterance, Flag, Reaction, Reactions, Utterance, Word
from tests.material.annotations import annotation
from tests.material.sounds import Spoken, tone_voices, write_wav

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOSTILE = "<img src=x onerror=alert(1)></script>"
SECONDS = 14.0

SAID: tuple[tuple[int, float, float, str, Emotion | None, float | None, tuple[Flag, ...]], ...] = (
    (0, 1.0, 3.0, "Good morning to all", "happy", 0.7, ()),
    (0, 3.2, 4.0, "Shall we begin", "neutral", 0.9, ("short",)),
    (1, 3.8, 6.0, "The budget is far too small", "angry", 0.55, ("overlap",)),
    (0, 6.2, 7.5, "I know", None, None, ("low_confidence", "no_face")),
    (1, 11.0, 13.0, f"Café {HOSTILE} tomorrow", "neutral", 0.8, ()),
)


def scores(emotion: Emotion | None) -> EmotionScores:
    flat = dict.fromkeys(EmotionScores.model_fields, 1.0)
    return EmotionScores.from_array([*(flat | {emotion or "neutral": 7.0}).values()])


def utterance(number: int) -> AnnotatedUtterance:
    speaker, start, end, text, emotion, confidence, flags = SAID[number]
    spoken = text.split()
    step = (end - start) / len(spoken)
    words = tuple(
        Word(word=word, start=start + n * step, end=start + (n + 0.9) * step, score=0.9)
        for n, word in enumerate(spoken)
    )
    if number == 2:
        text = "The budget is ... too small"
    return AnnotatedUtterance(
        utterance=Utterance(
            index=number,
            start=start,
            end=end,
            speaker=f"SPEAKER_{speaker:02}",
            speaker_name=("Ana", HOSTILE)[speaker],
            speaker_confidence=0.9,
            overlap_ratio=0.1 if "overlap" in flags else 0.0,
            text=text,
            language="en",
            words=words,
        ),
        emotion=emotion,
        confidence=confidence,
        scores=scores(emotion),
        audio_scores=scores("neutral"),
        text_scores=scores(emotion),
        flags=flags,
    )


def meeting(folder: Path) -> Annotation:
    """Return the annotation; its sound lies in the folder."""
    spoken = [Spoken(speaker, start, end) for speaker, start, end, *_ in SAID]
    sound = write_wav(folder / "weekly.wav", tone_voices(spoken, SECONDS, 8_000), 8_000)
    recording = Recording(
        recording_id="0123456789abcdef",
        uri=str(sound),
        title=f"Weekly {HOSTILE}",
        path=str(sound),
        size=1,
        version="1",
    )
    smile = Reaction(
        utterance_index=2,
        participant="SPEAKER_00",
        participant_name="Ana",
        seconds=1.5,
        coverage=0.7,
        scores=scores("happy"),
        emotion="happy",
        confidence=0.6,
    )
    other = smile.model_copy(update={"participant": "FACE_00", "participant_name": None})
    return annotation(
        recording,
        MediaInfo(container="wav", duration=SECONDS, origin=0.0),
        [utterance(n) for n in range(len(SAID))],
        reactions=Reactions(model="embedded@1", rows=(smile, other)),
    )


def wait_until(page: "Page", condition: str, seconds: float = 5.0) -> None:
    """Wait for an expression; the page's policy forbids the evaluating of Playwright's own wait."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"still not: {condition}"
        page.wait_for_timeout(20)
