"""Rooms by the image-source method: walls as mirrors.

Allen and Berkley 1979, "Image method for efficiently simulating small-room acoustics".
"""

import functools

import numpy as np
from numpy.typing import NDArray

from models.protocols import Samples
from schemas.values import SAMPLE_RATE, Seconds

REVERBERATION: Seconds = 0.5
"""RT60 of an ordinary meeting room."""

_METRES_PER_SECOND = 343.0
_SMALLEST, _LARGEST = (4.0, 3.5, 2.5), (7.0, 5.5, 3.2)
"""Metres of length, width and height."""
_FROM_WALL = 0.7
_DISTANCES = (0.5, 2.0)
"""Metres from the talker to a laptop's microphone."""
_REFLECTION = (0.2, 0.95)
_RUMBLE_HERTZ = 100.0
_N_ROOMS = 16
"""Rooms that are made at all, once each: a clip then costs a convolution."""


def in_a_room(samples: Samples, random: np.random.Generator) -> Samples:
    """Hear a clip from half a metre to two away, in one of 16 meeting rooms of RT60 0.5 s."""
    from scipy.signal import fftconvolve

    response = room_response(int(random.integers(_N_ROOMS)))
    wet: Samples = fftconvolve(samples, response)[: len(samples)].astype(np.float32)
    return wet


@functools.cache
def room_response(number: int) -> NDArray[np.float32]:
    """Impulse response of a room, its talker and its microphone, drawn by a number; 1-D.

    The direct sound comes first and has about the height 1.
    """
    random = np.random.default_rng([1979, number])
    room = random.uniform(_SMALLEST, _LARGEST)
    nearest, farthest = _DISTANCES
    while True:
        talker, microphone = random.uniform(_FROM_WALL, room - _FROM_WALL, size=(2, 3))
        if nearest <= float(np.linalg.norm(talker - microphone)) <= farthest:
            return shoebox(room, talker, microphone, REVERBERATION)


def shoebox(
    room: NDArray[np.float64],
    talker: NDArray[np.float64],
    microphone: NDArray[np.float64],
    reverberation: Seconds,
) -> NDArray[np.float32]:
    """Impulse response of a box whose six walls reflect alike, so that it decays in the RT60.

    `room`, `talker` and `microphone` are metres of shape (3,). The walls are found by trial:
    the formulas of Sabine and Eyring take sound to be diffuse, and a box decays slower.
    """
    from scipy.optimize import brentq
    from scipy.signal import butter, sosfilt

    reach = 1.1 * reverberation * _METRES_PER_SECOND
    distance, walls = _images(room, talker, microphone, reach)
    delays = np.rint((distance - distance.min()) / _METRES_PER_SECOND * SAMPLE_RATE).astype(int)

    # images are all positive and would add up to a rumble that no room has (Allen and Berkley)
    rumble = butter(2, _RUMBLE_HERTZ, "highpass", fs=SAMPLE_RATE, output="sos")
    powers = np.arange(int(walls.max()) + 1)

    def response(reflection: float) -> NDArray[np.float64]:
        heights = (reflection**powers)[walls] * distance.min() / distance
        return np.asarray(sosfilt(rumble, np.bincount(delays, heights)))

    def too_long(reflection: float) -> float:
        return reverberation_time(response(reflection)) - reverberation

    return response(float(brentq(too_long, *_REFLECTION, xtol=3e-3))).astype(np.float32)


def _images(
    room: NDArray[np.float64],
    talker: NDArray[np.float64],
    microphone: NDArray[np.float64],
    reach: float,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distance in metres of every image within reach, and behind how many walls it stands.

    Along each axis an image stands at 2kL + x behind |2k| walls, or at 2kL - x behind |2k - 1|.
    """
    axes = []
    for length, source, ear in zip(room, talker, microphone, strict=True):
        most = int(reach / (2 * length)) + 1
        steps = np.arange(-most, most + 1)
        offsets = np.concatenate([2 * steps * length + source, 2 * steps * length - source]) - ear
        axes.append((offsets, np.concatenate([abs(2 * steps), abs(2 * steps - 1)])))
    (x, i), (y, j), (z, k) = axes
    distance = np.sqrt(x[:, None, None] ** 2 + y[:, None] ** 2 + z**2)
    walls = i[:, None, None] + j[:, None] + k
    near = distance < reach
    return distance[near], walls[near]


def reverberation_time(response: NDArray[np.float64]) -> Seconds:
    """RT60 by the decay from -5 to -25 dB (T20 of ISO 3382), integrated backwards.

    Schroeder 1965, "New Method of Measuring Reverberation Time".
    """
    energy = np.cumsum((response.astype(np.float64) ** 2)[::-1])[::-1]
    decibels = 10 * np.log10(np.maximum(energy / energy[0], 1e-12))
    start, end = int(np.argmax(decibels < -5)), int(np.argmax(decibels < -25))
    return 3 * (end - start) / SAMPLE_RATE
