"""The voice branch that comes with tonescribe: a network trained here, on the CPU or a GPU."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.audio.sound import (
    FRAMES_PER_SECOND,
    batches_by_length,
    has_no_voice,
    log_mel,
    normalise_loudness,
    windows,
)
from models.checkpoint import file_digest, load_weights, shipped
from models.precision import choose_device, half_precision
from models.protocols import Samples, Scores
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.values import Seconds

if TYPE_CHECKING:
    import torch

    from models.audio.network import VoiceNetwork

LONGEST_WINDOW: Seconds = 10.0
"""Longer utterances are judged in equal windows: the network knows clips of a few seconds."""

_BATCH_SECONDS: Seconds = 4.0
"""Seconds of sound per item of the batch size setting."""


class EmbeddedAudioBranch:
    """Judges emotion from the voice; calibrated on speakers that it was not trained on.

    Weights: `models/weights/audio.safetensors`, or the `.safetensors` file that the settings
    name. Raises `WeightsError` where they are missing or of another network.
    """

    name = "embedded"
    languages: frozenset[str] | None = None

    def __init__(self, weights: WeightSettings) -> None:
        own = weights.audio.endswith(".safetensors")
        path = Path(weights.audio) if own else shipped("audio")
        self._network, config = load_network(path)
        self._temperature = float(config["temperature"])
        self.unseen_speakers = frozenset(config.get("calibration_speakers", ()))
        self._learned_epochs = float(config.get("epochs", 1))
        self._device = choose_device(weights.device)
        self._network.to(self._device)
        self._batch_frames = int(weights.batch_size * _BATCH_SECONDS * FRAMES_PER_SECOND)
        self.digest = file_digest(path)

    def score(self, samples: Sequence[Samples]) -> Scores:
        """Judge utterances; silence and steady noise get even scores: nobody is heard."""
        logits = voice_logits(self._network, samples, self._device, self._batch_frames)
        return softmax(logits / self._temperature)

    def untouched_encoder(self) -> dict[str, "torch.Tensor"] | None:
        """Parameters of the encoder where training left it as it came, else None.

        What was not trained on any speaker may be judged on all of them.
        """
        if self._learned_epochs:
            return None
        state = self._network.encoder.state_dict()
        return {name: tensor.cpu() for name, tensor in state.items()}


def load_network(path: Path) -> tuple["VoiceNetwork", dict[str, Any]]:
    """Load a voice network for judging, and its configuration."""
    from models.audio.network import VoiceNetwork

    state, config = load_weights(path)
    if tuple(config.get("classes", ())) != EMOTIONS:
        raise WeightsError(f"{path} holds no voice network of tonescribe; train it anew.")
    network = VoiceNetwork(config["shape"])
    network.load_state_dict(state)
    return network.eval(), config


def voice_logits(
    network: "VoiceNetwork",
    samples: Sequence[Samples],
    device: "torch.device",
    batch_frames: int = 6_000,
) -> NDArray[np.float32]:
    """Return uncalibrated logits (len(samples), classes): the mean of each utterance's windows."""
    pieces = [(i, w) for i, s in enumerate(samples) for w in windows(s, LONGEST_WINDOW)]
    owners = np.array([i for i, _ in pieces], dtype=np.int64)
    logits = _window_logits(network, [window for _, window in pieces], device, batch_frames)
    total = np.zeros((len(samples), logits.shape[1]), dtype=np.float32)
    np.add.at(total, owners, logits)
    counts = np.bincount(owners, minlength=len(samples)).astype(np.float32)
    return total / counts[:, None]


def _window_logits(
    network: "VoiceNetwork",
    pieces: Sequence[Samples],
    device: "torch.device",
    batch_frames: int,
) -> NDArray[np.float32]:
    import torch

    from models.audio.network import pad_frames

    logits = np.zeros((len(pieces), network.head.out_features), dtype=np.float32)
    heard = [i for i, piece in enumerate(pieces) if not has_no_voice(piece)]
    lengths = [len(pieces[i]) * FRAMES_PER_SECOND // 16_000 for i in heard]
    with torch.inference_mode(), half_precision(device):
        for batch in batches_by_length(lengths, batch_frames):
            rows = [heard[i] for i in batch]
            mels = [log_mel(normalise_loudness(pieces[i])) for i in rows]
            # Padded to whole seconds: few shapes, so that kernels are compiled once.
            mel, n_frames = pad_frames(mels, FRAMES_PER_SECOND)
            logits[rows] = network(mel.to(device), n_frames.to(device)).float().cpu().numpy()
    return logits


def softmax(logits: NDArray[np.float32]) -> Scores:
    """Turn logits (n, classes) into probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Scores = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities
