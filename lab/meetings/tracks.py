"""Sound per participant, as Zoom records it: `Audio Record/audioAnaGarcia11234567890.m4a`."""

import tempfile
from pathlib import Path

import numpy as np
import soundfile

from lab.meetings.compose import Composed
from lab.meetings.people import Sound
from schemas.errors import ResourceError
from schemas.values import SAMPLE_RATE, Seconds
from tasks.media.programs import run_program
from tasks.media.split import ffmpeg_program

FOLDER = "Audio Record"
_LATEST = 2.0
"""Seconds that a track begins late at most; the first begins with the meeting."""

_DRIFT = 30e-6
"""Standard deviation of a clock's error."""

_NOISE = 0.0003
_DEADLINE = 60.0


def write_tracks(made: Composed, folder: Path) -> list[Path]:
    """Write a track of everybody who speaks into `Audio Record` in a folder; return their paths.

    Tracks begin up to two seconds late and drift by some 30 millionths, as clocks do. Raises
    `ResourceError` where ffmpeg cannot write one.
    """
    random = np.random.default_rng([made.truth.seed, 7])
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    paths = []
    speakers = [who for who in made.truth.participants if who.speaks]
    for number, who in enumerate(speakers, start=1):
        late = 0.0 if number == 1 else random.uniform(0, _LATEST)
        sound = made.tracks[who.id]
        drifted = on_own_clock(sound, late, random.normal(0, _DRIFT))
        drifted += _NOISE * random.normal(size=len(drifted)).astype(np.float32)
        digits = f"{number}{made.truth.seed % 10**6:06d}{number:04d}"
        path = folder / FOLDER / f"audio{who.name.replace(' ', '')}{digits}.m4a"
        _write(drifted, path)
        paths.append(path)
    return paths


def on_own_clock(sound: Sound, late: Seconds, drift: float) -> Sound:
    """Record a track from `late` on, with a clock that is slow by a share `drift`."""
    n = round((len(sound) - late * SAMPLE_RATE) / (1 + drift))
    places = np.linspace(late * SAMPLE_RATE, len(sound) - 1, n)
    return np.interp(places, np.arange(len(sound)), sound).astype(np.float32)


def _write(sound: Sound, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="tonescribe-") as scratch:
        wav = Path(scratch) / "track.wav"
        soundfile.write(wav, sound, SAMPLE_RATE, subtype="PCM_16")
        command = [ffmpeg_program(), "-nostdin", "-v", "error", "-y", "-i", str(wav)]
        ended = run_program(
            [*command, "-c:a", "aac", "-b:a", "64k", "-fflags", "+bitexact", str(path)], _DEADLINE
        )
    if ended.returncode != 0:
        raise ResourceError(f"ffmpeg cannot write {path.name}: {ended.last_error}.")
