"""Turn samples into the input of the audio network: even loudness, log-mel frames, windows."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from models.protocols import Samples
from schemas.values import SAMPLE_RATE, Seconds

if TYPE_CHECKING:
    import torch

N_MELS = 80
FRAMES_PER_SECOND = 100
"""Log-mel frames per second; the encoder gives out half as many."""

_FFT, _HOP = 400, 160
_LOUDNESS = -23.0
"""Level of the voiced parts after normalising, in dBFS (EBU R 128's programme level)."""
_GATE = -20.0
"""Frames this many dB under the loudest twentieth count as pauses."""
_AUDIBLE = -30.0
"""Frames this many dB under the loudest twentieth, before and after all others, are cut."""
_MARGIN = 15
_SILENCE = 10 ** (-70 / 20)
"""Below this level nothing is amplified: there is no voice in it."""


_STEADY = 1.5
"""dB; no clip of the four corpora lies under 6.4, nor under 3.8 when put into noisy rooms."""


def frame_levels(samples: Samples) -> Samples:
    """Root mean square of each whole 10 ms of the samples; shape (n // 160,)."""
    n_frames = len(samples) // _HOP
    frames = samples[: n_frames * _HOP].reshape(n_frames, _HOP).astype(np.float32)
    levels: Samples = np.sqrt((frames**2).mean(axis=1, dtype=np.float32))
    return levels


def _loud(levels: Samples) -> float:
    """Level of the loudest twentieth; 0 where there is no whole frame."""
    return float(np.quantile(levels, 0.95)) if len(levels) else 0.0


def is_silent(samples: Samples) -> bool:
    """Whether even the loudest twentieth lies under -70 dBFS, or there is less than 10 ms."""
    return _loud(frame_levels(samples)) < _SILENCE


def has_no_voice(samples: Samples) -> bool:
    """Whether nobody can be heard: silence, or a level that stands still, as of fans and hums.

    Syllables move the level of speech by 8 dB and more (standard deviation of 10 ms frames);
    white noise has half a decibel.
    """
    if is_silent(samples):
        return True
    levels = 20 * np.log10(np.maximum(frame_levels(samples), 1e-6))
    return float(levels.std()) < _STEADY


def trim_silence(samples: Samples) -> Samples:
    """Cut what lies before the first and after the last audible frame, but for 150 ms.

    Statistics over time should be of the voice: acted corpora have a second of silence around
    each sentence, utterances of a meeting have none.
    """
    if is_silent(samples):
        return samples
    levels = frame_levels(samples)
    audible = np.flatnonzero(levels > _loud(levels) * 10 ** (_AUDIBLE / 20))
    first, last = int(audible[0]) - _MARGIN, int(audible[-1]) + 1 + _MARGIN
    return samples[max(0, first) * _HOP : last * _HOP]


def at_tempo(samples: Samples, tempo: float) -> Samples:
    """Play samples `tempo` times as fast, pitch included: another speaker, the same emotion."""
    if tempo == 1.0:
        return samples
    times = np.arange(0, len(samples) - 1, tempo)
    played: Samples = np.interp(times, np.arange(len(samples)), samples).astype(np.float32)
    return played


def normalise_loudness(samples: Samples) -> Samples:
    """Scale samples so that their voiced parts have the same level, -23 dBFS.

    Acted corpora give the label away by their level, and in a meeting it tells the distance of
    the microphone. Silence (under -70 dBFS) stays as it is. Peaks may exceed 1.
    """
    if is_silent(samples):
        return samples
    levels = frame_levels(samples)
    voiced = levels[levels > _loud(levels) * 10 ** (_GATE / 20)]
    level = float(np.sqrt((voiced.astype(np.float64) ** 2).mean()))
    return (samples * (10 ** (_LOUDNESS / 20) / level)).astype(np.float32)


@functools.cache
def _mel_filters() -> "torch.Tensor":
    """Slaney's mel filters for 16 kHz, shape (201, 80)."""
    from torchaudio.functional import melscale_fbanks

    filters: torch.Tensor = melscale_fbanks(
        _FFT // 2 + 1, 0.0, SAMPLE_RATE / 2, N_MELS, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
    )
    return filters


def log_mel(samples: Samples) -> "torch.Tensor":
    """Return the log-mel frames of one clip at 100 per second, shape (80, frames).

    As Whisper hears (Radford et al. 2022): log10 of the mel power, floored 8 under its maximum,
    scaled to about [-1, 1].
    """
    import torch

    if len(samples) < _FFT:
        samples = np.pad(samples, (0, _FFT - len(samples)))
    sound = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))
    window = torch.hann_window(_FFT)
    spectrum = torch.stft(sound, _FFT, _HOP, window=window, return_complex=True)[:, :-1]
    power = _mel_filters().T @ spectrum.abs().square()
    levels = power.clamp(min=1e-10).log10()
    return (torch.maximum(levels, levels.max() - 8.0) + 4.0) / 4.0


def windows(samples: Samples, longest: Seconds) -> list[Samples]:
    """Cut samples into equal windows none of which is longer than `longest` seconds."""
    n_windows = max(1, -(-len(samples) // int(longest * SAMPLE_RATE)))
    return list(np.array_split(samples, n_windows))


def batches_by_length(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Group indices of similar length; a batch's padded length sums to at most `most`.

    A single index longer than `most` stands alone.
    """
    groups: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if groups and lengths[groups[-1][0]] * (len(groups[-1]) + 1) <= most:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups
