"""Run the recogniser on one recording as a user gets it, and time it."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lab.wer.alignment import HypothesisWord, hypothesis_words
from lab.wer.stm import Reference
from models.protocols import SpeakerHints
from models.registry import load_engine
from schemas.errors import InputError
from schemas.media import Recording
from schemas.settings import Settings
from schemas.sidecar import Sidecar
from schemas.speech import Diarization, Transcript
from schemas.values import Seconds
from tasks.media.probe import probe
from tasks.media.split import WavFile, split
from tasks.transcript.diarize import given_turns
from tasks.transcript.utterances import make_utterances

Segments = Literal["diarizer", "reference"]
"""Where turns come from: the diarizer of the settings, or the reference."""


@dataclass(frozen=True)
class Run:
    """The hypothesis for a recording of `audio` seconds, and the seconds that it took.

    `threshold` is the least score of a word that is kept: 0 where scores are no probabilities.
    `language` is the one given or found.
    """

    hypothesis: list[HypothesisWord]
    audio: Seconds
    wall: Seconds
    threshold: float
    reason: str | None = None
    language: str | None = None


def run_recogniser(path: Path, reference: Reference, settings: Settings, segments: Segments) -> Run:
    """Recognise one recording; its words get the diarizer's speakers as in every annotation.

    The clock runs during recognition alone, not while weights are loaded, sound is decoded or
    voices are told apart. Raises `InputError` where the recording has no sound that can be read,
    `WeightsError` where an engine cannot be loaded.
    """
    engine = load_engine("transcriber", settings.engine("transcriber"), settings.weights)
    with tempfile.TemporaryDirectory(prefix="tonescribe-") as scratch:
        waveform = _sound(path, settings, Path(scratch))
        turns = _turns(waveform, reference, settings, segments, Path(scratch))
        begun = time.perf_counter()
        transcript = engine.transcribe(
            waveform,
            turns.turns,
            settings.language,
            languages=settings.languages,
            language_changes=settings.language_changes,
        )
        wall = time.perf_counter() - begun
        audio = waveform.duration
    utterances = make_utterances(turns, transcript, settings, Sidecar())
    return Run(
        hypothesis=hypothesis_words(utterances, reference),
        audio=audio,
        wall=wall,
        threshold=_threshold(settings, transcript),
        reason=transcript.reason,
        language=transcript.language,
    )


def _sound(path: Path, settings: Settings, scratch: Path) -> WavFile:
    recording = Recording(
        recording_id="",
        uri=str(path),
        title=path.stem,
        path=str(path),
        size=path.stat().st_size,
        version="",
    )
    try:
        sound = split(recording, probe(str(path), settings), settings, scratch).audio_path
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error
    if sound is None:
        raise InputError(f"{path.name} has no sound.")
    return WavFile(sound)


def _turns(
    waveform: WavFile, reference: Reference, settings: Settings, segments: Segments, scratch: Path
) -> Diarization:
    if segments == "reference":
        # as if the turns lay beside the recording
        turns = scratch / "turns.rttm"
        turns.write_text(_as_rttm(reference), encoding="utf-8")
        return given_turns(turns, waveform.duration)
    diarizer = load_engine("diarizer", settings.engine("diarizer"), settings.weights)
    return diarizer.diarize(waveform, SpeakerHints())


def _as_rttm(reference: Reference) -> str:
    return "".join(
        f"SPEAKER recording 1 {s.start} {s.end - s.start} <NA> <NA> {s.speaker} <NA> <NA>\n"
        for s in reference.segments
    )


def _threshold(settings: Settings, transcript: Transcript) -> float:
    least: float = getattr(settings.utterances, "min_word_confidence", 0.0)
    return least if transcript.scores_are_calibrated else 0.0
