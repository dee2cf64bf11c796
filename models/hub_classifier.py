"""Emotion classifiers of transformers, from a folder or the hub's cache: their labels as ours."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import file_digest
from schemas.emotions import EMOTION_OF_LABEL, EMOTIONS
from schemas.errors import WeightsError


def load_classifier(
    job: str, model_class: Any, processor_class: Any, source: str, *, offline: bool
) -> tuple[Any, Any]:
    """Load the model and its tokenizer or feature extractor.

    Raises `WeightsError` where they are missing, or the classifier on top was never trained:
    transformers then draws random weights and would judge by chance.
    """
    try:
        model, found = model_class.from_pretrained(
            source, local_files_only=offline, output_loading_info=True
        )
        processor = processor_class.from_pretrained(source, local_files_only=offline)
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(
            f"The {job} checkpoint {source} cannot be loaded: name a folder with a classifier of "
            f"transformers in weights.{job}, or set weights.allow_hub."
        ) from error
    if untrained := sorted(key for key in found["missing_keys"] if "masked_spec" not in key):
        raise WeightsError(f"The {job} checkpoint {source} lacks {untrained[0]}; use another one.")
    return model, processor


def class_matrix(job: str, names: Mapping[int, str], source: str) -> NDArray[np.float32]:
    """Return which of the seven classes each output stands for: shape (outputs, 7) of 0 and 1.

    Labels that are none of ours (contempt, trust, other) are left out. Raises `WeightsError` where
    fewer than two classes are known.
    """
    matrix = np.zeros((len(names), len(EMOTIONS)), dtype=np.float32)
    for output, name in names.items():
        if emotion := EMOTION_OF_LABEL.get(name.strip().lower()):
            matrix[int(output), EMOTIONS.index(emotion)] = 1.0
    if (matrix.sum(axis=0) > 0).sum() < 2:
        known = ", ".join(sorted(set(names.values())))
        raise WeightsError(f"The {job} checkpoint {source} names no emotions of ours: {known}.")
    return matrix


def source_digest(source: str) -> str:
    """Return 12 hex digits over a folder's weights and configuration, or over a hub name."""
    folder = Path(source)
    if not folder.is_dir():
        return hashlib.sha256(source.encode()).hexdigest()[:12]
    files = sorted(f for f in folder.iterdir() if f.suffix in {".safetensors", ".bin", ".json"})
    return hashlib.sha256("".join(map(file_digest, files)).encode()).hexdigest()[:12]
