"""Find where a piece of sound lies in a longer one."""

import numpy as np
from numpy.typing import NDArray

from schemas.values import SAMPLE_RATE

_DECIMATION = 4
LOW_RATE = SAMPLE_RATE // _DECIMATION
"""Hertz of what `lowered` returns: voices have most of their power in it."""

Signal = NDArray[np.float32]


def lowered(sound: Signal) -> Signal:
    """Bring sound of 16 kHz to 4 kHz."""
    whole = sound[: len(sound) // _DECIMATION * _DECIMATION]
    return np.asarray(whole.reshape(-1, _DECIMATION).mean(axis=1), np.float32)


def best_part(piece: Signal, longer: Signal) -> tuple[float, float]:
    """Return where the part of a longer signal begins that fits a piece best, and how alike.

    The place is in samples, between them by a parabola through the correlation; how alike they
    are is the correlation, in [0, 1].
    """
    size = len(longer) + len(piece)
    spectrum = np.fft.rfft(longer, size) * np.conj(np.fft.rfft(piece, size))
    products = np.abs(np.fft.irfft(spectrum, size)[: len(longer) - len(piece) + 1])
    sums = np.concatenate(([0.0], np.cumsum(longer.astype(np.float64) ** 2)))
    energies = sums[len(piece) :] - sums[: len(sums) - len(piece)]
    best = int(products.argmax())
    scale = float(np.sqrt(float(piece @ piece) * energies[best]))
    return best + _between(products, best), float(products[best]) / scale if scale > 0 else 0.0


def _between(values: NDArray[np.float64], at: int) -> float:
    """Return how far the top of a parabola lies from the largest value, in [-0.5, 0.5]."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, here, after = values[at - 1 : at + 2]
    bend = before - 2 * here + after
    return float(0.5 * (before - after) / bend) if bend < 0 else 0.0
