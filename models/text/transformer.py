"""Run any text classifier of transformers as the text branch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.hub_classifier import class_matrix, load_classifier, source_digest
from models.precision import choose_device, half_precision
from models.protocols import Baseline, Scores, TextSample
from models.text.cleaning import clean
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings

_LONGEST = 256
_MULTILINGUAL = {"xlm-roberta", "xlm", "mt5", "mbart"}


class TransformerTextBranch:
    """Judges by the checkpoint that `weights.text` names: a folder, or a name in the hub's cache.

    Nothing is downloaded unless `weights.allow_hub` says so. The scores are the checkpoint's own,
    summed into the seven classes; they are as calibrated as the checkpoint is. Raises
    `WeightsError` where it is missing, has no trained classifier, or knows none of the classes.
    """

    name = "transformer"
    baseline: Baseline | None = None

    def __init__(self, weights: WeightSettings) -> None:
        if not weights.text:
            raise WeightsError(
                "The text branch transformer needs a checkpoint: set weights.text to its folder."
            )
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self._model, self._tokenizer = load_classifier(
            "text",
            AutoModelForSequenceClassification,
            AutoTokenizer,
            weights.text,
            offline=not weights.allow_hub,
        )
        config = self._model.config
        self._classes = class_matrix("text", config.id2label, weights.text)
        self._many_at_once = config.problem_type == "multi_label_classification"
        self._device = choose_device(weights.device)
        self._model.to(self._device).eval()
        self._batch_size = weights.batch_size
        self.languages = _languages(config)
        self.digest = source_digest(weights.text)

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
        """Return the checkpoint's probabilities; those of a multi-label one are its shares."""
        import torch

        inputs = self._tokenizer(
            texts, padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt"
        ).to(self._device)
        with torch.inference_mode(), half_precision(self._device):
            logits = self._model(**inputs).logits.float()
        found = logits.sigmoid() if self._many_at_once else logits.softmax(dim=1)
        probabilities: NDArray[np.float32] = found.cpu().numpy()
        return probabilities


def _languages(config: Any) -> frozenset[str] | None:
    """Return the checkpoint's languages by its configuration; multilingual encoders know many.

    An encoder that says nothing is taken to be English, as nearly all emotion classifiers are.
    """
    said = getattr(config, "languages", None) or getattr(config, "language", None)
    if said:
        return frozenset([said] if isinstance(said, str) else said)
    return None if config.model_type in _MULTILINGUAL else frozenset({"en"})
