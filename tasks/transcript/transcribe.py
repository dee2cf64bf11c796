"""Transcribe: captions where there are any, else the recogniser of the settings."""

from collections.abc import Sequence
from pathlib import Path

from models.protocols import Waveform
from models.registry import load_engine
from schemas.errors import InputError
from schemas.media import Recording
from schemas.settings import Settings
from schemas.sidecar import Sidecar
from schemas.speech import Diarization, Transcript, Turn
from schemas.values import Seconds, gaps_in, merged_spans, to_grid
from tasks.ingest.file_names import caption_language
from tasks.transcript.captions import read_captions

STAGE_VERSION = 6


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
            captions = _fitting(_read(recording, recording.captions_path, language), end)
        except InputError as error:
            faults = (f"{error.sentence} The recogniser served instead.",)
        else:
            missing = _uncaptioned(captions, diarization)
            return _completed(captions, missing, recording, waveform, settings)
    made = _recognise(recording, waveform, diarization.turns, settings, language)
    return made.model_copy(update={"faults": faults}) if faults else made


def _uncaptioned(captions: Transcript, diarization: Diarization) -> tuple[Turn, ...]:
    """Return the parts of turns, of some length, in which the captions have nothing."""
    padded = [(w.start - _CAPTION_MARGIN, w.end + _CAPTION_MARGIN) for w in captions.words]
    covered = merged_spans(padded)
    return tuple(
        turn.model_copy(update={"start": to_grid(start), "end": to_grid(end)})
        for turn in diarization.turns
        for start, end in gaps_in(turn.start, turn.end, covered)
        if end - start >= _LEAST_UNCAPTIONED
    )


def _completed(
    captions: Transcript,
    missing: tuple[Turn, ...],
    recording: Recording,
    waveform: Waveform | None,
    settings: Settings,
) -> Transcript:
    """Add recognised words where somebody speaks and the captions have none."""
    if not missing or waveform is None:
        return captions
    heard = _recognise(recording, waveform, missing, settings, captions.language)
    added = [
        word
        for word in heard.words
        if any(turn.start <= (word.start + word.end) / 2 < turn.end for turn in missing)
    ]
    words = sorted((*captions.words, *added), key=lambda word: (word.start, word.end))
    return captions.model_copy(
        update={
            "words": tuple(words),
            "uncaptioned": missing,
            "scores_are_calibrated": heard.scores_are_calibrated,
            "looped": heard.looped,
        }
    )


def _recognise(
    recording: Recording,
    waveform: Waveform | None,
    turns: Sequence[Turn],
    settings: Settings,
    language: str | None,
) -> Transcript:
    if waveform is None:
        return Transcript(language=language, engine="none", reason="The recording has no sound.")
    engine = load_engine("transcriber", settings.engine("transcriber"), settings.weights)
    transcript: Transcript = engine.transcribe(
        waveform,
        turns,
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
    """Return words that are likely and hard to spell: names of participants, then the title.

    Not of those who did not consent: their names are written nowhere.
    """
    people = (person.name for person in sidecar.participants if person.consent)
    known = [*people, sidecar.title or ""]
    tidy = (" ".join(name.split()) for name in known)
    return tuple(dict.fromkeys(name for name in tidy if name))


_CAPTION_MARGIN: Seconds = 0.5
"""Cues begin and end about so far from the voice."""
_LEAST_UNCAPTIONED: Seconds = 1.0


def _read(recording: Recording, path: str, language: str | None) -> Transcript:
    names = [participant.name for participant in recording.sidecar.participants]
    in_name = caption_language(path, recording.path)
    made = read_captions(Path(path), in_name or language, names)
    if not made.words:
        raise InputError("The captions beside the recording hold no words.")
    return made


def _fitting(transcript: Transcript, end: Seconds | None) -> Transcript:
    """Drop words after the end of the recording; refuse captions that mostly lie there."""
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
