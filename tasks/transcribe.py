"""Words: captions where there are any, else the recogniser of the settings."""

from pathlib import Path

from models.protocols import Waveform
from models.registry import load_engine
from schemas.media import Recording
from schemas.settings import Settings
from schemas.sidecar import Sidecar
from schemas.speech import Diarization, Transcript
from tasks.captions import read_captions
from tasks.ingest import caption_language

STAGE_VERSION = 4


def transcribe(
    recording: Recording,
    waveform: Waveform | None,
    diarization: Diarization,
    settings: Settings,
) -> Transcript:
    """Return the words of a recording, or the sentence why there are none.

    Captions win over a recogniser unless `settings.captions` is `ignore`. A recogniser listens
    only where `diarization` has somebody speaking: silence makes it invent words. It is told the
    names and the title that the sidecar gives.
    Raises `InputError` where the captions cannot be read, `WeightsError` where the engine cannot
    be loaded.
    """
    language = recording.sidecar.language or settings.language
    if recording.captions_path and settings.captions != "ignore":
        return _read(recording, recording.captions_path, language)
    if waveform is None:
        return Transcript(language=language, engine="none", reason="The recording has no sound.")
    engine = load_engine("transcriber", settings.engine("transcriber"), settings.weights)
    transcript: Transcript = engine.transcribe(
        waveform,
        diarization.turns,
        language,
        hot_words=hot_words(recording.sidecar),
        languages=recording.sidecar.languages or settings.languages,
        language_changes=(
            settings.language_changes
            if recording.sidecar.language_changes is None
            else recording.sidecar.language_changes
        ),
    )
    return transcript


def hot_words(sidecar: Sidecar) -> tuple[str, ...]:
    """What is likely to be said and hard to spell: the participants' names, then the title."""
    known = [*(participant.name for participant in sidecar.participants), sidecar.title or ""]
    tidy = (" ".join(name.split()) for name in known)
    return tuple(dict.fromkeys(name for name in tidy if name))


def _read(recording: Recording, path: str, language: str | None) -> Transcript:
    names = [participant.name for participant in recording.sidecar.participants]
    in_name = caption_language(path, recording.path)
    return read_captions(Path(path), in_name or language, names)
