"""The shipped video branch, on the CPU or a GPU."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.baseline import baseline_of
from models.checkpoint import file_digest, load_weights, refusing_other_networks, shipped
from models.precision import choose_device, half_precision
from models.protocols import FaceSequence, Scores
from models.scores import softmax
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.values import Json, Seconds

if TYPE_CHECKING:
    import torch

    from models.video.network import VideoEmotionNetwork


HALFWAY: Seconds = 8.0
"""Seconds of a face after which half of the difference to the reference is subtracted: that of the
voice, since no faces of one person over minutes are there to choose it on."""

_BLANK = 5.0
"""Gray levels; a crop whose deviation is less shows nothing. FER2013's flattest faces have 14."""


class EmbeddedVideoBranch:
    """Judges emotion from sequences of gray face crops; calibrated on faces not trained on.

    Weights: `models/weights/video.safetensors`, or the `.safetensors` file that the settings
    name. Raises `WeightsError` where they are missing or of another network.
    """

    name = "embedded"
    languages: frozenset[str] | None = None

    def __init__(self, weights: WeightSettings) -> None:
        own = weights.video.endswith(".safetensors")
        path = Path(weights.video) if own else shipped("video")
        self._network, config = load_video_network(path)
        self._temperature = float(config["temperature"])
        self.baseline = baseline_of(config, HALFWAY)
        self._device = choose_device(weights.device)
        self._network.to(self._device)
        self._batch_size = weights.batch_size
        self.digest = file_digest(path)

    def score(self, samples: Sequence[FaceSequence]) -> Scores:
        """Judge sequences of any length; NaN where there is no crop, even where all are blank.

        Crops may have any square size; long sequences are thinned evenly in time.
        """
        scores = np.full((len(samples), len(EMOTIONS)), np.nan, dtype=np.float32)
        scores[[len(sample.crops) > 0 for sample in samples]] = 1 / len(EMOTIONS)
        shown = [without_blanks(sample) for sample in samples]
        seen = [row for row, sample in enumerate(shown) if len(sample.crops)]
        seen.sort(key=lambda row: len(shown[row].crops))
        for start in range(0, len(seen), self._batch_size):
            rows = seen[start : start + self._batch_size]
            scores[rows] = self._score_batch([shown[row] for row in rows])
        return scores

    def _score_batch(self, samples: Sequence[FaceSequence]) -> Scores:
        logits = face_logits(self._network, samples, self._device) / self._temperature
        return softmax(logits)


def load_video_network(path: Path) -> tuple["VideoEmotionNetwork", Json]:
    """Load a video network for judging, and its configuration."""
    import torch

    from models.video.network import VideoEmotionNetwork, VideoEmotionNetworkShape
    from models.video.resnet import fold_norms

    state, config = load_weights(path)
    if tuple(config.get("classes", ())) != EMOTIONS:
        raise WeightsError(f"{path} holds no video network of tonescribe; train it anew.")
    with refusing_other_networks(path, "face"):
        network = VideoEmotionNetwork(VideoEmotionNetworkShape(**config["shape"]))
        network.load_state_dict(state)
    network.eval()
    fold_norms(network.encoder)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, config


def face_logits(
    network: "VideoEmotionNetwork", samples: Sequence[FaceSequence], device: "torch.device"
) -> NDArray[np.float32]:
    """Return uncalibrated logits (len(samples), classes) of one batch; none may be empty.

    The mean over the faces as they are and mirrored: an expression has no side.
    """
    import torch

    thinned = [thin(sample, network.shape.longest) for sample in samples]
    crops, times, present = pad_sequences(thinned, network.shape.crop)
    with torch.inference_mode(), half_precision(device):
        both = torch.cat([crops, crops.flip(-1)]).to(device)
        twice = times.repeat(2, 1).to(device), present.repeat(2, 1).to(device)
        logits = network(both, *twice).float().unflatten(0, (2, -1)).mean(dim=0)
    values: NDArray[np.float32] = logits.cpu().numpy()
    return values


def without_blanks(sample: FaceSequence) -> FaceSequence:
    """Leave out crops of a camera that is covered or a picture that froze to one gray."""
    kept = np.array([crop.std() >= _BLANK for crop in sample.crops], dtype=bool)
    return FaceSequence(sample.crops[kept], sample.times[kept])


def thin(sample: FaceSequence, longest: int) -> FaceSequence:
    """Keep at most `longest` crops, spread evenly over the sequence."""
    n = len(sample.crops)
    if n <= longest:
        return sample
    rows = np.linspace(0, n - 1, longest).round().astype(np.intp)
    return FaceSequence(sample.crops[rows], sample.times[rows])


def pad_sequences(
    samples: Sequence[FaceSequence], size: int
) -> tuple["torch.Tensor", "torch.Tensor", "torch.Tensor"]:
    """Stack sequences as crops (n, frames, size, size), times and presence (n, frames)."""
    import torch

    longest = max(len(sample.crops) for sample in samples)
    crops = np.zeros((len(samples), longest, size, size), dtype=np.uint8)
    times = np.zeros((len(samples), longest), dtype=np.float32)
    present = np.zeros((len(samples), longest), dtype=bool)
    for row, sample in enumerate(samples):
        n = len(sample.crops)
        crops[row, :n] = _resized(sample.crops, size)
        times[row, :n] = sample.times
        present[row, :n] = True
    return torch.from_numpy(crops), torch.from_numpy(times), torch.from_numpy(present)


def _resized(crops: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    if crops.shape[1:] == (size, size):
        return crops
    import cv2

    return np.stack(
        [cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA) for crop in crops]
    )
