"""The plainest audio network: how long a clip is and how far its amplitude swings."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from models.architectures.network import Standardise, TrainableNetwork, real_frames
from models.audio.sound import normalise_loudness
from models.protocols import Samples
from schemas.values import SAMPLE_RATE

_QUIETEST = 1e-5


class LevelLogistic(TrainableNetwork):
    """Logistic regression on a clip's length and the deviation of its amplitude.

    An earlier system (docs/seeds.md, S3) had 37.8 % accuracy on RAVDESS's eight classes, whose
    actors shout louder than they whisper. `even=false` keeps that level, which no meeting has:
    with an even loudness the deviation only measures how much of the clip is pause.
    """

    def __init__(self, n_classes: int, even: bool = True) -> None:
        super().__init__()
        self.even = even
        self.scale = Standardise(2)
        self.head = nn.Linear(2, n_classes)

    def prepare(self, sample: Samples) -> Tensor:
        """Logarithms of seconds and of the amplitude's deviation, shape (2, 1)."""
        sound = normalise_loudness(sample) if self.even else sample
        seconds = max(len(sound), 1) / SAMPLE_RATE
        swing = float(np.std(sound)) if len(sound) else 0.0
        return torch.tensor([[seconds], [max(swing, _QUIETEST)]]).log()

    def learn_scale(self, features: Sequence[Tensor]) -> None:
        """Standardise both numbers."""
        self.scale.learn(features)

    def forward(self, features: Tensor, n_frames: Tensor) -> Tensor:
        """Logits (batch, classes) of (batch, 2, 1)."""
        scaled = self.scale(features, real_frames(n_frames, features.shape[2]))
        logits: Tensor = self.head(scaled[:, :, 0])
        return logits
