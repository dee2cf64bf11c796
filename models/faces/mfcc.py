"""Mel-frequency cepstral coefficients as Light-ASD was trained on.

Davis and Mermelstein 1980, "Comparison of Parametric Representations for Monosyllabic Word
Recognition"; the constants are the defaults of the package python_speech_features, whose numbers
these are to rounding.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.protocols import Samples

N_CEPSTRA = 13
MFCC_STEP = 160
"""Samples from one window to the next: 10 ms at 16 kHz."""

MFCC_WINDOW = 400
_N_FFT, _N_FILTERS, _RATE = 512, 26, 16_000
_PREEMPHASIS = 0.97
_LIFTER = 22
_FULL_SCALE = 32_768.0
"""The energies are those of whole numbers of 16 bits."""


def mfcc(samples: Samples) -> NDArray[np.float32]:
    """Return 13 coefficients every 10 ms, shape (n, 13); the first is the log of the energy.

    n is such that the last window holds the last sample; it is filled up with zeros.
    """
    from scipy.fft import dct

    sound = np.round(samples.astype(np.float64) * _FULL_SCALE)
    sound = np.append(sound[:1], sound[1:] - _PREEMPHASIS * sound[:-1])
    count = 1 + max(0, -(-(len(sound) - MFCC_WINDOW) // MFCC_STEP))
    padded = np.zeros((count - 1) * MFCC_STEP + MFCC_WINDOW)
    padded[: len(sound)] = sound
    windows = np.lib.stride_tricks.sliding_window_view(padded, MFCC_WINDOW)[::MFCC_STEP]
    power = np.square(np.abs(np.fft.rfft(windows, _N_FFT))) / _N_FFT
    bands, energy = power @ _filters().T, power.sum(axis=1)
    cepstra = dct(np.log(_above_zero(bands)), type=2, axis=1, norm="ortho")[:, :N_CEPSTRA]
    cepstra *= 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(N_CEPSTRA) / _LIFTER)
    cepstra[:, 0] = np.log(_above_zero(energy))
    found: NDArray[np.float32] = cepstra.astype(np.float32)
    return found


def _above_zero(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(values == 0.0, np.finfo(np.float64).eps, values)


@cache
def _filters() -> NDArray[np.float64]:
    """Triangular filters, evenly spaced in mel from 0 to 8 kHz, shape (26, 257)."""
    highest = 2595 * np.log10(1 + _RATE / 2 / 700)
    mel = np.linspace(0.0, highest, _N_FILTERS + 2)
    edges = np.floor((_N_FFT + 1) * 700 * (10 ** (mel / 2595) - 1) / _RATE)
    bins = np.arange(_N_FFT // 2 + 1)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = np.where((bins >= low) & (bins < middle), (bins - low) / (middle - low), 0.0)
    falling = np.where((bins >= middle) & (bins < high), (high - bins) / (high - middle), 0.0)
    return rising + falling
