"""The word branch that comes with tonescribe: a small encoder fine-tuned here, for English."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import file_digest, load_weights, shipped
from models.precision import choose_device, half_precision
from models.protocols import Scores, TextSample
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings

if TYPE_CHECKING:
    import torch

    from models.text.network import WordNetwork

TOKENIZER_SUFFIX = ".tokenizer.json"
"""The tokenizer lies beside its weights: `text.safetensors`, `text.tokenizer.json`."""

_TYPOGRAPHY = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "…": "..."})


class EmbeddedTextBranch:
    """Judges emotion from the words of an utterance alone; calibrated on texts not trained on.

    Weights: `models/weights/text.safetensors`, or the `.safetensors` file that the settings
    name, with its tokenizer beside it. Raises `WeightsError` where they are missing.
    """

    name = "embedded"
    languages: frozenset[str] | None = frozenset({"en"})

    def __init__(self, weights: WeightSettings) -> None:
        from models.text.network import read_tokenizer

        own = weights.text.endswith(".safetensors")
        path = Path(weights.text) if own else shipped("text")
        self._network, config = load_word_network(path)
        self._tokenizer = read_tokenizer(
            path.with_suffix(TOKENIZER_SUFFIX), self._network.shape.longest
        )
        self._temperature = float(config["temperature"])
        self._device = choose_device(weights.device)
        self._network.to(self._device)
        self._batch_size = weights.batch_size
        self.digest = file_digest(path)

    def score(self, samples: Sequence[TextSample]) -> Scores:
        """Judge texts of any length (only the first 128 tokens are read); the context is unused.

        NaN where there are no words.
        """
        texts = [clean(sample.text) for sample in samples]
        coded = [code.ids for code in self._tokenizer.encode_batch(texts)]
        scores = np.full((len(samples), len(EMOTIONS)), np.nan, dtype=np.float32)
        worded = [row for row, text in enumerate(texts) if any(c.isalnum() for c in text)]
        worded.sort(key=lambda row: len(coded[row]))
        for start in range(0, len(worded), self._batch_size):
            rows = worded[start : start + self._batch_size]
            logits = word_logits(self._network, [coded[row] for row in rows], self._device)
            scores[rows] = _softmax(logits / self._temperature)
        return scores


def clean(text: str) -> str:
    """Even out white space and typographic quotes."""
    return " ".join(text.translate(_TYPOGRAPHY).split())


def load_word_network(path: Path) -> tuple["WordNetwork", dict[str, Any]]:
    """Load a word network for judging, and its configuration."""
    from models.text.network import WordNetwork, WordNetworkShape

    state, config = load_weights(path)
    if tuple(config.get("classes", ())) != EMOTIONS:
        raise WeightsError(f"{path} holds no word network of tonescribe; train it anew.")
    network = WordNetwork(WordNetworkShape(**config["shape"]))
    network.load_state_dict(state)
    return network.eval(), config


def word_logits(
    network: "WordNetwork", texts: Sequence[Sequence[int]], device: "torch.device"
) -> NDArray[np.float32]:
    """Return uncalibrated logits (len(texts), classes) of one batch of tokenised texts."""
    import torch

    from models.text.network import pad

    tokens, present = pad(texts)
    with torch.inference_mode(), half_precision(device):
        logits = network(tokens.to(device), present.to(device))
    values: NDArray[np.float32] = logits.float().cpu().numpy()
    return values


def _softmax(logits: NDArray[np.float32]) -> Scores:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Scores = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities
