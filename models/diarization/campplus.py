"""The speaker encoder CAM++: speech of any length to an embedding of 192 numbers.

Wang et al. 2023, "CAM++: a fast and efficient network for speaker verification using
context-aware masking". Weights: 3D-Speaker's of 200,000 Chinese and English speakers.
"""

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from schemas.values import SAMPLE_RATE

DIMENSION = 192
N_MELS = 80
_WINDOW = SAMPLE_RATE // 40
"""Samples that a mel frame is made of: 25 ms."""
_PLANES = 32
_GROWTH = 32
_BOTTLENECK = 128
_BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers and dilation of each dense block."""
_SEGMENT = 100
"""Frames over which a mask takes its local context."""


def log_mels(samples: Tensor) -> Tensor:
    """Log mel energies of samples of shape (n,), as Kaldi makes them: shape (frames, 80).

    There is no frame in less than 25 ms.
    """
    from torchaudio.compliance.kaldi import fbank

    if len(samples) < _WINDOW:
        return torch.zeros(0, N_MELS)
    mels: Tensor = fbank(
        samples[None], num_mel_bins=N_MELS, sample_frequency=SAMPLE_RATE, dither=0.0
    )
    return mels


class _Residual(nn.Module):
    def __init__(self, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(_PLANES, _PLANES, 3, (stride, 1), 1, bias=False)
        self.bn1 = nn.BatchNorm2d(_PLANES)
        self.conv2 = nn.Conv2d(_PLANES, _PLANES, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(_PLANES)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(_PLANES, _PLANES, 1, (stride, 1), bias=False), nn.BatchNorm2d(_PLANES)
            )

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(inner)) + self.shortcut(x))


class _Head(nn.Module):
    """Two-dimensional convolutions that make 80 mels into 320 channels, time as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, _PLANES, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(_PLANES)
        self.layer1 = nn.Sequential(_Residual(2), _Residual(1))
        self.layer2 = nn.Sequential(_Residual(2), _Residual(1))
        self.conv2 = nn.Conv2d(_PLANES, _PLANES, 3, (2, 1), 1, bias=False)
        self.bn2 = nn.BatchNorm2d(_PLANES)

    def forward(self, mels: Tensor) -> Tensor:
        planes = functional.relu(self.bn1(self.conv1(mels.transpose(1, 2)[:, None])))
        planes = self.layer2(self.layer1(planes))
        return functional.relu(self.bn2(self.conv2(planes))).flatten(1, 2)


def _normed(channels: int, affine: bool = True, rectified: bool = True) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["batchnorm"] = nn.BatchNorm1d(channels, affine=affine)
    if rectified:
        layers["relu"] = nn.ReLU()
    return nn.Sequential(layers)


class _Mask(nn.Module):
    """A dilated convolution whose channels are masked by what is around (context-aware masking)."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(
            _BOTTLENECK, _GROWTH, 3, padding=dilation, dilation=dilation, bias=False
        )
        self.linear1 = nn.Conv1d(_BOTTLENECK, _BOTTLENECK // 2, 1)
        self.linear2 = nn.Conv1d(_BOTTLENECK // 2, _GROWTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        local = functional.avg_pool1d(x, _SEGMENT, _SEGMENT, ceil_mode=True)
        context = x.mean(-1, keepdim=True) + local
        mask = torch.sigmoid(self.linear2(functional.relu(self.linear1(context))))
        stretched = mask.repeat_interleave(_SEGMENT, dim=-1)[..., : x.shape[-1]]
        masked: Tensor = self.linear_local(x) * stretched
        return masked


class _Dense(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = _normed(channels)
        self.linear1 = nn.Conv1d(channels, _BOTTLENECK, 1, bias=False)
        self.nonlinear2 = _normed(_BOTTLENECK)
        self.cam_layer = _Mask(dilation)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.nonlinear2(self.linear1(self.nonlinear1(x)))
        return torch.cat([x, self.cam_layer(inner)], dim=1)


class _Layer(nn.Module):
    """A convolution with normalisation before it or behind it."""

    def __init__(self, linear: nn.Conv1d, nonlinear: nn.Sequential, norm_first: bool) -> None:
        super().__init__()
        self.linear = linear
        self.nonlinear = nonlinear
        self._norm_first = norm_first

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = (
            self.linear(self.nonlinear(x)) if self._norm_first else self.nonlinear(self.linear(x))
        )
        return made


class CampPlus(nn.Module):
    """Log mels of shape (batch, frames, 80) to embeddings of shape (batch, 192), not normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.head = _Head()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels = _BOTTLENECK
        first = nn.Conv1d(10 * _PLANES, channels, 5, stride=2, padding=2, bias=False)
        layers["tdnn"] = _Layer(first, _normed(channels), norm_first=False)
        for block, (depth, dilation) in enumerate(_BLOCKS, start=1):
            dense: OrderedDict[str, nn.Module] = OrderedDict()
            for number in range(1, depth + 1):
                dense[f"tdnnd{number}"] = _Dense(channels, dilation)
                channels += _GROWTH
            layers[f"block{block}"] = nn.Sequential(dense)
            half = nn.Conv1d(channels, channels // 2, 1, bias=False)
            layers[f"transit{block}"] = _Layer(half, _normed(channels), norm_first=True)
            channels //= 2
        layers["out_nonlinear"] = _normed(channels)
        self.xvector = nn.Sequential(layers)
        last = nn.Conv1d(2 * channels, DIMENSION, 1, bias=False)
        plain = _normed(DIMENSION, affine=False, rectified=False)
        self.xvector.add_module("dense", _Layer(last, plain, norm_first=False))

    def forward(self, mels: Tensor) -> Tensor:
        """Embed speech; take the mean over its frames out of every mel before."""
        frames = self.frames(mels)
        return self.embed(torch.cat([frames.mean(-1), frames.std(-1)], dim=1))

    def frames(self, mels: Tensor) -> Tensor:
        """Return features at 50 frames a second, shape (batch, 512, frames / 2)."""
        frames: Tensor = self.xvector[:-1](self.head(mels))
        return frames

    def embed(self, pooled: Tensor) -> Tensor:
        """Embed means and deviations over frames, shape (batch, 1024)."""
        embedded: Tensor = self.xvector[-1](pooled[..., None])
        return embedded[..., 0]


def load_campplus(path: Path) -> CampPlus:
    """Load the encoder in evaluation mode; the file's hash must have been checked."""
    network = CampPlus()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval()
