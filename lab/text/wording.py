"""Fit the wordings: a linear model per language beside the text networks, and what they share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lab.text.calibration import calibration_texts, fit_calibration, labels_of
from lab.text.mix import judged_texts, read_training_mix, sample_of
from lab.text.multilingual import LANGUAGES
from lab.training.options import TrainingOptions
from lab.training.progress import say
from models.checkpoint import save_weights
from models.text.wording import Wording, features_of, weighed
from schemas.emotions import EMOTIONS
from schemas.values import Json

if TYPE_CHECKING:
    import torch

    from models.text.embedded import EmbeddedTextBranch
    from schemas.corpus import LabelledClip

SHARE = 0.5
"""Chosen on the dev parts of German, Italian and Spanish: their mean log-loss is least at .5."""

_IDF_ROW = 256
"""A matrix is stored in 8 bits."""

_FEWEST_CLASSES = 3
"""Of two classes scikit-learn gives one column of weights."""

STRENGTH = 6.0
"""scikit-learn's C, inverse strength of the penalty, chosen among 2 and 6 on those of German and
Italian."""


def fit_wordings(
    folder: Path, networks: "EmbeddedTextBranch", path: Path, options: TrainingOptions
) -> "list[LabelledClip]":
    """Fit a linear model for each language but English, and a calibration; return their texts.

    They learn from the texts with one emotion of the networks' own mix, and are calibrated together
    with them on the dev parts. A language without texts of three classes has none. English has
    none: on its dev parts the log-loss falls from .9155 to .9140, and rises on four of six corpora.
    """
    state: dict[str, torch.Tensor] = {}
    learned: list[LabelledClip] = []
    languages = []
    path.unlink(missing_ok=True)
    for language in sorted(set(LANGUAGES) & (networks.languages or set())):
        mix = read_training_mix(folder, options.corpora, (language,), options.seed)
        clips = [clip for clip in mix if clip.emotion][: options.limit]
        if len({clip.emotion for clip in clips}) >= _FEWEST_CLASSES:
            say(f"Fitting the wordings of {language} on {len(clips)} texts.")
            state |= _fitted(language, clips)
            learned += clips
            languages.append(language)
    if not languages:
        return learned
    config: Json = {"classes": list(EMOTIONS), "share": SHARE, "calibration": {}}
    save_weights(path, state, config | {"calibration": {language: {} for language in languages}})
    # calibrated as they judge, from the file: its numbers are coarser than those that were fitted
    stored = Wording(path)
    calibration: dict[str, Json] = {}
    for language in languages:
        clips = calibration_texts(folder, language, options.limit)
        logits = networks.logits([sample_of(clip) for clip in clips], language)
        logits += stored.share * stored.log_probabilities(judged_texts(clips), language)
        calibration[language] = fit_calibration(labels_of(clips), logits)
    save_weights(path, state, config | {"calibration": calibration})
    return learned


def _fitted(language: str, clips: "Sequence[LabelledClip]") -> "dict[str, torch.Tensor]":
    import torch
    from sklearn.linear_model import LogisticRegression

    features = features_of(judged_texts(clips))
    n_with = np.asarray((features > 0).sum(axis=0)).ravel()
    idf = (np.log((1 + len(clips)) / (1 + n_with)) + 1).astype(np.float32)
    model = LogisticRegression(C=STRENGTH, max_iter=200, tol=1e-3)
    model.fit(weighed(features, idf), labels_of(clips))
    weights = np.zeros((features.shape[1], len(EMOTIONS)), dtype=np.float32)
    offsets = np.full(len(EMOTIONS), -10.0, dtype=np.float32)
    weights[:, model.classes_], offsets[model.classes_] = model.coef_.T, model.intercept_
    return {
        f"{language}.idf": torch.from_numpy(idf).reshape(-1, _IDF_ROW),
        f"{language}.weights": torch.from_numpy(weights),
        f"{language}.offsets": torch.from_numpy(offsets),
    }
