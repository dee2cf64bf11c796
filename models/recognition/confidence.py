"""Estimate how likely each recognised word is right, by logistic regression on the decoder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError, model_validator

from models.recognition.decoder import DecodedWord
from schemas.errors import WeightsError
from schemas.values import Probability, Value

Numbers = NDArray[np.float64]

_NEAR = 4
"""Words before, among which one that is the same again counts as a repetition."""
_LEAST_SECONDS = 0.02


def _mean(words: Sequence[DecodedWord]) -> list[float]:
    return [float(np.mean(word.log_probabilities)) for word in words]


def _least(words: Sequence[DecodedWord]) -> list[float]:
    return [min(word.log_probabilities) for word in words]


def _tokens(words: Sequence[DecodedWord]) -> list[float]:
    """Count tokens: common words are one, words pieced together of many are rare or none."""
    return [float(len(word.log_probabilities)) for word in words]


def _of_segment(words: Sequence[DecodedWord]) -> list[float]:
    chances = [chance for word in words for chance in word.log_probabilities]
    return [float(np.mean(chances))] * len(words)


def _of_neighbours(words: Sequence[DecodedWord]) -> list[float]:
    own = _mean(words)
    return [float(np.mean(own[max(0, n - 1) : n + 2])) for n in range(len(own))]


def _pace(words: Sequence[DecodedWord]) -> list[float]:
    return [
        float(np.log(max(word.end - word.start, _LEAST_SECONDS) / _letters(word))) for word in words
    ]


def _length(words: Sequence[DecodedWord]) -> list[float]:
    return [float(np.log(_letters(word))) for word in words]


def _repeats(words: Sequence[DecodedWord]) -> list[float]:
    texts = [_bare(word) for word in words]
    return [float(text in texts[max(0, n - _NEAR) : n]) for n, text in enumerate(texts)]


def _letters(word: DecodedWord) -> int:
    return max(1, len(_bare(word)))


def _bare(word: DecodedWord) -> str:
    return "".join(filter(str.isalnum, word.text)).casefold()


def _unknown(words: Sequence[DecodedWord]) -> list[float]:
    """Tell whether a word is in no lexicon: a rare name, or no word."""
    return [float(not word.is_known) for word in words]


FEATURES: dict[str, Callable[[Sequence[DecodedWord]], list[float]]] = {
    "mean_log_probability": _mean,
    "least_log_probability": _least,
    "segment_log_probability": _of_segment,
    "neighbour_log_probability": _of_neighbours,
    "log_seconds_per_letter": _pace,
    "log_letters": _length,
    "repeats": _repeats,
    "tokens": _tokens,
    "unknown": _unknown,
}
"""What may be looked at, one number per word of a piece of sound; logarithms are natural.

`confidence.json` names those that count.
"""


def word_features(words: Sequence[DecodedWord], names: Sequence[str] = tuple(FEATURES)) -> Numbers:
    """Features of all words of one piece of sound, shape (len(words), len(names))."""
    if not words:
        return np.zeros((0, len(names)))
    return np.array([FEATURES[name](words) for name in names], dtype=np.float64).T


class Confidence(Value):
    """The content of `confidence.json`: a logistic regression over the features it names.

    Words under `threshold` are unsure. `ece` and `n_words` say how well it was calibrated, and on
    how many.
    """

    features: tuple[str, ...]
    weights: tuple[float, ...]
    bias: float
    threshold: Probability
    ece: Probability | None = None
    n_words: int | None = None

    @model_validator(mode="after")
    def _refuse_what_does_not_fit(self) -> Self:
        unknown = [name for name in self.features if name not in FEATURES]
        if unknown:
            raise ValueError(f"there is no feature {', '.join(unknown)}")
        if len(self.features) != len(self.weights):
            raise ValueError("there must be a weight for every feature")
        return self

    def scores(self, words: Sequence[DecodedWord]) -> Numbers:
        """Probability that each word of one piece of sound is right, shape (len(words),)."""
        sums = word_features(words, self.features) @ np.array(self.weights) + self.bias
        scores: Numbers = 1 / (1 + np.exp(-np.clip(sums, -50, 50)))
        return scores


def read_confidence(path: Path) -> Confidence:
    """Read a `confidence.json`; `WeightsError` where it is missing or does not fit."""
    try:
        return Confidence.model_validate_json(path.read_bytes())
    except OSError as error:
        raise WeightsError(
            f"The recogniser in {path.parent} lacks {path.name}; reinstall tonescribe."
        ) from error
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise WeightsError(f"{path} is no calibration of words: {where} {fault['msg']}.") from error
