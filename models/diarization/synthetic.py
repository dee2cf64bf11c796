"""A diarizer for tests: every speaker is a pure tone of another pitch."""

import hashlib
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.diarization.turns import diarization_of, runs
from models.protocols import Span, SpeakerHints, Waveform
from schemas.settings import WeightSettings
from schemas.speech import Diarization
from schemas.values import SAMPLE_RATE, Seconds

_WINDOW = 640
_HOP = 160
_BLOCK: Seconds = 60.0
_FLOOR = 0.005
"""Amplitude under which there is silence."""

_SIDE = 0.1
"""A tone under this share of the loudest one is its splatter."""

_APART = 2
"""Bins of 25 Hz within which two peaks are one voice."""

_SHORTEST = 8
"""Frames of 10 ms: shorter sounds are clicks at a tone's edges."""


class ToneDiarizer:
    """Deterministic: silence is silence, a tone is a speaker, several tones at once overlap."""

    name = "synthetic"
    digest = hashlib.sha256(repr((_WINDOW, _HOP, _FLOOR, _SIDE, _APART)).encode()).hexdigest()[:12]

    def __init__(self, weights: WeightSettings) -> None:
        del weights

    def diarize(self, waveform: Waveform, hints: SpeakerHints) -> Diarization:
        """Return a turn for every stretch of tone, exact to about 10 ms."""
        blocks = list(_peaks(waveform))
        loudness = np.concatenate(blocks) if blocks else np.zeros((0, _WINDOW // 2 + 1), np.float16)
        voices = _voices(loudness, hints)
        if not voices:
            return Diarization()
        levels = np.stack([loudness[:, low:high].max(axis=1) for low, high in voices], axis=1)
        levels = levels.astype(np.float32)
        # A window half over the edge of a tone sees half of it.
        active = levels > np.maximum(0.5 * np.quantile(levels, 0.99, axis=0), _FLOOR)
        active = _without_clicks(active)
        total = levels.sum(axis=1, keepdims=True)
        share = np.divide(levels, total, out=np.zeros_like(levels), where=total > 0)
        # Equally loud to a hundredth: the lower voice keeps the floor, rather than a flutter.
        loudest = np.round(np.where(active, levels, 0), 2).argmax(axis=1)
        exclusive = active & (np.arange(len(voices)) == loudest[:, None])
        # A frame's tone is measured around its middle: the frame begins half a hop earlier.
        return diarization_of(active, exclusive, share, _HOP / SAMPLE_RATE, -_HOP / 2 / SAMPLE_RATE)

    def voiceprints(
        self, waveform: Waveform, voices: Sequence[Sequence[Span]]
    ) -> NDArray[np.float32]:
        """Return a unit vector with a one at the pitch of each voice, shape (len(voices), 321)."""
        made = np.full((len(voices), _WINDOW // 2 + 1), np.nan, np.float32)
        for row, spans in zip(made, voices, strict=True):
            sound = [waveform.read(start, end) for start, end in spans]
            heard = np.concatenate(sound) if sound else np.zeros(0, np.float32)
            frames = heard[: len(heard) // _WINDOW * _WINDOW].reshape(-1, _WINDOW)
            if len(frames):
                amplitude = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW))).mean(axis=0)
                row[:] = np.arange(len(row)) == amplitude.argmax()
        return made


def _peaks(waveform: Waveform) -> Iterator[NDArray[np.float16]]:
    """Yield the amplitude of spectral peaks, shape (frames, 321), frame i at i * 10 ms."""
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    half = _WINDOW / 2 / SAMPLE_RATE
    start = 0.0
    while start < waveform.duration:
        end = min(start + _BLOCK, waveform.duration)
        sound = waveform.read(start - half, end + half)
        frames = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::_HOP]
        frames = frames[: max(0, round((end - start) * SAMPLE_RATE / _HOP))]
        amplitude = np.abs(np.fft.rfft(frames * window)) * 2 / window.sum()
        inner = amplitude[:, 1:-1]
        peak = (inner >= amplitude[:, :-2]) & (inner >= amplitude[:, 2:])
        loud = inner > np.maximum(_FLOOR, _SIDE * amplitude.max(axis=1, keepdims=True))
        kept = np.zeros(amplitude.shape, np.float16)
        kept[:, 1:-1] = np.where(peak & loud, inner, 0)
        yield kept
        start = end


def _voices(loudness: NDArray[np.float16], hints: SpeakerHints) -> list[tuple[int, int]]:
    """Return the bands of bins that are voices, no more than the hints allow."""
    seconds = (loudness > 0).sum(axis=0)
    left = seconds.copy()
    centres: list[int] = []
    while left.size and left.max() >= _SHORTEST:
        centre = int(left.argmax())
        centres.append(centre)
        left[max(0, centre - _APART) : centre + _APART + 1] = 0
    most = hints.exactly or hints.at_most or len(centres)
    middle = sorted(centres[:most])
    # With fewer speakers than tones, a tone left over is its nearest neighbour's.
    bounds = [0, *((a + b + 1) // 2 for a, b in itertools.pairwise(middle)), len(left)]
    wide = len(centres) > most
    return [
        (low, high) if wide else (max(0, c - _APART), c + _APART + 1)
        for c, low, high in zip(middle, bounds, bounds[1:], strict=False)
    ]


def _without_clicks(active: NDArray[np.bool_]) -> NDArray[np.bool_]:
    kept = active.copy()
    for column in kept.T:
        for first, last in runs(column):
            if last - first < _SHORTEST:
                column[first:last] = False
    return kept
