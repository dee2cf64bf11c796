"""Judge a text by its wording alone: a linear model over words, pairs of words and their pieces.

A small network learns little of words that are rare in its training texts; a bag of words (TF-IDF:
Sparck Jones 1972, "A Statistical Interpretation of Term Specificity") does, and errs elsewhere. So
the log-probabilities of both are added. Features are hashed (Weinberger et al. 2009, "Feature
Hashing for Large Scale Multitask Learning"): no word of a training text is stored.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import file_digest, load_weights
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.values import Json

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

WORDS = CHARACTERS = 2**16
"""Features of words and of pieces of words."""

_LEAST = 1e-4
"""No class is less likely than that."""


class Wording:
    """The linear models of some languages, each (features, 7), as they lie in a file.

    `share` is how much a log-probability counts beside the network's logits, `calibration` the
    temperature and offsets of the sum by language. Raises `WeightsError` where the file is damaged
    or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._state, config = load_weights(path)
        if "share" not in config or tuple(config.get("classes", ())) != EMOTIONS:
            raise WeightsError(f"{path} holds no wordings; train the words anew.")
        self.share = float(config["share"])
        self.calibration: dict[str, Json] = config["calibration"]
        self.languages = tuple(self.calibration)
        self.digest = file_digest(path)

    def log_probabilities(self, texts: Sequence[str], language: str) -> NDArray[np.float32]:
        """Return log-probabilities (n, 7), none under that of `_LEAST`."""
        idf, weights, offsets = (
            self._state[f"{language}.{part}"].numpy() for part in ("idf", "weights", "offsets")
        )
        logits = weighed(features_of(texts), idf.ravel()) @ weights + offsets
        logits -= logits.max(axis=1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        found: NDArray[np.float32] = np.maximum(logs, np.log(_LEAST)).astype(np.float32)
        return found


def features_of(texts: Sequence[str]) -> "csr_matrix":
    """Return which features occur in each text, (n, WORDS + CHARACTERS) of 0 and 1."""
    from scipy.sparse import csr_matrix, hstack

    return csr_matrix(hstack([vectorizer.transform(texts) for vectorizer in _vectorizers()]))


def weighed(features: "csr_matrix", idf: NDArray[np.floating]) -> "csr_matrix":
    """Return features times how rare each is, every text of length 1."""
    from sklearn.preprocessing import normalize

    return normalize(features.multiply(idf[None]).tocsr())


@functools.cache
def _vectorizers() -> tuple[Any, ...]:
    from sklearn.feature_extraction.text import HashingVectorizer

    common = {"alternate_sign": False, "norm": None, "binary": True, "dtype": np.float32}
    return (
        HashingVectorizer(ngram_range=(1, 2), n_features=WORDS, **common),
        HashingVectorizer(analyzer="char_wb", ngram_range=(2, 5), n_features=CHARACTERS, **common),
    )
