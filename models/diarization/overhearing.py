"""Find bleed: what a participant's track repeats of the others.

Two people in one room, or a loudspeaker that a microphone hears, put one voice on several tracks.
What the others' tracks explain of a track is taken off it, as crosstalk: per frequency, a linear
filter over the last half second of each other track, fitted to the track by least squares. Frames
count by the inverse of what is left in them, so that the filter learns bleed and not the track's
own voice (the weighted prediction error of Nakatani et al. 2010, "Speech dereverberation based on
variance-normalized delayed linear prediction", there used against a track's own echo).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.diarization.placing import LOW_RATE, lowered
from models.protocols import Waveform
from schemas.values import Seconds

STEP: Seconds = 0.02

_BLOCK: Seconds = 60.0
"""A filter holds for so long: tracks drift against each other, and people move."""

_MARGIN: Seconds = 1.0
"""Sound before and after a block that is heard with it."""

_WINDOW, _HOP = 512, 128
"""Samples of 4 kHz: 128 ms, every 32 ms."""

_HERTZ = (100.0, 1900.0)
_EVERY = 2
"""Only each second frequency: neighbours say the same."""

_TAPS = 16
"""Hops that a filter reaches back: 0.5 s, for an echo of 0.3 s and the room after it."""

_MOST_OTHERS = 4
"""Tracks that are taken off one: the loudest while it is active."""

_ROUNDS = 2
_RIDGE = 1e-3
_QUIET = 0.3
"""Quantile of the power under which frames count no more."""

_EXPECTED = 0.3
"""Share of the others' power, a frame of a filter on average, under which what is left counts no
more: else silence on a muted track would say most."""

_BINS = 16
"""Frequencies that are solved at once."""

_SMOOTH: Seconds = 0.3
_LEAST_DB = -30.0

Spectrum = NDArray[np.complex64]
Power = NDArray[np.float32]


def remaining(
    tracks: Sequence[tuple[str | None, Waveform]], speech: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return what others do not explain of each frame's power, in dB, shape (frames, tracks).

    0 is the track's own sound, -10 and less is bleed. `speech` says in which frames of `STEP`
    there is a voice on each track: where there is none, or on no other track, the answer is 0.
    """
    left = np.zeros(speech.shape, np.float32)
    for block in _blocks(len(speech)):
        voiced = speech[block].any(axis=0)
        if voiced.sum() < 2:
            continue
        spectra = {k: _spectrum(tracks[k][1], block) for k in np.flatnonzero(voiced).tolist()}
        for track in spectra:
            others = _loudest(spectra, track)
            left[block, track] = _left(spectra[track], [spectra[k] for k in others], block)
    return np.where(speech, left, 0.0).astype(np.float32)


def _blocks(frames: int) -> Iterator[slice]:
    length = round(_BLOCK / STEP)
    for first in range(0, frames, length):
        yield slice(first, min(frames, first + length))


def _spectrum(waveform: Waveform, block: slice) -> Spectrum:
    """Return the short-time spectrum of a block with its margins, shape (hops, frequencies)."""
    sound = waveform.read(block.start * STEP - _MARGIN, block.stop * STEP + _MARGIN)
    padded = np.pad(lowered(sound), _WINDOW // 2)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    whole = np.fft.rfft(pieces * np.hanning(_WINDOW).astype(np.float32), axis=1)
    low, high = (round(hertz / LOW_RATE * _WINDOW) for hertz in _HERTZ)
    return whole[:, low:high:_EVERY].astype(np.complex64)


def _loudest(spectra: dict[int, Spectrum], track: int) -> list[int]:
    power = {k: float(np.square(np.abs(each)).sum()) for k, each in spectra.items() if k != track}
    return sorted(power, key=lambda k: -power[k])[:_MOST_OTHERS]


def _left(own: Spectrum, others: Sequence[Spectrum], block: slice) -> NDArray[np.float32]:
    """Return what is left of a track's power when others are taken off, dB for each frame."""
    before, after = np.zeros((2, len(own)), np.float32)
    under = _softer(own, others)
    for first in range(0, own.shape[1], _BINS):
        part = slice(first, first + _BINS)
        rest = _without(own[:, part], [other[:, part] for other in others], under)
        power = np.square(np.abs(own[:, part]))
        before += power.sum(axis=1)
        after += np.where(under[:, None], rest, power).sum(axis=1)
    times = np.arange(len(own)) * _HOP / LOW_RATE - _MARGIN
    frames = (np.arange(block.stop - block.start) + 0.5) * STEP
    sums = [_smooth(np.interp(frames, times, power)) for power in (before, after)]
    ratio = (sums[1] + 1e-12) / (sums[0] + 1e-12)
    return np.asarray(np.clip(10 * np.log10(ratio), _LEAST_DB, 0), np.float32)


def _softer(own: Spectrum, others: Sequence[Spectrum]) -> NDArray[np.bool_]:
    """Return the hops in which a track is softer than another was within the reach of a filter."""
    power = np.square(np.abs(own)).sum(axis=1)
    softer = np.zeros(len(own), bool)
    for other in others:
        loud = np.pad(np.square(np.abs(other)).sum(axis=1), (_TAPS - 1, 0))
        softer |= np.lib.stride_tricks.sliding_window_view(loud, _TAPS).max(axis=1) > power
    return softer


def _smooth(power: NDArray[np.float64]) -> NDArray[np.float64]:
    width = round(_SMOOTH / STEP)
    return np.convolve(power, np.ones(width) / width)[width // 2 :][: len(power)]


def _without(own: Spectrum, others: Sequence[Spectrum], under: NDArray[np.bool_]) -> Power:
    """Return the power that is left of a track, shape (hops, frequencies).

    The filter is fitted where the track is softer than another, which is `under`.
    """
    past = np.stack([_later(other, hops) for other in others for hops in range(_TAPS)])
    past = np.ascontiguousarray(past.transpose(2, 1, 0))  # frequencies, hops, filter
    wanted = np.ascontiguousarray(own.T)[:, :, None]
    power = np.square(np.abs(wanted[..., 0]))
    least = np.quantile(power, _QUIET, axis=1, keepdims=True) + 1e-12
    least = np.maximum(least, _EXPECTED * np.square(np.abs(past)).mean(axis=2))
    rest = wanted
    for _ in range(_ROUNDS):
        weights = (under / np.maximum(np.square(np.abs(rest[..., 0])), least)).astype(np.float32)
        weighted = (past.conj() * weights[:, :, None]).transpose(0, 2, 1)
        gram = weighted @ past
        size = np.trace(gram, axis1=1, axis2=2).real / gram.shape[1]
        ridge = (_RIDGE * size + 1e-20)[:, None, None] * np.eye(gram.shape[1], dtype=np.complex64)
        rest = wanted - past @ np.linalg.solve(gram + ridge, weighted @ wanted)
    return np.asarray(np.square(np.abs(rest[..., 0])).T, np.float32)


def _later(spectrum: Spectrum, hops: int) -> Spectrum:
    moved = np.zeros_like(spectrum)
    moved[hops:] = spectrum[: len(spectrum) - hops]
    return moved
