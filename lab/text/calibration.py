"""Calibrate a text network per language: one temperature, and one offset per class."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lab.corpora.texts import TEXT_CORPORA, is_there
from lab.text.mix import read_part, sample_of
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.values import Json

if TYPE_CHECKING:
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

    from models.text.network import TextEmotionNetwork

_CALIBRATION_TEXTS = 1_000
"""Dev texts per corpus; without a limit the neutral dialogues would rule."""

_OFFSET_PENALTY = 1e-3

_NARROW = frozenset({"dair", "emocontext", "imdb", "emorynlp"})
"""Corpora that lack classes or context of a meeting; they calibrate nothing."""


def labels_of(clips: Sequence[LabelledClip]) -> NDArray[np.int64]:
    """Return the classes of texts with one emotion as indices of `EMOTIONS`."""
    return np.array(
        [EMOTIONS.index(clip.emotion) for clip in clips if clip.emotion], dtype=np.int64
    )


def calibrate(
    network: "TextEmotionNetwork",
    tokenizer: "Tokenizer",
    folder: Path,
    languages: Sequence[str],
    limit: int | None,
) -> dict[str, Json]:
    """Fit each language's calibration on dev texts with one emotion, each corpus counting alike."""
    import torch

    from models.text.context import encode
    from models.text.embedded import coded_logits

    tokenizer.enable_truncation(max_length=network.shape.longest)
    device = next(network.parameters()).device
    found: dict[str, Json] = {}
    for language in languages:
        clips = calibration_texts(folder, language, limit)
        coded = encode(tokenizer, [sample_of(clip) for clip in clips])
        logits = coded_logits(network, coded, torch.device(device))
        found[language] = fit_calibration(labels_of(clips), logits)
    return found


def calibration_texts(folder: Path, language: str, limit: int | None) -> list[LabelledClip]:
    """Dev texts of one language with one emotion, as many of each corpus."""
    return [
        clip
        for corpus in TEXT_CORPORA
        if corpus.name not in _NARROW and language in corpus.languages and is_there(folder, corpus)
        for clip in [c for c in read_part(folder, corpus, "dev", language) if c.emotion][
            : limit or _CALIBRATION_TEXTS
        ]
    ]


def fit_calibration(labels: NDArray[np.int64], logits: NDArray[np.floating]) -> Json:
    """Temperature and offsets that make `softmax(logits / temperature + offsets)` most likely.

    Guo et al. 2017, "On Calibration of Modern Neural Networks", vector scaling with one scale.
    Without a labelled text, as in a small trial, logits stay as they are.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    if not len(labels):
        return {"temperature": 1.0, "offsets": [0.0] * logits.shape[1]}
    rows = np.arange(len(labels))
    values = np.asarray(logits, dtype=np.float64)

    def surprise(parameters: NDArray[np.float64]) -> float:
        scaled = values * np.exp(-parameters[0]) + parameters[1:]
        likelihood = log_softmax(scaled, axis=1)[rows, labels].mean()
        return float(_OFFSET_PENALTY * np.square(parameters[1:]).sum() - likelihood)

    start = np.zeros(1 + values.shape[1])
    best = minimize(surprise, start, method="L-BFGS-B").x
    return {"temperature": float(np.exp(best[0])), "offsets": [float(value) for value in best[1:]]}
