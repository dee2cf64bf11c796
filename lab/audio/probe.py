"""Fit the head of the audio network on a frozen encoder: a logistic regression.

On pooled statistics of all layers it is a strong start in minutes, and what fine-tuning begins
from (Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features and Underperform
Out-of-Distribution").
"""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lab.acoustics.augmentation import crop, like_a_meeting, through_opus
from lab.audio.sounds import Sounds, class_weights, clip_weights
from models.audio.embedded import TEMPI
from models.audio.sound import at_tempo, batches_by_length, log_mel, normalise_loudness
from models.precision import half_precision
from models.protocols import Samples
from schemas.values import SAMPLE_RATE

if TYPE_CHECKING:
    import torch

    from models.audio.network import AudioEmotionNetwork

INVERSE_REGULARISATION = 0.002
"""Of the logistic regression; between 0.001 and 0.003 RAVDESS's training actors do not care."""

_ITERATIONS = 60
_SHORT_SECONDS = (1.0, 2.5)
_BATCH_FRAMES = 6_000

Pooled = NDArray[np.float32]
"""Pooled statistics of clips, shape (n, pooled)."""


def pool(
    network: "AudioEmotionNetwork", samples: Sequence[Samples], device: "torch.device"
) -> Pooled:
    """Summarise clips by the network's encoder and pooling: (n, pooled)."""
    import torch

    from models.audio.network import pad_frames

    pooled = np.zeros((len(samples), network.head.in_features), dtype=np.float32)
    mels = [log_mel(normalise_loudness(clip)) for clip in samples]
    with torch.inference_mode(), half_precision(device):
        for rows in batches_by_length([mel.shape[1] for mel in mels], _BATCH_FRAMES):
            mel, n_frames = pad_frames([mels[row] for row in rows])
            pooled[rows] = network.pool(mel.to(device), n_frames.to(device)).float().cpu().numpy()
    return pooled


def copies(sounds: Sounds, seed: int) -> list[list[Samples]]:
    """Five versions of every clip: clean, slower, faster, in a room, a short piece by Opus."""
    random = np.random.default_rng(seed)
    clips = [sounds.hear(row) for row in range(len(sounds))]
    rooms = [like_a_meeting(clip, random) for clip in clips]
    lengths = [int(random.uniform(*_SHORT_SECONDS) * SAMPLE_RATE) for _ in clips]
    pieces = [
        through_opus(normalise_loudness(like_a_meeting(crop(clip, length, random), random)))
        for clip, length in zip(clips, lengths, strict=True)
    ]
    tempi = [[at_tempo(clip, tempo) for clip in clips] for tempo in TEMPI if tempo != 1.0]
    return [clips, *tempi, rooms, pieces]


def fit_head(
    network: "AudioEmotionNetwork",
    takes: Sequence[Pooled],
    targets: NDArray[np.float32],
    inverse_regularisation: float = INVERSE_REGULARISATION,
) -> None:
    """Set the network's normalisation and head by logistic regression.

    `takes` are pooled statistics of the same clips, `targets` (n, classes) their soft labels:
    a clip counts once for each class, by its share, and each class counts alike.
    """
    import torch
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    mean, deviation = takes[0].mean(axis=0), takes[0].std(axis=0) + 1e-3
    rows, labels = np.nonzero(targets)
    weights = clip_weights(targets, class_weights(targets))
    shares = (targets * weights[:, None])[rows, labels] / len(takes)
    inputs = np.concatenate([(take[rows] - mean) / deviation for take in takes])
    regression = LogisticRegression(C=inverse_regularisation, max_iter=_ITERATIONS)
    # more threads than the training was given would only wait for each other
    with warnings.catch_warnings(), threadpool_limits(torch.get_num_threads()):
        # to stop early is meant: it regularises too, and fine-tuning goes on from here
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit(inputs, np.tile(labels, len(takes)), np.tile(shares, len(takes)))
    with torch.no_grad():
        network.norm.running_mean = torch.from_numpy(mean)
        network.norm.running_var = torch.from_numpy(deviation**2)
        network.head.weight.zero_()
        network.head.bias.fill_(-1e4)
        # classes that never occur keep a bias that no clip can outweigh
        network.head.weight[regression.classes_] = torch.from_numpy(regression.coef_).float()
        network.head.bias[regression.classes_] = torch.from_numpy(regression.intercept_).float()


def head_logits(network: "AudioEmotionNetwork", takes: Sequence[Pooled]) -> NDArray[np.float32]:
    """Mean log-probabilities (n, classes) of the head over takes of the same clips."""
    import torch

    with torch.inference_mode():
        each = [network.head(network.norm(torch.from_numpy(take))) for take in takes]
        logits: NDArray[np.float32] = (
            torch.stack([e.log_softmax(dim=1) for e in each]).mean(0).numpy()
        )
    return logits
