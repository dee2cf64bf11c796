"""From logits to probabilities."""

import numpy as np
from numpy.typing import NDArray

from models.protocols import Scores


def softmax(logits: NDArray[np.floating]) -> Scores:
    """Turn logits of shape (n, classes) into probabilities of the same shape, float32."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Scores = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities
