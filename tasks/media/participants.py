"""Bring files with one participant each onto the recording's time line."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.diarization.delays import Clock, find_clock
from models.protocols import Waveform
from schemas.media import ParticipantTrack
from schemas.values import SAMPLE_RATE, Seconds

_BLOCK: Seconds = 60.0
_AUDIBLE_DRIFT: Seconds = 0.005
"""Drift over a whole track below which it is only shifted."""


def on_time(
    tracks: Sequence[tuple[str | None, Waveform]], whole: Waveform, scratch: Path
) -> tuple[ParticipantTrack, ...]:
    """Write each track as it sounds on the recording's time line, 16 kHz mono WAV.

    Tracks that begin late or run at another speed are shifted and resampled; one whose sound the
    recording does not hold is of another meeting and left out. Less than two are none.
    """
    made = []
    for number, (name, track) in enumerate(tracks):
        clock = find_clock(track, whole)
        if clock is not None:
            path = scratch / f"aligned-{number}.wav"
            _write(track, clock, whole.duration, path)
            made.append(ParticipantTrack(name=name, path=str(path)))
    return tuple(made) if len(made) > 1 else ()


def _write(track: Waveform, clock: Clock, duration: Seconds, path: Path) -> None:
    import soundfile

    rate = clock.rate if abs(clock.rate - 1) * track.duration > _AUDIBLE_DRIFT else 1.0
    with soundfile.SoundFile(
        str(path), "w", samplerate=SAMPLE_RATE, channels=1, subtype="PCM_16"
    ) as out:
        total = round(duration * SAMPLE_RATE)
        for first in range(0, total, round(_BLOCK * SAMPLE_RATE)):
            last = min(total, first + round(_BLOCK * SAMPLE_RATE))
            begin = (first / SAMPLE_RATE - clock.start) / rate
            end = (last / SAMPLE_RATE - clock.start) / rate
            sound = track.read(begin, end + 2 / SAMPLE_RATE)
            places = np.arange(last - first) / rate
            out.write(np.interp(places, np.arange(len(sound)), sound).astype(np.float32))
