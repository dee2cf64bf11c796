"""Cepstra are those of python_speech_features, to the numbers that it gave once."""

import numpy as np
import pytest

from models.faces.mfcc import mfcc
from models.protocols import Samples


def tone() -> Samples:
    """A swelling tone of 220 Hz, 200 ms, with a silence in it; whole numbers of 16 bits."""
    times = np.arange(3200) / 16_000
    swelling = 0.1 * np.sin(2 * np.pi * 220 * times) * np.linspace(0, 1, 3200)
    whole = np.round(32_768 * swelling)
    whole[2000:2900] = 0
    return (whole / 32_768).astype(np.float32)


EXPECTED = """
10.716 21.114 14.755 6.535 2.308 -4.697 -10.269 -15.805 -18.876 -20.491 -19.47 -17.164 -13.635
13.668 21.739 12.827 6.618 0.811 -6.23 -12.151 -18.259 -22.101 -24.622 -23.169 -21.468 -17.216
-36.044 0 0 0 0 0 0 0 0 0 0 0 0
15.913 0.165 9.838 4.589 1.699 -5.171 -10.294 -16.159 -19.366 -21.276 -20.019 -18.009 -14.501
"""
"""Windows 0, 5, 14 and 18 of `tone`, by python_speech_features 0.6."""


def test_the_numbers_are_those_of_python_speech_features() -> None:
    expected = np.array(
        [[float(value) for value in row.split()] for row in EXPECTED.split("\n")[1:-1]]
    )
    found = mfcc(tone())
    assert found.shape == (19, 13)
    assert np.abs(found[[0, 5, 14, 18]] - expected).max() < 1e-3


@pytest.mark.parametrize(
    ("n_samples", "n_windows"), [(0, 1), (399, 1), (400, 1), (401, 2), (880, 4)]
)
def test_the_last_window_holds_the_last_sample(n_samples: int, n_windows: int) -> None:
    found = mfcc(np.ones(n_samples, np.float32) / 2)
    assert found.shape == (n_windows, 13)
    assert np.isfinite(found).all()
