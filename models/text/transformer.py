"""Any text classifier of transformers as the word branch."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import file_digest
from models.precision import choose_device, half_precision
from models.protocols import Scores, TextSample
from models.text.cleaning import clean
from schemas.emotions import EMOTIONS, Emotion
from schemas.errors import WeightsError
from schemas.settings import WeightSettings

_SYNONYMS: dict[Emotion, str] = {
    "neutral": "neutral neutrality calm no_emotion none",
    "happy": "happy happiness joy joyful hap admiration amusement approval caring desire "
    "excitement gratitude love optimism pride relief",
    "sad": "sad sadness disappointment embarrassment grief remorse",
    "angry": "angry anger ang mad annoyance disapproval frustration",
    "fearful": "fearful fear fea scared nervousness worry",
    "disgust": "disgust disgusted dis",
    "surprised": "surprised surprise sur confusion curiosity realization",
}

CLASS_NAMES: dict[str, Emotion] = {
    name: emotion for emotion, names in _SYNONYMS.items() for name in names.split()
}
"""What checkpoints call the seven classes; GoEmotions' 27 are grouped as its authors do.

Other names (others, anticipation, trust, pessimism) are left out.
"""

_LONGEST = 256
_MULTILINGUAL = {"xlm-roberta", "xlm", "mt5", "mbart"}


class TransformerTextBranch:
    """Judges by the checkpoint that `weights.text` names: a folder, or a name in the hub's cache.

    Nothing is downloaded unless `weights.allow_hub` says so. The scores are the checkpoint's own,
    summed into the seven classes; they are as calibrated as the checkpoint is. Raises
    `WeightsError` where it is missing, has no trained classifier, or knows none of the classes.
    """

    name = "transformer"

    def __init__(self, weights: WeightSettings) -> None:
        if not weights.text:
            raise WeightsError(
                "The text branch transformer needs a checkpoint: set weights.text to its folder."
            )
        self._model, self._tokenizer = _load(weights.text, offline=not weights.allow_hub)
        config = self._model.config
        self._classes = class_matrix(config.id2label, weights.text)
        self._many_at_once = config.problem_type == "multi_label_classification"
        self._device = choose_device(weights.device)
        self._model.to(self._device).eval()
        self._batch_size = weights.batch_size
        self.languages = _languages(config)
        self.digest = _digest(weights.text)

    def score(self, samples: Sequence[TextSample]) -> Scores:
        """Judge texts of any length (the first 256 tokens are read); the context is unused.

        NaN where there are no words.
        """
        texts = [clean(sample.text) for sample in samples]
        scores = np.full((len(samples), len(EMOTIONS)), np.nan, dtype=np.float32)
        worded = [row for row, text in enumerate(texts) if text]
        worded.sort(key=lambda row: len(texts[row]))
        for start in range(0, len(worded), self._batch_size):
            rows = worded[start : start + self._batch_size]
            own = self._probabilities([texts[row] for row in rows]) @ self._classes
            scores[rows] = own / own.sum(axis=1, keepdims=True)
        return scores

    def _probabilities(self, texts: list[str]) -> NDArray[np.float32]:
        """The checkpoint's probabilities; those of a multi-label one are its shares."""
        import torch

        inputs = self._tokenizer(
            texts, padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt"
        ).to(self._device)
        with torch.inference_mode(), half_precision(self._device):
            logits = self._model(**inputs).logits.float()
        found = logits.sigmoid() if self._many_at_once else logits.softmax(dim=1)
        probabilities: NDArray[np.float32] = found.cpu().numpy()
        return probabilities


def _load(source: str, *, offline: bool) -> tuple[Any, Any]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    try:
        model, found = AutoModelForSequenceClassification.from_pretrained(
            source, local_files_only=offline, output_loading_info=True
        )
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=offline)
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(
            f"The text checkpoint {source} cannot be loaded: give a folder of transformers' "
            f"sequence classifier in weights.text, or set weights.allow_hub."
        ) from error
    # a bare encoder loads with a random classifier and then judges at random
    if found["missing_keys"]:
        missing = sorted(found["missing_keys"])[0]
        raise WeightsError(f"The text checkpoint {source} lacks {missing}; use another one.")
    return model, tokenizer


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
        raise WeightsError(f"The text checkpoint {source} names no emotions of ours: {known}.")
    return matrix


def _languages(config: Any) -> frozenset[str] | None:
    """What the checkpoint's configuration says of its languages; multilingual encoders know many.

    An encoder that says nothing is taken to be English, as nearly all emotion classifiers are.
    """
    said = getattr(config, "languages", None) or getattr(config, "language", None)
    if said:
        return frozenset([said] if isinstance(said, str) else said)
    return None if config.model_type in _MULTILINGUAL else frozenset({"en"})


def _digest(source: str) -> str:
    folder = Path(source)
    if not folder.is_dir():
        return hashlib.sha256(source.encode()).hexdigest()[:12]
    files = sorted(f for f in folder.iterdir() if f.suffix in {".safetensors", ".bin", ".json"})
    return hashlib.sha256("".join(map(file_digest, files)).encode()).hexdigest()[:12]
