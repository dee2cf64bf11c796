"""Diarize: turns of an RTTM file, of participants' tracks, or of the diarizer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from models.protocols import SpeakerHints, Waveform
from models.registry import load_engine
from schemas.errors import InputError
from schemas.names import name_key
from schemas.settings import Settings
from schemas.sidecar import Sidecar
from schemas.speech import Diarization, Turn, speaker_label
from schemas.values import Seconds, to_grid
from tasks.transcript.rttm import read_rttm

STAGE_VERSION = 6

_NO_NAME = re.compile(
    r"(speaker|spkr|spk|unknown|unk|participant|person|voice|user|guest|male|female|none|null|s)?"
    r"[_-]?\d*|((speaker|spkr|spk|voice)[_-]?)?[a-z]",
    re.IGNORECASE,
)
"""Labels that number a speaker rather than name one."""


def diarize(
    waveform: Waveform,
    settings: Settings,
    sidecar: Sidecar,
    tracks: Sequence[tuple[str | None, Waveform]] = (),
    turns_path: str | None = None,
) -> Diarization:
    """Tell who speaks when.

    Turns in a file beside the recording win, then one track per participant (title, sound),
    else the voices are told apart. Raises `InputError` for a file that is no RTTM,
    `SettingsError` for hints that contradict each other, `WeightsError` where the engine's
    weights are missing.
    """
    if turns_path is not None:
        return given_turns(Path(turns_path), waveform.duration)
    hints = speaker_hints(settings, sidecar)
    name = settings.engine("diarizer")
    engine = load_engine("diarizer", name, settings.weights)
    if len(tracks) > 1:
        from tasks.transcript.track_turns import turns_by_track

        made = turns_by_track(engine, tracks)
        return made.model_copy(update={"names": _as_written(made.names, sidecar)})
    return engine.diarize(waveform, hints)


def _as_written(names: Mapping[str, str], sidecar: Sidecar) -> dict[str, str]:
    """Spell names of tracks as the sidecar does: files write `AnaGarcia`, or `ana_garcia`."""
    written = {name_key(p.name).replace(" ", ""): p.name for p in sidecar.participants}
    return {s: written.get(name_key(n).replace(" ", ""), n) for s, n in names.items()}


def speaker_hints(settings: Settings, sidecar: Sidecar) -> SpeakerHints:
    """Return hints for the number of speakers; the sidecar's replace the settings'."""
    own = SpeakerHints(sidecar.speakers, sidecar.min_speakers, sidecar.max_speakers)
    if own != SpeakerHints():
        return own
    asked = settings.speakers
    return SpeakerHints(asked.exactly, asked.at_least, asked.at_most)


def given_turns(path: Path, duration: Seconds) -> Diarization:
    """Read the turns of an RTTM file (NIST RT-09), clipped to the recording.

    Labels that are names and not mere numbers are kept as names. Raises `InputError` where the
    file is no RTTM, speaks of several recordings, or mostly of a time after this one's end.
    """
    given = read_rttm(path)
    late = sum(turn.start >= duration for turn in given)
    if late > len(given) / 2:
        raise InputError(
            f"{late} of {len(given)} turns of {path.name} begin after the recording's end; "
            "are they of another recording?"
        )
    inside = [replace(t, start=max(0.0, t.start), end=min(t.end, duration)) for t in given]
    kept = [t for t in inside if to_grid(t.start) < to_grid(t.end)]
    kept.sort(key=lambda turn: (turn.start, turn.end, turn.label))
    labels = list(dict.fromkeys(turn.label for turn in kept))
    speakers = {label: speaker_label(number) for number, label in enumerate(labels)}
    turns = tuple(
        Turn(
            start=to_grid(turn.start),
            end=to_grid(turn.end),
            speaker=speakers[turn.label],
            confidence=1.0 if turn.confidence is None else turn.confidence,
        )
        for turn in kept
    )
    names = {speakers[la]: la.replace("_", " ") for la in labels if not _NO_NAME.fullmatch(la)}
    return Diarization(turns=turns, exclusive=_exclusive(turns), names=names)


def _exclusive(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Resolve overlaps: who held the floor first keeps it to the end of that turn."""
    kept: list[Turn] = []
    reached = 0.0
    for turn in sorted(turns, key=lambda turn: (turn.start, -turn.end)):
        start = max(turn.start, reached)
        if start < turn.end:
            kept.append(turn.model_copy(update={"start": start}))
            reached = turn.end
    return tuple(kept)
