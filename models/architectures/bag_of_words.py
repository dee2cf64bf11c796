"""A perceptron over which words occur, one-hot or weighted by how rare they are."""

import json
import re
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from models.architectures.network import TrainableNetwork, real_frames
from models.protocols import TextSample

VOCABULARY = ".vocabulary.json"

_WORD = re.compile(r"(?u)\b\w\w+\b")
"""What scikit-learn's vectorizers take for a word."""


class BagOfWords(TrainableNetwork):
    """The commonest 10,000 words of the training texts, one hidden layer, dropout.

    An earlier system read IMDB's reviews so, as good or bad (docs/seeds.md, S1). `counted` is
    `one-hot` (does it occur?) or `tf-idf` (Sparck Jones 1972, as in scikit-learn). The vocabulary
    lies beside the weights as JSON; `augment` trains on changed copies of rare classes, too. A text
    without any known word gets the network's scores of an empty text.
    """

    weights: Tensor

    def __init__(
        self,
        n_classes: int,
        words: int = 10_000,
        width: int = 64,
        dropout: float = 0.5,
        counted: Literal["one-hot", "tf-idf"] = "one-hot",
        languages: str = "en",
        augment: bool = False,
    ) -> None:
        super().__init__()
        self.counted, self.augment = counted, augment
        self.languages = frozenset(languages.split())
        self._vocabulary: dict[str, int] = {}
        self.register_buffer("weights", torch.ones(words))
        self.hidden = nn.Linear(words, width)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, n_classes)

    def learn_vocabulary(self, samples: Sequence[TextSample]) -> None:
        """Count the words of the training texts."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(max_features=len(self.weights), token_pattern=_WORD.pattern)
        vectorizer.fit([sample.text for sample in samples])
        self._vocabulary = {word: int(place) for word, place in vectorizer.vocabulary_.items()}
        if self.counted == "tf-idf":
            known = torch.from_numpy(vectorizer.idf_).float()
            self.weights = nn.functional.pad(known, (0, len(self.weights) - len(known)))

    def companions(self) -> dict[str, str]:
        """Return the vocabulary, word to place."""
        return {VOCABULARY: json.dumps(self._vocabulary, ensure_ascii=False, sort_keys=True)}

    def take_companions(self, texts: dict[str, str]) -> None:
        """Take the vocabulary."""
        self._vocabulary = json.loads(texts[VOCABULARY])

    def prepare(self, sample: TextSample) -> Tensor:
        """Places of the known words in their order, (words,); may be empty."""
        words = _WORD.findall(sample.text.lower())
        places = [self._vocabulary[word] for word in words if word in self._vocabulary]
        return torch.tensor(places, dtype=torch.long)

    def forward(self, features: Tensor, n_frames: Tensor) -> Tensor:
        """Logits (batch, classes) of words (batch, words)."""
        real = real_frames(n_frames, features.shape[1])
        counts = self.weights.new_zeros((len(features), len(self.weights)))
        counts.scatter_add_(1, features.long(), real.to(counts.dtype))
        if self.counted == "one-hot":
            bag = (counts > 0).to(counts.dtype)
        else:
            bag = nn.functional.normalize(counts * self.weights, dim=1)
        logits: Tensor = self.head(self.dropout(self.hidden(bag).relu()))
        return logits
