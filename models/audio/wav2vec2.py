"""Run any audio classifier of transformers (wav2vec 2.0, HuBERT, WavLM) as the audio branch."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.audio.sound import batches_by_length, has_no_voice, normalise_loudness, windows
from models.hub_classifier import class_matrix, load_classifier, source_digest
from models.precision import choose_device
from models.protocols import Baseline, Samples, Scores
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.values import SAMPLE_RATE, Seconds

LONGEST_WINDOW: Seconds = 10.0
_BATCH_SECONDS: Seconds = 4.0


class Wav2Vec2Branch:
    """Judges by the checkpoint that `weights.audio` names: a folder, or a name in the hub's cache.

    Nothing is downloaded unless `weights.allow_hub` says so. The scores are the checkpoint's own,
    summed into the seven classes; they are as calibrated as the checkpoint is. Raises
    `WeightsError` where it is missing, has no trained classifier, or knows none of the classes.
    """

    name = "wav2vec2"
    baseline: Baseline | None = None
    languages: frozenset[str] | None = None

    def __init__(self, weights: WeightSettings) -> None:
        if not weights.audio:
            raise WeightsError(
                "The audio branch wav2vec2 needs a checkpoint: set weights.audio to its folder."
            )
        from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

        self._model, self._extractor = load_classifier(
            "audio",
            AutoModelForAudioClassification,
            AutoFeatureExtractor,
            weights.audio,
            offline=not weights.allow_hub,
        )
        self._classes = class_matrix("audio", self._model.config.id2label, weights.audio)
        self._device = choose_device(weights.device)
        self._model.to(self._device).eval()
        # wav2vec 2.0 base was trained without a mask: padding would be heard, so nothing is padded
        masked = self._extractor.return_attention_mask
        most = int(weights.batch_size * _BATCH_SECONDS * SAMPLE_RATE)
        self._batch_samples = most if masked else 1
        self.digest = source_digest(weights.audio)

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
