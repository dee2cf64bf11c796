"""Run a trained architecture of the table as a branch."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.architectures.classes import emotion_matrix, without_emotion
from models.architectures.table import build
from models.audio.embedded import LONGEST_WINDOW, EmbeddedAudioBranch
from models.audio.sound import has_no_voice, windows
from models.checkpoint import file_digest, load_weights
from models.precision import choose_device, half_precision
from models.protocols import Baseline, EmotionBranch, Scores
from models.scores import softmax
from models.text.embedded import EmbeddedTextBranch
from models.video.embedded import EmbeddedVideoBranch
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.values import Json

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from models.architectures.network import Features, TrainableNetwork


class TrainedBranch:
    """Judges by a `.safetensors` file whose header names an architecture of the table.

    `classes` are those that the header names. Raises `WeightsError` where the file, or what lies
    beside it, is missing or does not fit.
    """

    name = "embedded"
    baseline: Baseline | None = None

    def __init__(self, branch: str, path: Path, weights: WeightSettings) -> None:
        self._branch = branch
        self._network, config = load_trained(branch, path)
        self.classes = tuple(config["classes"])
        self._emotions = emotion_matrix(self.classes)
        self._temperature = float(config["temperature"])
        self._device = choose_device(weights.device)
        self._network.to(self._device)
        self._batch_size = weights.batch_size
        self.unseen_speakers = frozenset(config.get("calibration_speakers", ()))
        self.languages = self._network.languages
        self.digest = file_digest(path)

    def score(self, samples: Sequence[Any]) -> Scores:
        """Judge samples of the branch's own kind as the seven emotions: (n, 7).

        Each class counts for its emotion; emotions without a class get nought. Where nothing can
        be judged a voice gets even scores, a face and a text NaN.
        """
        scores: Scores = self.score_classes(samples) @ self._emotions
        empty = [row for row, sample in enumerate(samples) if not pieces_of(self._branch, sample)]
        if self._branch == "audio":
            scores[empty] = 1 / len(EMOTIONS)
        return scores

    def score_classes(self, samples: Sequence[Any]) -> Scores:
        """Probabilities (n, classes) of the classes of the file; long sounds in windows.

        The windows are averaged. Where nothing can be judged a voice gets even scores, a face and
        a text NaN.
        """
        pieces = [
            (row, piece)
            for row, sample in enumerate(samples)
            for piece in pieces_of(self._branch, sample)
        ]
        logits = np.zeros((len(samples), len(self.classes)), dtype=np.float32)
        if pieces:
            features = [self._network.prepare(piece) for _, piece in pieces]
            found = judge(self._network, features, self._device, self._batch_size)
            owners = np.array([row for row, _ in pieces])
            np.add.at(logits, owners, found)
            counts = np.bincount(owners, minlength=len(samples))
            logits /= np.maximum(counts, 1)[:, None].astype(np.float32)
            if self._branch != "audio":
                logits[counts == 0] = np.nan
        elif self._branch != "audio":
            logits[:] = np.nan
        return softmax(logits / np.float32(self._temperature))

    def untouched_encoder(self) -> dict[str, "Tensor"] | None:
        """None: these weights were trained on the speakers of their corpora."""
        return None


def pieces_of(branch: str, sample: Any) -> list[Any]:
    """Return the parts of a sample that can be judged: windows of a voice, a face, a text."""
    if branch == "audio":
        return [piece for piece in windows(sample, LONGEST_WINDOW) if not has_no_voice(piece)]
    there = len(sample.crops) > 0 if branch == "video" else any(map(str.isalnum, sample.text))
    return [sample] if there else []


def judge(
    network: "TrainableNetwork",
    features: Sequence["Features"],
    device: "torch.device",
    batch_size: int = 16,
) -> NDArray[np.float32]:
    """Uncalibrated logits (len(features), classes); samples of like length go together."""
    import torch

    from models.architectures.network import length_of, moved, pad

    network.eval()
    logits = np.zeros((len(features), network.head.out_features), dtype=np.float32)
    order = sorted(range(len(features)), key=lambda row: length_of(features[row]))
    with torch.inference_mode(), half_precision(device):
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            padded, lengths = pad([features[row] for row in rows])
            found = network(moved(padded, device), moved(lengths, device))
            logits[rows] = found.float().cpu().numpy()
    return logits


def load_trained(branch: str, path: Path) -> tuple["TrainableNetwork", Json]:
    """Build the network that a file's header names, with its weights, and the header."""
    state, config = read_trained(branch, path)
    network = build(
        branch,
        config["architecture"],
        config.get("parameters"),
        len(config["classes"]),
        config.get("encoder"),
    )
    try:
        network.take_companions(
            {
                suffix: path.with_suffix(suffix).read_text(encoding="utf-8")
                for suffix in config.get("companions", ())
            }
        )
    except OSError as error:
        raise WeightsError(f"{error.filename} is missing beside {path}; train it anew.") from error
    take_state(network, state, path, config["architecture"])
    return network, config


