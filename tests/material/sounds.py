"""Voices made of tones: every speaker is a pure tone of a pitch of their own.

The synthetic engines hear them: a tone is a voice, a stretch of tone is a turn, silence is silence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

VOICE_HZ: tuple[float, ...] = (300.0, 450.0, 600.0, 750.0, 900.0, 1050.0, 1200.0, 1350.0)
"""Pitch of the speakers 0 to 7."""

LOUDNESS = 0.2
_FADE_SECONDS = 0.005


@dataclass(frozen=True)
class Spoken:
    """Speaker number `speaker` sounds from `start` to `end` (seconds), at a loudness in [0, 1]."""

    speaker: int
    start: float
    end: float
    loudness: float = LOUDNESS


CONVERSATION: tuple[Spoken, ...] = (
    Spoken(0, 0.5, 2.5),
    Spoken(1, 3.0, 5.0),
    Spoken(0, 5.5, 7.0),
    Spoken(1, 7.5, 9.5),
)
"""Ten seconds of two people who take turns."""


def tone_voices(
    spoken: Sequence[Spoken], duration: float, sample_rate: int = 16_000
) -> NDArray[np.float32]:
    """Return the mono sound of the turns, shape (duration * sample_rate,), in [-1, 1]."""
    sound = np.zeros(round(duration * sample_rate), dtype=np.float32)
    for turn in spoken:
        first, last = round(turn.start * sample_rate), round(turn.end * sample_rate)
        last = min(last, len(sound))
        times = np.arange(first, last) / sample_rate
        tone = turn.loudness * np.sin(2 * np.pi * VOICE_HZ[turn.speaker] * times)
        ramp = np.minimum(np.arange(last - first), np.arange(last - first)[::-1])
        sound[first:last] += (tone * np.clip(ramp / (_FADE_SECONDS * sample_rate), 0, 1)).astype(
            np.float32
        )
    return np.clip(sound, -1.0, 1.0)


def write_wav(path: Path, sound: NDArray[np.float32], sample_rate: int = 16_000) -> Path:
    """Write mono sound as a 16-bit WAV file and return its path."""
    soundfile.write(str(path), sound, sample_rate, subtype="PCM_16")
    return path


class InMemory:
    """A waveform of 16 kHz that lies in memory; outside of it is silence."""

    sample_rate = 16_000

    def __init__(self, samples: NDArray[np.float32]) -> None:
        self._samples = samples
        self.duration = len(samples) / self.sample_rate

    def read(self, start: float, end: float) -> NDArray[np.float32]:
        """Return the samples between two times."""
        first, last = round(start * self.sample_rate), round(end * self.sample_rate)
        window = np.zeros(max(0, last - first), np.float32)
        low, high = min(max(first, 0), len(self._samples)), min(last, len(self._samples))
        if high > low:
            window[low - first : high - first] = self._samples[low:high]
        return window


class Sound:
    """A waveform that lies in memory and remembers how much was read at once."""

    sample_rate = 16_000

    def __init__(self, samples: NDArray[np.float32]) -> None:
        self._samples = samples
        self.duration = len(samples) / self.sample_rate
        self.longest_read = 0.0

    def read(self, start: float, end: float) -> NDArray[np.float32]:
        self.longest_read = max(self.longest_read, end - start)
        first, last = round(start * self.sample_rate), round(end * self.sample_rate)
        window = np.zeros(last - first, np.float32)
        low, high = max(first, 0), min(last, len(self._samples))
        if high > low:
            window[low - first : high - first] = self._samples[low:high]
        return window
