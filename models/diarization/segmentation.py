"""PyanNet: the activity of at most three local speakers in windows of a few seconds.

Bredin and Laurent 2021, "End-to-end speaker segmentation for overlap-aware resegmentation"; its
first layer is a bank of band-passes (Ravanelli and Bengio 2018, "Speaker recognition from raw
waveform with SincNet"), with odd filters beside the even ones (Pariente et al. 2020).
The weights are pyannote's; here they run without its framework.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from schemas.values import SAMPLE_RATE, Seconds

LOCAL_SPEAKERS = 3
FRAME_STEP: Seconds = 270 / SAMPLE_RATE
"""Step between two frames: 16.9 ms."""

FRAME_MIDDLE: Seconds = 495 / SAMPLE_RATE
"""Middle of the first frame, whose receptive field is 991 samples."""

_FILTERS = 40
_TAPS = 251
_STRIDE = 10
_LOWEST_HERTZ = _NARROWEST_HERTZ = 50.0
_CHANNELS = (80, 60, 60)
_HIDDEN = 128
_LSTM_LAYERS = 4


@dataclass(frozen=True)
class Kind:
    """Properties of a segmentation network: seconds of a window, and its kind of output.

    With `overlap` None each speaker has a probability; else each set of at most so many
    speakers has one (powerset; Plaquet and Bredin 2023).
    """

    window: Seconds
    overlap: int | None = None

    @property
    def sets(self) -> list[tuple[int, ...]]:
        """The sets of speakers that can speak at once, in the order of the network's answers."""
        most = self.overlap or 0
        sizes = range(most + 1)
        return [s for n in sizes for s in itertools.combinations(range(LOCAL_SPEAKERS), n)]


KINDS = {
    "segmentation": Kind(window=5.0),
    "segmentation-3.0": Kind(window=10.0, overlap=2),
}
"""By the names of the table of networks."""


class BandPasses(nn.Module):
    """Even and odd band-pass filters, given by their lowest frequency and bandwidth in Hz."""

    def __init__(self) -> None:
        super().__init__()
        self.low_hz_ = nn.Parameter(torch.zeros(_FILTERS, 1))
        self.band_hz_ = nn.Parameter(torch.zeros(_FILTERS, 1))

    def taps(self) -> Tensor:
        """Return the impulse responses, shape (80, 1, 251)."""
        low = _LOWEST_HERTZ + self.low_hz_.abs()
        high = (low + _NARROWEST_HERTZ + self.band_hz_.abs()).clamp(_LOWEST_HERTZ, SAMPLE_RATE / 2)
        half = torch.arange(-(_TAPS // 2), 0, device=low.device)
        time = 2 * torch.pi * half / SAMPLE_RATE
        window = torch.hamming_window(_TAPS, periodic=False, device=low.device)[: len(half)]
        width = high - low
        scale = window / (time / 2) / (2 * width)
        even = (torch.sin(high * time) - torch.sin(low * time)) * scale
        odd = (torch.cos(low * time) - torch.cos(high * time)) * scale
        middle = torch.ones_like(width)
        banks = (
            torch.cat([even, middle, even.flip(1)], dim=1),
            torch.cat([odd, torch.zeros_like(middle), -odd.flip(1)], dim=1),
        )
        return torch.cat(banks)[:, None]


class _Bank(nn.Module):
    """Gives the filters their name in the checkpoint."""

    def __init__(self) -> None:
        super().__init__()
        self.filterbank = BandPasses()


class SincNet(nn.Module):
    """Raw sound to 60 channels, a frame per 270 samples."""

    def __init__(self) -> None:
        super().__init__()
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        first, second, third = _CHANNELS
        self.conv1d = nn.ModuleList(
            [_Bank(), nn.Conv1d(first, second, 5), nn.Conv1d(second, third, 5)]
        )
        self.norm1d = nn.ModuleList(nn.InstanceNorm1d(n, affine=True) for n in _CHANNELS)
        self._taps: Tensor | None = None

    def forward(self, sound: Tensor) -> Tensor:
        """Sound of shape (batch, 1, samples) to features of shape (batch, 60, frames)."""
        if self._taps is None:  # they cost as much as a window and never change
            bank = self.conv1d[0]
            assert isinstance(bank, _Bank)
            self._taps = bank.filterbank.taps()
        features = functional.conv1d(self.wav_norm1d(sound), self._taps, stride=_STRIDE).abs()
        for layer, norm in enumerate(self.norm1d):
            if layer:
                features = self.conv1d[layer](features)
            features = functional.leaky_relu(norm(functional.max_pool1d(features, 3)))
        return features


class SegmentationNetwork(nn.Module):
    """Sound of shape (batch, samples) to probabilities of shape (batch, frames, 3)."""

    _members: Tensor

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        self.sincnet = SincNet()
        self.lstm = nn.LSTM(
            _CHANNELS[-1], _HIDDEN, _LSTM_LAYERS, bidirectional=True, batch_first=True
        )
        self.linear = nn.ModuleList([nn.Linear(2 * _HIDDEN, _HIDDEN), nn.Linear(_HIDDEN, _HIDDEN)])
        sets = kind.sets
        answers = LOCAL_SPEAKERS if kind.overlap is None else len(sets)
        self.classifier = nn.Linear(_HIDDEN, answers)
        members = torch.zeros(len(sets), LOCAL_SPEAKERS)
        for row, speakers in enumerate(sets):
            members[row, list(speakers)] = 1
        self.register_buffer("_members", members, persistent=False)

    def forward(self, sound: Tensor) -> Tensor:
        """Return how probably each local speaker speaks in each frame."""
        features = self.sincnet(sound[:, None]).transpose(1, 2)
        hidden, _ = self.lstm(features)
        for layer in self.linear:
            hidden = functional.leaky_relu(layer(hidden))
        answers = self.classifier(hidden)
        if self.kind.overlap is None:
            return torch.sigmoid(answers)
        probabilities: Tensor = answers.softmax(dim=-1) @ self._members
        return probabilities


class _Description:
    """Stands for a checkpoint's objects of other packages, which are not read."""

    def __init__(self, *_given: object, **_named: object) -> None:
        pass

    def __setstate__(self, _state: object) -> None:
        pass


_DESCRIPTIONS = (
    *("omegaconf.base.ContainerMetadata", "omegaconf.base.Metadata"),
    *("omegaconf.listconfig.ListConfig", "omegaconf.nodes.AnyNode"),
    *("pyannote.audio.core.model.Introspection", "pyannote.audio.core.task.Problem"),
    *("pyannote.audio.core.task.Resolution", "pyannote.audio.core.task.Specifications"),
    *("torch.torch_version.TorchVersion", "typing.Any"),
)


def load_segmentation(name: str, path: Path) -> SegmentationNetwork:
    """Load a network of `KINDS` from a checkpoint of pyannote, in evaluation mode.

    The file is a pickle: its hash must have been checked, and nothing but numbers is made of it.
    """
    from collections import defaultdict

    known: list[Any] = [(_Description, described) for described in _DESCRIPTIONS]
    with torch.serialization.safe_globals([*known, dict, list, int, defaultdict]):
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    network = SegmentationNetwork(KINDS[name])
    of_filters = "sincnet.conv1d.0.filterbank."
    made = (f"{of_filters}window_", f"{of_filters}n_")
    state = {k: v for k, v in checkpoint["state_dict"].items() if k not in made}
    network.load_state_dict(state)
    return network.eval()
