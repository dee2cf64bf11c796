"""Judge a text by its meaning: Google's multilingual sentence encoder and a small head of ours.

Yang et al. 2020, "Multilingual Universal Sentence Encoder for Semantic Retrieval": one encoder
puts what sentences of 16 languages mean into 512 numbers. The networks beside it learned their
words from the texts of a few corpora; it has read the web, and knows words that those never had.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import file_digest, load_weights
from models.network_store import find_network
from models.networks import NETWORKS
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.values import Json

if TYPE_CHECKING:
    import torch

NETWORK = "use-multilingual"
"""The encoder's name in the table of networks."""

DIMENSION = 512

_CONVOLUTIONS = ((2, 0), (3, 1), (5, 2))
"""Subwords that each of the three convolutions sees at once, and how many of them before."""

_BATCH = 64
_LONGEST = 256
"""Most subwords of a text; what is longer is cut."""

_LEAST = 1e-4
"""No class is less likely than that."""


class SentenceEncoder:
    """Texts to unit vectors of shape (512,).

    `folder` holds the files of `use-multilingual`, their hashes checked: `sp.model`, the subwords
    (SentencePiece), and `weights.npz`. Its embeddings of 128,000 subwords stay in 8 bits, 65 MB.
    """

    def __init__(self, folder: Path) -> None:
        import torch
        from sentencepiece import SentencePieceProcessor

        self._subwords = SentencePieceProcessor(model_file=str(folder / "sp.model"))
        with np.load(folder / "weights.npz", allow_pickle=False) as file:
            parts = {name: file[name] for name in file.files}
        # Subword n lies in part n % 17 + 1, each part quantized with a scale and a lowest value.
        self._parts = len(parts["scale"])
        quantized = [parts.pop(f"q{part + 1}") for part in range(self._parts)]
        self._embeddings = torch.from_numpy(np.stack(quantized, axis=1)).flatten(0, 1)
        for name in ("proj", "proj_b", "ln_g", "ln_b"):  # one matrix for the three convolutions
            of_each = [parts[f"{name}{order}"] for order, _ in _CONVOLUTIONS]
            parts[f"{name}_all"] = np.concatenate(of_each, axis=-1)
        self._weights = {name: torch.from_numpy(np.asarray(v)) for name, v in parts.items()}

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts, each alone: (len(texts), 512), computed in batches of like length."""
        import torch

        coded = [
            self._subwords.encode(text, add_bos=True, add_eos=True)[:_LONGEST] for text in texts
        ]
        found = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda row: len(coded[row]))
        for first in range(0, len(order), _BATCH):
            rows = order[first : first + _BATCH]
            with torch.inference_mode():
                found[rows] = self._embed([coded[row] for row in rows]).numpy()
        return found

    def _embed(self, coded: Sequence[Sequence[int]]) -> "torch.Tensor":
        import torch
        from torch.nn.functional import normalize

        own = self._weights
        longest = max(map(len, coded))
        tokens = torch.tensor([[*ids, *[0] * (longest - len(ids))] for ids in coded])
        sizes = torch.tensor([[len(ids)] for ids in coded])
        there = (torch.arange(longest) < sizes)[..., None].float()
        part = tokens % self._parts
        words = self._embeddings[tokens] * own["scale"][part][..., None]
        words = (words + own["lo"][part][..., None]) * there
        features = torch.cat([words, *self._convolved(words, there)], dim=2)
        features = _normed(features, own["ln_g"], own["ln_b"], own["eps"]) * there
        summed = features.sum(dim=1) @ own["cnn_W"] + sizes * own["cnn_b"]
        meaning = summed / sizes.sqrt()
        first = (meaning @ own["p1"] + (meaning @ own["d0"]).relu() @ own["d1"]).relu()
        last = first @ own["p3"] + (first @ own["d2"]).relu() @ own["d3"]
        return normalize(last.tanh(), dim=1)

    def _convolved(self, words: "torch.Tensor", there: "torch.Tensor") -> Iterator["torch.Tensor"]:
        """Yield what each convolution makes of neighbouring subwords, (texts, subwords, 256)."""
        own = self._weights
        seen = words @ own["proj_all"] + own["proj_b_all"]
        seen = _normed(seen, own["ln_g_all"], own["ln_b_all"], own["eps"]) * there
        parts = seen.chunk(len(_CONVOLUTIONS), dim=2)
        for (order, before), rows in zip(_CONVOLUTIONS, parts, strict=True):
            made = rows
            for layer in ("1", "2"):
                windows = _windows(made, order, before)
                change = windows @ own[f"w{layer}_{order}"] + own[f"b{layer}_{order}"]
                made = (change.relu() + made) * there
            yield made


def _windows(rows: "torch.Tensor", order: int, before: int) -> "torch.Tensor":
    """Put the rows around each row side by side: (texts, n, order * width), zeros outside."""
    import torch
    from torch.nn.functional import pad

    padded = pad(rows, (0, 0, before, order - 1 - before))
    length = rows.shape[1]
    return torch.cat([padded[:, shift : shift + length] for shift in range(order)], dim=2)


def _normed(
    rows: "torch.Tensor", gain: "torch.Tensor", offset: "torch.Tensor", least: "torch.Tensor"
) -> "torch.Tensor":
    """Return rows of mean 0 and variance 1, scaled and moved (layer normalisation)."""
    from torch.nn.functional import layer_norm

    return layer_norm(rows, rows.shape[-1:], gain, offset, float(least))


class SentenceHead:
    """Class probabilities from what a sentence means: one hidden layer, for all languages.

    The file tells how much its log-probabilities count by language (`shares`) beside the logits
    of the networks and of the linear models, and the temperature and offsets of their sum
    (`calibration`). Raises `WeightsError` where the file is damaged or holds something else, or
    where the encoder is missing.
    """

    def __init__(self, path: Path, weights: WeightSettings) -> None:
        self._state, config = load_weights(path)
        if "shares" not in config or tuple(config.get("classes", ())) != EMOTIONS:
            raise WeightsError(f"{path} holds no head for sentences; train the words anew.")
        self.shares: dict[str, float] = config["shares"]
        self.calibration: dict[str, Json] = config["calibration"]
        self.languages = tuple(self.shares)
        self.digest = file_digest(path) + NETWORKS[NETWORK].digest
        self._folder = find_network(NETWORK, weights)

    @functools.cached_property
    def encoder(self) -> SentenceEncoder:
        """The encoder, read when the first text comes."""
        return SentenceEncoder(self._folder)

    def log_probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return log-probabilities (n, 7), none under that of `_LEAST`."""
        import torch

        rows = torch.from_numpy(self.encoder.encode(texts))
        logs = torch.log_softmax(head_logits(self._state, rows), dim=1)
        found: NDArray[np.float32] = np.maximum(logs.numpy(), np.log(_LEAST)).astype(np.float32)
        return found


SCALE = 8.0
"""Embeddings are short for a network that starts anew: their numbers are times this."""


def head_logits(
    state: "Mapping[str, torch.Tensor]",
    rows: "torch.Tensor",
    between: "Callable[[torch.Tensor], torch.Tensor]" = lambda hidden: hidden,
) -> "torch.Tensor":
    """Logits (n, 7) of embeddings (n, 512); `between` is done to the hidden layer in training."""
    hidden = (SCALE * rows @ state["hidden.weight"].T + state["hidden.bias"]).relu()
    logits: torch.Tensor = between(hidden) @ state["out.weight"].T + state["out.bias"]
    return logits
