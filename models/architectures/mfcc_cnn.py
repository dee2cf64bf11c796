"""Convolutional networks over MFCCs: as a picture (2-D), and as one curve over time (1-D).

Both hear clips of any length through a mask, at an even loudness; the earlier systems cut or
padded every clip to one length without telling the network which frames were real.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.architectures.network import Standardise, TrainableNetwork, mean_of_real, real_frames
from models.audio.sound import normalise_loudness
from models.protocols import Samples
from schemas.values import SAMPLE_RATE

FLAT_FRAMES = 216
"""Frames of a flattened curve, 2.5 seconds."""

_FFT = 1024
_POOLED = 8


@functools.cache
def _transform(n_mfcc: int, hop: int) -> Any:
    from torchaudio.transforms import MFCC

    return MFCC(
        SAMPLE_RATE,
        n_mfcc,
        melkwargs={"n_fft": _FFT, "win_length": 640, "hop_length": hop, "n_mels": 64},
    )


def mfcc(samples: Samples, n_mfcc: int, hop: int) -> Tensor:
    """Mel-frequency cepstral coefficients at an even loudness, shape (n_mfcc, frames).

    After Davis and Mermelstein 1980, "Comparison of Parametric Representations for Monosyllabic
    Word Recognition".
    """
    sound = np.ascontiguousarray(normalise_loudness(samples), dtype=np.float32)
    if len(sound) < _FFT:
        sound = np.pad(sound, (0, _FFT - len(sound)))
    coefficients: Tensor = _transform(n_mfcc, hop)(torch.from_numpy(sound))
    return coefficients


class MfccCnn2d(TrainableNetwork):
    """Two convolutions over MFCCs as a picture: 40 coefficients, 50 frames per second.

    An earlier system (docs/seeds.md, S0) took 200 x 40 values of 4 seconds.
    """

    def __init__(
        self,
        n_classes: int,
        coefficients: int = 40,
        channels: int = 32,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.coefficients = coefficients
        self.scale = Standardise(coefficients)
        self.convolutions = nn.ModuleList(
            [_block(1, channels), _block(channels, 2 * channels)],
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * channels * (coefficients // 4), n_classes)

    def prepare(self, sample: Samples) -> Tensor:
        """MFCCs (coefficients, frames)."""
        return mfcc(sample, self.coefficients, SAMPLE_RATE // 50)

    def learn_scale(self, features: Sequence[Tensor]) -> None:
        """Standardise each coefficient."""
        self.scale.learn(features)

    def forward(self, features: Tensor, n_frames: Tensor) -> Tensor:
        """Logits (batch, classes) of MFCCs (batch, coefficients, frames)."""
        real = real_frames(n_frames, features.shape[2])
        hidden = self.scale(features, real)[:, None]
        for convolution in self.convolutions:
            # what is not real is zero again: no value lies under it, and no clip hears its batch
            hidden = convolution(hidden) * real[:, None, None]
            hidden = nn.functional.max_pool2d(hidden, 2, ceil_mode=True)
            real = real[:, ::2]
        logits: Tensor = self.head(self.dropout(mean_of_real(hidden.flatten(1, 2), real)))
        return logits


def _block(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU())


class MfccCnn1d(TrainableNetwork):
    """Convolutions over one curve: the mean of 13 MFCCs in each of 86 frames per second.

    An earlier system (docs/seeds.md, S1) took 216 such values (2.5 seconds), dropout, a maximum
    over 8 and a dense layer, for two classes. `averaged=false` keeps the 13 coefficients as
    channels. `flatten=true` is its form: of each sound the middle 216 frames, shorter ones padded
    with zeros at the end, and a dense layer that knows every place; else the mean over time.
    """

    def __init__(
        self,
        n_classes: int,
        averaged: bool = True,
        channels: int = 128,
        dropout: float = 0.2,
        flatten: bool = False,
    ) -> None:
        super().__init__()
        self.averaged, self.flatten = averaged, flatten
        n_features = 1 if averaged else 13
        self.scale = Standardise(n_features)
        self.first = nn.Conv1d(n_features, channels, 5, padding=2)
        self.second = nn.Conv1d(channels, channels, 5, padding=2)
        self.third = nn.Conv1d(channels, channels, 5, padding=2)
        self.dropout = nn.Dropout(dropout)
        places = math.ceil(FLAT_FRAMES / _POOLED) if flatten else 1
        self.head = nn.Linear(channels * places, n_classes)

    def prepare(self, sample: Samples) -> Tensor:
        """Return the curve (1, frames), or MFCCs (13, frames); at most 216 frames to flatten."""
        coefficients = mfcc(sample, 13, 186)
        if self.flatten:
            first = max(0, coefficients.shape[1] - FLAT_FRAMES) // 2
            coefficients = coefficients[:, first : first + FLAT_FRAMES]
        return coefficients.mean(dim=0, keepdim=True) if self.averaged else coefficients

    def learn_scale(self, features: Sequence[Tensor]) -> None:
        """Standardise the curve."""
        self.scale.learn(features)

    def forward(self, features: Tensor, n_frames: Tensor) -> Tensor:
        """Logits (batch, classes) of curves (batch, features, frames)."""
        if self.flatten:
            # a negative width would cut; the scale then makes what is padded zero
            features = nn.functional.pad(features, (0, FLAT_FRAMES - features.shape[2]))
        real = real_frames(n_frames, features.shape[2])
        hidden = self.scale(features, real)
        hidden = self.first(hidden).relu() * real[:, None]
        hidden = self.dropout(self.second(hidden).relu() * real[:, None])
        hidden = nn.functional.max_pool1d(hidden, _POOLED, ceil_mode=True)
        real = real[:, ::_POOLED]
        hidden = self.third(hidden).relu() * real[:, None]
        pooled = hidden.flatten(1) if self.flatten else mean_of_real(hidden, real)
        logits: Tensor = self.head(self.dropout(pooled))
        return logits
