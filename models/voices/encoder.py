"""The speaker encoder: 1.6 s of mel energies in, a point on the unit sphere out."""

import functools

import torch
from torch import Tensor, nn

from schemas.values import SAMPLE_RATE

N_MELS = 40
N_FFT = 400
HOP = 160
"""Samples between two mel frames: 10 ms."""

WINDOW = 160
"""Mel frames that the encoder was trained on: 1.6 s."""

DIMENSION = 256


class SpeakerEncoder(nn.Module):
    """Three LSTM layers over mel energies, the last state projected (Wan et al. 2018).

    Unlike most encoders it was trained on mel *power*, not its logarithm, of speech brought to
    -30 dBFS: a wrong loudness is a wrong voice. Weights: Resemblyzer 0.1.4.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(N_MELS, DIMENSION, 3, batch_first=True)
        self.linear = nn.Linear(DIMENSION, DIMENSION)

    def forward(self, mels: Tensor) -> Tensor:
        """Embed mel power of shape (batch, frames, 40); returns unit rows, (batch, 256)."""
        _, (hidden, _) = self.lstm(mels)
        raw = torch.relu(self.linear(hidden[-1]))
        return nn.functional.normalize(raw, dim=1)


def mel_power(samples: Tensor) -> Tensor:
    """Mel power of samples of shape (..., n): shape (..., n // 160 + 1, 40), one frame per 10 ms.

    Slaney's mel scale with unit-area filters over 0-8 kHz, Hann window of 25 ms, as in librosa.
    """
    spectrum = torch.stft(
        samples,
        N_FFT,
        HOP,
        window=_window(samples.device),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    power = spectrum.real.square() + spectrum.imag.square()
    return power.transpose(-1, -2) @ _filters(samples.device)


@functools.cache
def _window(device: torch.device) -> Tensor:
    return torch.hann_window(N_FFT, device=device)


@functools.cache
def _filters(device: torch.device) -> Tensor:
    from torchaudio.functional import melscale_fbanks

    filters: Tensor = melscale_fbanks(
        N_FFT // 2 + 1, 0.0, SAMPLE_RATE / 2, N_MELS, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
    )
    return filters.to(device)
