"""Who speaks when: given turns, tracks of participants, or the diarizer."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

from models.protocols import Diarizer, SpeakerHints, Waveform
from models.registry import load_engine
from schemas.errors import InputError
from schemas.settings import Settings
from schemas.sidecar import Sidecar
from schemas.speech import Diarization, Turn
from schemas.values import Seconds, to_grid

STAGE_VERSION = 1

_NO_NAME = re.compile(r"(speaker|spk|unknown|s)?[_-]?\d*", re.IGNORECASE)
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
    engine: Diarizer = load_engine("diarizer", name, settings.weights)
    if len(tracks) > 1:
        from models.voices.tracks import turns_by_track

        return turns_by_track(engine, tracks)
    return engine.diarize(waveform, hints)


def speaker_hints(settings: Settings, sidecar: Sidecar) -> SpeakerHints:
    """Return what is known of the count of speakers; a sidecar's word replaces the settings'."""
    own = SpeakerHints(sidecar.speakers, sidecar.min_speakers, sidecar.max_speakers)
    if own != SpeakerHints():
        return own
    asked = settings.speakers
    return SpeakerHints(asked.exactly, asked.at_least, asked.at_most)


def given_turns(path: Path, duration: Seconds) -> Diarization:
    """Read the turns of an RTTM file (NIST RT-09), clipped to the recording.

    Labels that are names and not mere numbers are kept as names. Raises `InputError` where the
    file is no RTTM or speaks of several recordings.
    """
    spoken = _read_rttm(path)
    inside = [(max(0.0, start), min(end, duration), label) for start, end, label in spoken]
    kept = sorted((s, e, label) for s, e, label in inside if to_grid(s) < to_grid(e))
    labels = list(dict.fromkeys(label for _, _, label in kept))
    speakers = {label: f"SPEAKER_{number:02d}" for number, label in enumerate(labels)}
    turns = tuple(
        Turn(start=to_grid(s), end=to_grid(e), speaker=speakers[label]) for s, e, label in kept
    )
    names = {speakers[la]: la.replace("_", " ") for la in labels if not _NO_NAME.fullmatch(la)}
    return Diarization(turns=turns, exclusive=_exclusive(turns), names=names)


def _read_rttm(path: Path) -> list[tuple[Seconds, Seconds, str]]:
    """Return (start, end, label) of every SPEAKER line."""
    spoken: list[tuple[Seconds, Seconds, str]] = []
    recordings: set[str] = set()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The turns {path.name} cannot be read as text: {error}.") from error
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        try:
            start, seconds, label = float(fields[3]), float(fields[4]), fields[7]
            if not (math.isfinite(start) and math.isfinite(seconds)):
                raise ValueError(line)
        except (IndexError, ValueError):
            raise InputError(
                f"Line {number} of the turns {path.name} is no SPEAKER line of RTTM; correct it."
            ) from None
        recordings.add(fields[1])
        spoken.append((start, start + seconds, label))
    if len(recordings) > 1:
        raise InputError(
            f"The turns {path.name} are of {len(recordings)} recordings; keep the lines of one."
        )
    if not spoken and any(line.strip() for line in lines):
        raise InputError(f"The turns {path.name} hold no SPEAKER line; is it an RTTM file?")
    return spoken


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
