"""Published outputs for RAVDESS' performances: voice, face and fusion of Luna-Jimenez et al. 2022.

"A Proposal for Multimodal Emotion Recognition Using Aural Transformers and Action Units on RAVDESS
Dataset", Applied Sciences 12(1), 327: a fine-tuned xlsr-wav2vec 2.0, a perceptron on means of
action units, a bi-LSTM with attention on their sequences, and their own late fusion, by five
subject-wise folds. Only the rows of each fold's test actors are read: those of its training actors
were judged by a model that had seen them, and are far too sure.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab.corpora.actions import CLASSES, performance
from schemas.errors import SettingsError

MODELS = ("xlsr_wav2vec2_ft", "au_avg_mlp80", "au_bilstm_att")
"""The models whose outputs are joined."""

PUBLISHED_FUSION = "fusion"

_LOGITS = frozenset({"xlsr_wav2vec2_ft", "au_bilstm_att"})
_TABLE = Path("face") / "ravdess_posteriors_lunajimenez2022.parquet"


class Posteriors(NamedTuple):
    """Probabilities of unseen actors' n performances.

    `names` are those of the recordings without the modality, `labels` indices into `CLASSES`,
    `people` the actors' numbers as `"07"`, `folds` 0 to 4; `scores` maps a model to (n, 8).
    """

    names: tuple[str, ...]
    labels: NDArray[np.int64]
    people: NDArray[np.str_]
    folds: NDArray[np.int64]
    scores: dict[str, NDArray[np.float64]]


def read_posteriors(data: Path) -> Posteriors:
    """Read the table under `data/face`; raises `SettingsError` where it is not there."""
    import pandas as pd
    from scipy.special import softmax

    path = data / _TABLE
    if not path.is_file():
        raise SettingsError(f"The fusion is compared on {_TABLE.name}, and {path} is not there.")
    table = pd.read_parquet(path)
    tested = table[table["split"] == "val"].sort_values("name")
    scores: dict[str, NDArray[np.float64]] = {}
    for model in (*MODELS, PUBLISHED_FUSION):
        rows = tested[tested["model"] == model]
        outputs = rows[list(CLASSES)].to_numpy(dtype=np.float64)
        scores[model] = softmax(outputs, axis=1) if model in _LOGITS else outputs
    return Posteriors(
        names=tuple(performance(str(name)) for name in rows["name"]),
        labels=np.array([CLASSES.index(str(name)) for name in rows["emotion"]], dtype=np.int64),
        people=np.array([f"{actor:02}" for actor in rows["actor"]]),
        folds=rows["fold"].to_numpy(dtype=np.int64),
        scores=scores,
    )