def read_trained(branch: str, path: Path) -> tuple[dict[str, "Tensor"], Json]:
    """Read the weights of an architecture and the header; `WeightsError` for another branch's."""
    state, config = load_weights(path)
    if config.get("branch") != branch or len(config.get("classes", ())) < 2:
        raise WeightsError(f"{path} holds no {branch} network with its classes; train it anew.")
    return state, config


def take_state(
    network: "nn.Module", state: Mapping[str, "Tensor"], path: Path, architecture: str
) -> None:
    """Give a network its weights, ready to judge; `WeightsError` where they do not fit."""
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit {architecture}; train it anew.") from error
    network.eval()


def architecture_of(path: Path) -> str | None:
    """Return the architecture that a file's header names; None without one."""
    named = header_of(path).get("architecture")
    return named if isinstance(named, str) else None


def classes_of(path: Path) -> tuple[str, ...]:
    """Return the classes of an architecture's file; the seven for any other file."""
    config = header_of(path)
    return tuple(config.get("classes", ())) if "architecture" in config else EMOTIONS


def header_of(path: Path) -> Json:
    """Return how a file of weights was made; empty where it cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            found: Json = json.loads((file.metadata() or {}).get("config", "{}"))
            return found
    except (OSError, SafetensorError, ValueError):
        return {}  # the branch that opens the file says what is wrong with it


def _own_file(source: str) -> Path | None:
    path = Path(source)
    return path if path.suffix == ".safetensors" and architecture_of(path) else None


def _annotating(branch: str, path: Path, weights: WeightSettings) -> TrainedBranch:
    """Open a file to annotate; `WeightsError` where one of its classes is near no emotion."""
    opened = TrainedBranch(branch, path, weights)
    if others := without_emotion(opened.classes):
        raise WeightsError(
            f"{path} cannot annotate: it tells {', '.join(opened.classes)} apart, and "
            f"{others[0]} is near none of the seven emotions; it can be evaluated with --weights."
        )
    return opened


def open_audio(weights: WeightSettings) -> "EmotionBranch[Any]":
    """Return the audio branch of the file that the settings name, else the one that ships."""
    path = _own_file(weights.audio)
    return _annotating("audio", path, weights) if path else EmbeddedAudioBranch(weights)


def open_video(weights: WeightSettings) -> "EmotionBranch[Any]":
    """Return the video branch of the file that the settings name, else the one that ships."""
    path = _own_file(weights.video)
    return _annotating("video", path, weights) if path else EmbeddedVideoBranch(weights)


def open_text(weights: WeightSettings) -> "EmotionBranch[Any]":
    """Return the text branch of the file that the settings name, else the one that ships."""
    path = _own_file(weights.text)
    return _annotating("text", path, weights) if path else EmbeddedTextBranch(weights)
