"""The contract of trainable architectures: one trainer and one branch serve them all."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from schemas.errors import SettingsError
from schemas.values import Json


class TrainableNetwork(nn.Module):
    """A network with its own front end: `prepare` a sample, `forward` a padded batch.

    The last dimension of what `prepare` gives is time, of any length: log-mel (mels, frames),
    crops (size, size, frames), tokens (tokens,). `forward(features, n_frames)` takes them padded
    with zeros at the end, tells padding by `n_frames` (batch,), and gives logits (batch, classes).
    """

    head: nn.Linear
    languages: frozenset[str] | None = None
    """Languages that it is trained on and answers for; None where it does not matter."""
    augment: bool = False
    """Whether changed copies of its rare classes are trained on."""

    def prepare(self, sample: Any) -> Tensor:
        """Features of one sample, (..., frames); depends on parameters and companions alone."""
        raise NotImplementedError

    def learn_vocabulary(self, samples: Sequence[Any]) -> None:
        """Look at the training samples before any of them is prepared; most need not."""

    def learn_scale(self, features: Sequence[Tensor]) -> None:
        """Look at the prepared training samples before the fit; most need not."""

    def start_from(self, source: str | None) -> None:
        """Take pretrained weights from a folder or by a name in the hub's cache; None: nothing.

        Raises `SettingsError` where the network needs some, or has no use for them.
        """
        if source is not None:
            raise SettingsError(
                f"This architecture is trained from nothing, not from {source}; leave --start out."
            )

    def encoder_config(self) -> Json | None:
        """Return the argument `encoder` that rebuilds a pretrained encoder's shape."""
        return None

    def companions(self) -> dict[str, str]:
        """Texts that are stored beside the weights, by the suffix of their file."""
        return {}

    def take_companions(self, texts: dict[str, str]) -> None:
        """Take the stored texts back."""


class Standardise(nn.Module):
    """Each feature to mean 0 and deviation 1, as measured on the training samples."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features, 1))
        self.register_buffer("deviation", torch.ones(n_features, 1))

    def learn(self, features: Sequence[Tensor]) -> None:
        """Measure features (n_features, frames) of many samples."""
        count = sum(own.shape[1] for own in features)
        mean = sum((own.double().sum(dim=1) for own in features), torch.zeros(1)) / count
        power = sum((own.double().square().sum(dim=1) for own in features), torch.zeros(1)) / count
        self.mean = mean[:, None].float()
        self.deviation = (power - mean.square()).clamp(min=1e-8).sqrt()[:, None].float()

    def forward(self, features: Tensor, real: Tensor) -> Tensor:
        """Scale (batch, n_features, frames) and silence what is not `real` (batch, frames)."""
        return (features - self.mean) / self.deviation * real[:, None]


def real_frames(n_frames: Tensor, longest: int) -> Tensor:
    """Which of `longest` frames are no padding: (batch, longest) bool."""
    return torch.arange(longest, device=n_frames.device) < n_frames[:, None]


def mean_of_real(features: Tensor, real: Tensor) -> Tensor:
    """Mean over time of (batch, features, frames) where `real` (batch, frames): (batch, features).

    Zeros where no frame is real.
    """
    weight = real[:, None].to(features.dtype)
    return (features * weight).sum(dim=2) / weight.sum(dim=2).clamp(min=1.0)


Features = Tensor | Mapping[str, Tensor]
"""What a network prepares of one sample: (..., frames), or that of each of several branches."""


def length_of(features: Features) -> int:
    """Return the frames of prepared features; of several branches the most."""
    several = features.values() if isinstance(features, Mapping) else (features,)
    return max(own.shape[-1] for own in several)


def as_type(features: Features, kind: torch.dtype) -> Features:
    """Return numbers with a fraction as another type; what counts stays."""
    if isinstance(features, Mapping):
        return {
            branch: own.to(kind) if own.is_floating_point() else own
            for branch, own in features.items()
        }
    return features.to(kind) if features.is_floating_point() else features


def pad(features: Sequence[Features]) -> tuple[Features, Features]:
    """Pad prepared features to a batch with their lengths; of several branches each."""
    if not isinstance(features[0], Mapping):
        return pad_last([own for own in features if isinstance(own, Tensor)])
    padded, lengths = {}, {}
    for branch in features[0]:
        own = [each[branch] for each in features if isinstance(each, Mapping)]
        padded[branch], lengths[branch] = pad_last(own)
    return padded, lengths


def moved(features: Features, device: torch.device) -> Features:
    """Return features on a device."""
    if isinstance(features, Mapping):
        return {branch: own.to(device) for branch, own in features.items()}
    return features.to(device)


def pad_last(features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack features (..., frames) to the longest, at least one frame, and tell their lengths.

    Those that were kept in half precision become float32.
    """
    features = [own.float() if own.dtype == torch.float16 else own for own in features]
    lengths = torch.tensor([own.shape[-1] for own in features])
    longest = max(1, int(lengths.max()))
    return torch.stack([F.pad(own, (0, longest - own.shape[-1])) for own in features]), lengths
