"""The shipped text branch: small fine-tuned encoders.

One network judges English, another German, French, Italian and Spanish; the utterance's
language chooses.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import file_digest, load_weights, refusing_other_networks, shipped
from models.network_store import is_there
from models.precision import choose_device, half_precision
from models.protocols import Baseline, Scores, TextSample
from models.scores import softmax
from models.text.cleaning import clean
from models.text.sentences import NETWORK, SentenceHead
from models.text.wording import Wording
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.values import Json, base_language

if TYPE_CHECKING:
    import torch

    from models.text.context import CodedText
    from models.text.network import TextEmotionNetwork

TOKENIZER_SUFFIX = ".tokenizer.json"
"""The tokenizer lies beside its weights: `text.safetensors`, `text.tokenizer.json`."""

MULTILINGUAL_SUFFIX = ".multilingual.safetensors"
"""So does the network of the other languages: `text.multilingual.safetensors`."""

WORDING_SUFFIX = ".wording.safetensors"
"""And the linear models that are added to both: `text.wording.safetensors`."""

SENTENCES_SUFFIX = ".sentences.safetensors"
"""And the head over what sentences mean, added last: `text.sentences.safetensors`."""


class EmbeddedTextBranch:
    """Scores emotion from the words of an utterance and of those just before it.

    Calibrated per language on texts not trained on. Weights: `models/weights/text.safetensors`,
    or the `.safetensors` file that the settings name, its tokenizer beside it, and beside them
    the network of other languages, the linear models of `models/text/wording.py` and the head of
    `models/text/sentences.py`, where there are some. The head needs `use-multilingual` and is
    left out where that was not to be had. Raises `WeightsError` where the weights or a tokenizer
    are missing.
    """

    name = "embedded"
    baseline: Baseline | None = None

    def __init__(self, weights: WeightSettings) -> None:
        own = weights.text.endswith(".safetensors")
        path = Path(weights.text) if own else shipped("text")
        other = path.with_suffix(MULTILINGUAL_SUFFIX)
        paths = [path, other] if other.is_file() else [path]
        readers = [WordReader(path, weights) for path in paths]
        self._readers = {language: r for r in reversed(readers) for language in r.languages}
        self._fallback = readers[0]
        self.languages: frozenset[str] | None = frozenset(self._readers)
        linear = path.with_suffix(WORDING_SUFFIX)
        self._wording = Wording(linear) if linear.is_file() else None
        paths += [linear] if self._wording else []
        digests = [file_digest(path) for path in paths]
        head = path.with_suffix(SENTENCES_SUFFIX)
        self._sentences = (
            SentenceHead(head, weights) if head.is_file() and is_there(NETWORK, weights) else None
        )
        digests += [self._sentences.digest] if self._sentences else []
        self.digest = (
            digests[0]
            if len(digests) == 1
            else hashlib.sha256("".join(digests).encode()).hexdigest()[:12]
        )

    def score(self, samples: Sequence[TextSample]) -> Scores:
        """Judge texts of any length (the first 128 tokens) and up to two utterances before each.

        NaN where there are no words, or they are in a language of none of the networks; where
        the language is not known, the first network judges.
        """
        scores = np.full((len(samples), len(EMOTIONS)), np.nan, dtype=np.float32)
        rows_of: dict[WordReader, list[int]] = {}
        for row, sample in enumerate(samples):
            reader = self._reader(sample.language)
            if reader is not None and any(c.isalnum() for c in sample.text):
                rows_of.setdefault(reader, []).append(row)
        for reader, rows in rows_of.items():
            own = [samples[row] for row in rows]
            scores[rows] = reader.score(own, self._wording, self._sentences)
        return scores

    def logits(self, samples: Sequence[TextSample], language: str) -> NDArray[np.float32]:
        """Return what the network of a language alone says, uncalibrated: (n, 7)."""
        return self._readers[language].logits(samples)

    def worded_logits(self, samples: Sequence[TextSample], language: str) -> NDArray[np.float32]:
        """Return the same with what the linear model of that language adds, if there is one."""
        logits = self.logits(samples, language)
        if self._wording and language in self._wording.languages:
            texts = [clean(sample.text) for sample in samples]
            logits += self._wording.share * self._wording.log_probabilities(texts, language)
        return logits

    def _reader(self, language: str | None) -> "WordReader | None":
        if not language:
            return self._fallback
        return self._readers.get(base_language(language) or "")


class WordReader:
    """One network with its tokenizer and its calibration, for some languages."""

    def __init__(self, path: Path, weights: WeightSettings) -> None:
        from models.text.context import SEGMENTS
        from models.text.network import read_tokenizer

        self._network, config = load_text_network(path)
        shape = self._network.shape
        self._tokenizer = read_tokenizer(path.with_suffix(TOKENIZER_SUFFIX), shape.longest)
        self._with_context = shape.segments >= SEGMENTS
        self._calibration: dict[str, Json] = config["calibration"]
        self.languages = tuple(self._calibration)
        self._device = choose_device(weights.device)
        self._network.to(self._device)
        self._batch_size = weights.batch_size

    def logits(self, samples: Sequence[TextSample]) -> NDArray[np.float32]:
        """Uncalibrated logits (len(samples), 7) of texts with words."""
        from models.text.context import encode

        coded = encode(self._tokenizer, samples, self._with_context)
        return coded_logits(self._network, coded, self._device, self._batch_size)

    def score(
        self,
        samples: Sequence[TextSample],
        wording: Wording | None = None,
        sentences: SentenceHead | None = None,
    ) -> Scores:
        """Calibrated probabilities (len(samples), 7) of texts with words.

        What the linear models and the head over sentences say is added, in this order, where
        they know the language; who was added last is calibrated with all before.
        """
        logits = self.logits(samples)
        known = [base_language(sample.language) for sample in samples]
        languages = [own if own in self._calibration else self.languages[0] for own in known]
        calibration = dict(self._calibration)
        for language in set(languages):
            rows = [row for row, own in enumerate(languages) if own == language]
            texts = [clean(samples[row].text) for row in rows]
            if wording and language in wording.languages:
                logits[rows] += wording.share * wording.log_probabilities(texts, language)
                calibration[language] = wording.calibration[language]
            if sentences and language in sentences.languages:
                share = sentences.shares[language]
                logits[rows] += share * sentences.log_probabilities(texts)
                calibration[language] = sentences.calibration[language]
        fits = [calibration[language] for language in languages]
        temperatures = np.array([fit["temperature"] for fit in fits], dtype=np.float32)
        offsets = np.array([fit["offsets"] for fit in fits], dtype=np.float32)
        return softmax(logits / temperatures[:, None] + offsets)


def load_text_network(path: Path) -> tuple["TextEmotionNetwork", Json]:
    """Load a text network for judging, and its configuration."""
    from models.text.bert import TextEmotionNetworkShape
    from models.text.network import TextEmotionNetwork

    state, config = load_weights(path)
    if tuple(config.get("classes", ())) != EMOTIONS or "calibration" not in config:
        raise WeightsError(f"{path} holds no text network of tonescribe; train it anew.")
    with refusing_other_networks(path, "word"):
        network = TextEmotionNetwork(TextEmotionNetworkShape(**config["shape"]))
        network.load_state_dict(state)
    return network.eval(), config


def coded_logits(
    network: "TextEmotionNetwork",
    texts: "Sequence[CodedText]",
    device: "torch.device",
    batch_size: int = 64,
) -> NDArray[np.float32]:
    """Return uncalibrated logits (len(texts), classes), computed in batches of like length."""
    import torch

    from models.text.context import pad

    logits = np.zeros((len(texts), network.shape.classes), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda row: len(texts[row].tokens))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        tokens, segments, present = (part.to(device) for part in pad([texts[r] for r in rows]))
        with torch.inference_mode(), half_precision(device):
            found = network(tokens, segments, present)
        logits[rows] = found.float().cpu().numpy()
    return logits
