"""Words: captions where there are any, else the recogniser of the settings."""

from pathlib import Path

from models.protocols import Waveform
from models.registry import load_engine
from schemas.errors import InputError
from schemas.media import Recording
from schemas.settings import Settings
from schemas.sidecar import Sidecar
from schemas.speech import Diarization, Transcript
from schemas.values import Seconds
from tasks.captions import read_captions
from tasks.ingest import caption_language

STAGE_VERSION = 4


def transcribe(
    recording: Recording,
    waveform: Waveform | None,
    diarization: Diarization,
    settings: Settings,
    duration: Seconds | None = None,
) -> Transcript:
    """Return the words of a recording, or the sentence why there are none.

    Captions win over a recogniser unless `settings.captions` is `ignore`. A recogniser listens
    only where `diarization` has somebody speaking: silence makes it invent words. It is told the
    names and the title that the sidecar gives.

    Captions that cannot be read, hold no words, or mostly lie after the end of the recording
    (`duration`, by default the sound's) are a fault of the transcript, and the recogniser serves
    instead. Raises `WeightsError` where the engine cannot be loaded.
    """
    language = recording.sidecar.language or settings.language
    faults: tuple[str, ...] = ()
    if recording.captions_path and settings.captions != "ignore":
        end = duration if duration is not None else waveform.duration if waveform else None
        try:
            return _fitting(_read(recording, recording.captions_path, language), end)
        except InputError as error:
            faults = (f"{error.sentence} The recogniser served instead.",)
    made = _recognise(recording, waveform, diarization, settings, language)
    return made.model_copy(update={"faults": faults}) if faults else made


def _recognise(
    recording: Recording,
    waveform: Waveform | None,
    diarization: Diarization,
    settings: Settings,
    language: str | None,
) -> Transcript:
    if waveform is None:
        return Transcript(language=language, engine="none", reason="The recording has no sound.")
    engine = load_engine("transcriber", settings.engine("transcriber"), settings.weights)
    transcript: Transcript = engine.transcribe(
        waveform, diarization.turns, language, hot_words=hot_words(recording.sidecar)
    )
    return transcript


def hot_words(sidecar: Sidecar) -> tuple[str, ...]:
    """Return words that are likely and hard to spell: names of participants, then the title.

    Not of those who did not consent: their names are written nowhere.
    """
    people = (person.name for person in sidecar.participants if person.consent)
    known = [*people, sidecar.title or ""]
    tidy = (" ".join(name.split()) for name in known)
    return tuple(dict.fromkeys(name for name in tidy if name))


def _read(recording: Recording, path: str, language: str | None) -> Transcript:
    names = [participant.name for participant in recording.sidecar.participants]
    in_name = caption_language(path, recording.path)
    made = read_captions(Path(path), in_name or language, names)
    if not made.words:
        raise InputError("The captions beside the recording hold no words.")
    return made


def _fitting(transcript: Transcript, end: Seconds | None) -> Transcript:
    """Leave out words after the end of the recording; refuse captions that mostly lie there."""
    if end is None:
        return transcript
    inside = tuple(
        word if word.end <= end else word.model_copy(update={"end": max(end, word.start)})
        for word in transcript.words
        if word.start < end
    )
    beyond = len(transcript.words) - len(inside)
    if 2 * beyond > len(transcript.words):
        raise InputError("The captions do not fit: most of them lie after the recording's end.")
    if not beyond:
        return transcript.model_copy(update={"words": inside})
    fault = f"{beyond} words of the captions lie after the recording's end and are left out."
    return transcript.model_copy(update={"words": inside, "faults": (fault,)})
