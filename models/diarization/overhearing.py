"""Find bleed: what a participant's track repeats of a louder one, with a delay.

Two people in one room, or a loudspeaker that a microphone hears, put one voice on two tracks, some
100 to 300 ms apart. Waveforms are compared at every delay: a copy correlates with its original,
another voice does not.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.diarization.turns import runs
from models.protocols import Waveform
from schemas.values import SAMPLE_RATE, Seconds

STEP: Seconds = 0.02
_LONGEST_DELAY: Seconds = 0.5
_WINDOW = 40
_HOP = 10
"""Frames of 20 ms: windows of 0.8 s, five a second."""

_FEWEST_FRAMES = 5
_COPY = 0.4
"""Correlation from which a window is a copy. At the best delay 99 % of the windows of two voices
stay under 0.27 and none of 2,500 is over 0.4; 82 % of a copy's through a room are, and 62 % under
the participant's own voice (`benchmarks/overhearing.py`)."""

_DECIMATION = 4
_RATE = SAMPLE_RATE // _DECIMATION

Signal = NDArray[np.float32]


def overheard(
    tracks: Sequence[tuple[str | None, Waveform]],
    speech: NDArray[np.bool_],
    level: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """Return the frames in which a track repeats a louder one, shape (frames, tracks).

    `speech` and `level` (dB) have the same shape. A frame is a copy where most of the windows
    over it are.
    """
    copied = np.zeros(speech.shape, bool)
    for track in range(speech.shape[1]):
        for first, last in runs(speech[:, track]):
            votes = np.zeros(last - first)
            for start in _starts(first, last):
                stop = min(last, start + _WINDOW)
                others = _louder(level, track, start, stop)
                waveforms = [tracks[other][1] for other in others]
                is_copy = _is_copy(tracks[track][1], waveforms, start * STEP, stop * STEP)
                votes[start - first : stop - first] += 1 if is_copy else -1
            copied[first:last, track] = votes > 0
    return copied


def _starts(first: int, last: int) -> list[int]:
    """Where windows over a run begin; the last one ends with the run."""
    if last - first < _FEWEST_FRAMES:
        return []
    final = max(first, last - _WINDOW)
    return [*range(first, final, _HOP), final]


def _louder(level: NDArray[np.float32], track: int, start: int, stop: int) -> list[int]:
    """Return the other tracks that are louder than this one at some delay."""
    reach = round(_LONGEST_DELAY / STEP)
    around = level[max(0, start - reach) : stop + reach]
    loudest = around.max(axis=0)
    own = level[start:stop, track].max()
    return [n for n in range(level.shape[1]) if n != track and loudest[n] > own]


def _is_copy(own: Waveform, others: Sequence[Waveform], start: Seconds, stop: Seconds) -> bool:
    if not others:
        return False
    piece = _signal(own, start, stop)
    return any(
        _copies(piece, _signal(other, start - _LONGEST_DELAY, stop + _LONGEST_DELAY))
        for other in others
    )


def _signal(waveform: Waveform, start: Seconds, stop: Seconds) -> Signal:
    return lowered(waveform.read(start, stop))


def lowered(sound: Signal) -> Signal:
    """Bring sound to 4 kHz, where voices have most of their power."""
    whole = sound[: len(sound) // _DECIMATION * _DECIMATION]
    return np.asarray(whole.reshape(-1, _DECIMATION).mean(axis=1), np.float32)


def _copies(piece: Signal, longer: Signal) -> bool:
    """Whether a piece is a quieter copy of a part of a longer signal."""
    _, alike, part = best_part(piece, longer)
    return bool(part > float(piece @ piece) and alike > _COPY)


def correlation(piece: Signal, longer: Signal) -> float:
    """Correlation in [0, 1] of a piece with the part of a longer signal that it fits best."""
    return best_part(piece, longer)[1]


def best_part(piece: Signal, longer: Signal) -> tuple[int, float, float]:
    """Return where the part begins that fits best, its correlation in [0, 1], and its energy."""
    size = len(longer) + len(piece)
    spectrum = np.fft.rfft(longer, size) * np.conj(np.fft.rfft(piece, size))
    products = np.fft.irfft(spectrum, size)[: len(longer) - len(piece) + 1]
    sums = np.concatenate(([0.0], np.cumsum(longer.astype(np.float64) ** 2)))
    energies = sums[len(piece) :] - sums[: len(sums) - len(piece)]
    best = int(np.abs(products).argmax())
    scale = float(np.sqrt(float(piece @ piece) * energies[best]))
    alike = abs(float(products[best])) / scale if scale > 0 else 0.0
    return best, alike, float(energies[best])
