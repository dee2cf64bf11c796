"""Any audio classifier of transformers (wav2vec 2.0, HuBERT, WavLM) as the voice branch."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.audio.sound import batches_by_length, has_no_voice, normalise_loudness, windows
from models.checkpoint import file_digest
from models.precision import choose_device
from models.protocols import Samples, Scores
from schemas.emotions import EMOTIONS, Emotion
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.values import SAMPLE_RATE, Seconds

LONGEST_WINDOW: Seconds = 10.0
_BATCH_SECONDS: Seconds = 4.0

CLASS_NAMES: dict[str, Emotion] = {
    "ang": "angry",
    "anger": "angry",
    "angry": "angry",
    "calm": "neutral",
    "neu": "neutral",
    "neutral": "neutral",
    "neutrality": "neutral",
    "hap": "happy",
    "happiness": "happy",
    "happy": "happy",
    "joy": "happy",
    "sad": "sad",
    "sadness": "sad",
    "fea": "fearful",
    "fear": "fearful",
    "fearful": "fearful",
    "dis": "disgust",
    "disgust": "disgust",
    "disgusted": "disgust",
    "sur": "surprised",
    "surprise": "surprised",
    "surprised": "surprised",
}
"""What checkpoints call the seven classes; other names (contempt, other) are left out."""


class Wav2Vec2Branch:
    """Judges by the checkpoint that `weights.audio` names: a folder, or a name in the hub's cache.

    Nothing is downloaded unless `weights.allow_hub` says so. The scores are the checkpoint's own,
    summed into the seven classes; they are as calibrated as the checkpoint is. Raises
    `WeightsError` where it is missing, has no trained classifier, or knows none of the classes.
    """

    name = "wav2vec2"
    languages: frozenset[str] | None = None

    def __init__(self, weights: WeightSettings) -> None:
        if not weights.audio:
            raise WeightsError(
                "The voice branch wav2vec2 needs a checkpoint: set weights.audio to its folder."
            )
        self._model, self._extractor = _load(weights.audio, offline=not weights.allow_hub)
        self._classes = class_matrix(self._model.config.id2label, weights.audio)
        self._device = choose_device(weights.device)
        self._model.to(self._device).eval()
        # wav2vec 2.0 base was trained without a mask: padding would be heard, so nothing is padded
        masked = self._extractor.return_attention_mask
        most = int(weights.batch_size * _BATCH_SECONDS * SAMPLE_RATE)
        self._batch_samples = most if masked else 1
        self.digest = _digest(weights.audio)

    def score(self, samples: Sequence[Samples]) -> Scores:
        """Judge utterances of any length; silence and steady noise get even scores."""
        pieces = [(i, w) for i, s in enumerate(samples) for w in windows(s, LONGEST_WINDOW)]
        owners = np.array([i for i, _ in pieces], dtype=np.int64)
        total = np.zeros((len(samples), len(EMOTIONS)), dtype=np.float32)
        np.add.at(total, owners, self._score_windows([window for _, window in pieces]))
        counts = np.bincount(owners, minlength=len(samples)).astype(np.float32)
        return total / counts[:, None]

    def _score_windows(self, pieces: Sequence[Samples]) -> Scores:
        import torch

        scores = np.full((len(pieces), len(EMOTIONS)), 1 / len(EMOTIONS), dtype=np.float32)
        heard = [i for i, piece in enumerate(pieces) if not has_no_voice(piece)]
        with torch.inference_mode():
            for batch in batches_by_length([len(pieces[i]) for i in heard], self._batch_samples):
                rows = [heard[i] for i in batch]
                own = self._probabilities([pieces[i] for i in rows]) @ self._classes
                scores[rows] = own / own.sum(axis=1, keepdims=True)
        return scores

    def _probabilities(self, pieces: Sequence[Samples]) -> NDArray[np.float32]:
        inputs = self._extractor(
            [normalise_loudness(piece) for piece in pieces],
            sampling_rate=SAMPLE_RATE,
            padding=True,
            return_tensors="pt",
        ).to(self._device)
        logits = self._model(**inputs).logits.float()
        probabilities: NDArray[np.float32] = logits.softmax(dim=1).cpu().numpy()
        return probabilities


def _load(source: str, *, offline: bool) -> tuple[Any, Any]:
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    try:
        model, found = AutoModelForAudioClassification.from_pretrained(
            source, local_files_only=offline, output_loading_info=True
        )
        extractor = AutoFeatureExtractor.from_pretrained(source, local_files_only=offline)
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(
            f"The voice checkpoint {source} cannot be loaded: give a folder of transformers' "
            f"audio classifier in weights.audio, or set weights.allow_hub."
        ) from error
    # a well-known checkpoint loads with a random classifier and then judges at random
    if untrained := [key for key in found["missing_keys"] if "masked_spec" not in key]:
        raise WeightsError(f"The voice checkpoint {source} lacks {untrained[0]}; use another one.")
    return model, extractor


def class_matrix(names: Mapping[int, str], source: str) -> NDArray[np.float32]:
    """Which of the seven classes each output of a checkpoint stands for: (outputs, 7) of 0 and 1.

    Raises `WeightsError` where fewer than two classes are known.
    """
    matrix = np.zeros((len(names), len(EMOTIONS)), dtype=np.float32)
    for output, name in names.items():
        if emotion := CLASS_NAMES.get(name.strip().lower()):
            matrix[int(output), EMOTIONS.index(emotion)] = 1.0
    if (matrix.sum(axis=0) > 0).sum() < 2:
        known = ", ".join(sorted(set(names.values())))
        raise WeightsError(f"The voice checkpoint {source} names no emotions of ours: {known}.")
    return matrix


def _digest(source: str) -> str:
    folder = Path(source)
    if not folder.is_dir():
        return hashlib.sha256(source.encode()).hexdigest()[:12]
    files = sorted(f for f in folder.iterdir() if f.suffix in {".safetensors", ".bin", ".json"})
    return hashlib.sha256("".join(map(file_digest, files)).encode()).hexdigest()[:12]
