"""Name diarized voices by clips of enrolled people. Voiceprints live in memory during one call."""

import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.protocols import Diarizer, Span, SpeakerHints, VoicePrinter, Waveform
from models.registry import load_engine
from schemas.consent import Consent
from schemas.errors import InputError, SettingsError, WeightsError
from schemas.names import name_key
from schemas.settings import Settings
from schemas.sidecar import Sidecar
from schemas.speech import Diarization, VoiceNames
from schemas.values import Seconds, gaps_in, merged_spans
from tasks.ingest.enrolled import EnrolledPerson, find_enrolled
from tasks.media.clips import decode_clip

STAGE_VERSION = 1

LONGEST_CLIP: Seconds = 600.0
"""Longer clips are refused: they are meetings, and hold others' voices."""

SHORTEST_CLIP: Seconds = 2.0

_SILENT = 1e-3
"""Root mean square under which a clip holds no voice: -60 dB of full scale."""

_FORBIDDEN = (
    "Voices were not compared with the enrolled ones: under this law and context nobody is "
    "recognised by voice."
)
_REFUSED = (
    "Voices were not compared with the enrolled ones: somebody refused consent, and a voice could "
    "be taken for another's."
)

FORBIDDEN = VoiceNames(notes=(_FORBIDDEN,))
"""The result where the policy lets nothing be inferred from voices."""


def check_enrolled(settings: Settings) -> None:
    """Decode every clip once, before any work. Raises `SettingsError`, one sentence, for the first.

    Does nothing where no folder of enrolled voices is set.
    """
    if not settings.speakers.enrolled:
        return
    with tempfile.TemporaryDirectory(prefix="tonescribe-") as folder:
        for person in find_enrolled(settings.speakers.enrolled):
            for clip in person.clips:
                _refuse_faulty(clip, Path(folder))


def _refuse_faulty(clip: Path, scratch: Path) -> None:
    where = f"'{clip.name}' of the enrolled voices"
    try:
        sound = decode_clip(clip, scratch / "clip.wav", LONGEST_CLIP + 1)
    except InputError as error:
        raise SettingsError(f"The clip {where} cannot be decoded; record it again.") from error
    if sound.duration > LONGEST_CLIP:
        raise SettingsError(
            f"The clip {where} is longer than {LONGEST_CLIP / 60:.0f} minutes; cut out half a "
            "minute in which that person alone speaks."
        )
    if sound.duration < SHORTEST_CLIP:
        raise SettingsError(
            f"The clip {where} has {sound.duration:.1f} seconds, and {SHORTEST_CLIP:.0f} are the "
            "least; record half a minute."
        )
    if float(np.sqrt(np.square(sound.read(0.0, sound.duration)).mean())) < _SILENT:
        raise SettingsError(f"The clip {where} is silent; record it again.")


def name_voices(
    waveform: Waveform,
    diarization: Diarization,
    settings: Settings,
    sidecar: Sidecar,
    consent: Consent,
    scratch: Path,
) -> VoiceNames:
    """Match the voices of a recording with enrolled people, one to one.

    Voices that tracks name already are left out, and people whose names they have. Where the
    sidecar lists participants, only they are compared; where anybody refused, nobody is.
    """
    if consent.is_restricted:
        return VoiceNames(notes=(_REFUSED,))
    people = _candidates(find_enrolled(settings.speakers.enrolled), diarization.names, sidecar)
    spans = {s: v for s, v in alone(diarization).items() if s not in diarization.names}
    if not people or not spans:
        return VoiceNames()
    diarizer, printer = _engines(settings)
    try:
        clips = _prints_of_people(people, diarizer, printer, scratch)
        voices = printer.voiceprints(waveform, list(spans.values()))
    except WeightsError as error:
        return VoiceNames(notes=(f"Voices were not compared with the enrolled ones: {error}",))
    return _matched(list(spans), voices, people, clips)


def _matched(
    speakers: Sequence[str],
    voices: NDArray[np.float32],
    people: Sequence[EnrolledPerson],
    clips: NDArray[np.float32],
) -> VoiceNames:
    from models.diarization.voiceprints import CHANCE, match_voices

    silent = int(np.isnan(clips).any(axis=1).sum())
    note = (
        f"{silent} of {len(people)} enrolled people were not compared: their clips hold no voice."
    )
    found = match_voices(voices, clips)
    return VoiceNames(
        names={speakers[match.voice]: people[match.person].name for match in found},
        chances={speakers[match.voice]: CHANCE for match in found},
        notes=(note,) if silent else (),
    )


def _candidates(
    people: Sequence[EnrolledPerson], named: Mapping[str, str], sidecar: Sidecar
) -> list[EnrolledPerson]:
    """Leave out whom the sidecar does not list and who has a track; spell names as it does."""
    listed = {name_key(person.name): person.name for person in sidecar.participants}
    taken = {name_key(name) for name in named.values()}
    return [
        EnrolledPerson(listed.get(name_key(person.name), person.name), person.clips)
        for person in people
        if name_key(person.name) not in taken and (not listed or name_key(person.name) in listed)
    ]


def _engines(settings: Settings) -> tuple[Diarizer, VoicePrinter]:
    """Return the diarizer, and what embeds voices: it, or the embedded one where it cannot."""
    own = load_engine("diarizer", settings.engine("diarizer"), settings.weights)
    if isinstance(own, VoicePrinter):
        return own, own
    other = load_engine("diarizer", "embedded", settings.weights)
    assert isinstance(other, VoicePrinter)
    return other, other


def _prints_of_people(
    people: Sequence[EnrolledPerson], diarizer: Diarizer, printer: VoicePrinter, scratch: Path
) -> NDArray[np.float32]:
    """Return a voiceprint for each person, NaN where their clips hold no voice."""
    rows = []
    for person in people:
        prints = list(_prints_of_clips(person.clips, diarizer, printer, scratch))
        mean = np.nanmean(prints, axis=0) if not np.isnan(prints).all() else prints[0]
        rows.append(mean / np.linalg.norm(mean))
    return np.asarray(rows, np.float32)


def _prints_of_clips(
    clips: Sequence[Path], diarizer: Diarizer, printer: VoicePrinter, scratch: Path
) -> Iterator[NDArray[np.float32]]:
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch / "enrolled.wav"
    for clip in clips:
        try:
            sound = decode_clip(clip, path, LONGEST_CLIP)
            turns = diarizer.diarize(sound, SpeakerHints(exactly=1)).turns
            yield printer.voiceprints(sound, [[(turn.start, turn.end) for turn in turns]])[0]
        except InputError:
            continue
        finally:
            path.unlink(missing_ok=True)


def alone(diarization: Diarization) -> dict[str, list[Span]]:
    """Return the spans in which each speaker, and nobody else, speaks."""
    alone: dict[str, list[Span]] = {}
    for speaker in diarization.speakers:
        others = merged_spans(
            (turn.start, turn.end) for turn in diarization.turns if turn.speaker != speaker
        )
        own = merged_spans(
            (turn.start, turn.end) for turn in diarization.turns if turn.speaker == speaker
        )
        free = itertools.chain.from_iterable(gaps_in(s, e, others) for s, e in own)
        alone[speaker] = list(free)
    return alone
