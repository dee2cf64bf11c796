"""Train the fusion: a few weights per set of branches, on people whom no branch was trained on.

Sound and face are of the same performance (RAVDESS): the voice branch's scores out of its folds,
and a logistic regression on the face's action units in the same folds. Nobody's words vary with
the emotion there, so each performance is given a text of the same emotion that the word branch
was not trained on: that makes words independent of voice and face given the emotion, which in
life they are less. The card says so.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import save_weights
from models.fusion.embedded import BRANCHES, COMPANIES, Company, PoolWeights, log_pool
from models.protocols import Scores, TextSample
from models.registry import load_engine
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from schemas.settings import WeightSettings
from tasks.corpora.actions import read_face_actions
from tasks.evaluation import Measures, fit_temperature, measure
from tasks.training.options import TrainingOptions, TrainingReport

_MOST = 2.0
"""Upper bound of a weight."""


@dataclass(frozen=True)
class Performances:
    """Scores of the branches for n performances, (3, n, 7) in the order of `BRANCHES`."""

    stems: tuple[str, ...]
    labels: NDArray[np.int64]
    speakers: NDArray[np.str_]
    folds: NDArray[np.int64]
    scores: NDArray[np.float64]

    def rows(self, chosen: NDArray[np.bool_]) -> "Performances":
        """The chosen performances."""
        stems = tuple(stem for stem, keep in zip(self.stems, chosen, strict=True) if keep)
        return Performances(
            stems,
            self.labels[chosen],
            self.speakers[chosen],
            self.folds[chosen],
            self.scores[:, chosen],
        )


def train_fusion(data: Path, out: Path, options: TrainingOptions) -> TrainingReport:
    """Fit the fusion's weights; write `fusion.safetensors` and the comparison to `out`.

    `options.start` is the folder of a voice training with its folds (`folds/ravdess.npz`);
    `data` holds `face/` and `text/`. Raises `SettingsError` where they are missing and
    `WeightsError` where the word branch is.
    """
    import torch

    began = time.perf_counter()
    performances = read_performances(data, options)
    weights = fit_pool(performances)
    path = out / "fusion.safetensors"
    stored = {"+".join(c): [round(float(w), 3) for w in weights[c]] for c in COMPANIES}
    config = {"weights": stored, "n_train": len(performances.labels), "seed": options.seed}
    save_weights(path, {"branches": torch.arange(len(BRANCHES))}, config)
    compared = compare(performances, options.seed) if options.folds else {}
    figures = {name: measures.model_dump() for name, measures in compared.items()}
    (out / "comparison.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return TrainingReport(
        branch="fusion",
        weights=path,
        n_train=len(performances.labels),
        seconds=time.perf_counter() - began,
        measures=figures,
    )


def read_performances(data: Path, options: TrainingOptions) -> Performances:
    """Bring together what the three branches say of each performance of RAVDESS."""
    path = (options.start or Path()) / "folds" / "ravdess.npz"
    if options.start is None or not path.is_file():
        raise SettingsError(
            f"The fusion needs the folds of a voice training, and {path} is not there: run "
            "tonescribe train audio first and name its output folder with --start."
        )
    with np.load(path) as voice:
        stems = [str(stem) for stem in voice["stem"]]
        labels, folds = voice["label"].astype(np.int64), voice["fold"].astype(np.int64)
        speakers, audio = voice["speaker"].astype(np.str_), voice["scores"].astype(np.float64)
    units = read_face_actions(data).of(stems)
    video = judge_actions(units, labels, folds, speakers)
    text = judge_paired_texts(data / "text", labels, options.seed)
    return Performances(tuple(stems), labels, speakers, folds, np.stack([audio, video, text]))


def judge_actions(
    units: NDArray[np.float64],
    labels: NDArray[np.int64],
    folds: NDArray[np.int64],
    speakers: NDArray[np.str_],
) -> NDArray[np.float64]:
    """Out-of-fold, calibrated scores (n, 7) of a logistic regression on face action units."""
    from scipy.special import softmax
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scores = np.zeros((len(labels), len(EMOTIONS)))
    for fold in np.unique(folds):
        tested = folds == fold
        held = np.isin(speakers, np.unique(speakers[~tested])[::8])
        train, validation = ~tested & ~held, ~tested & held
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=0.1, max_iter=500, class_weight="balanced")
        ).fit(units[train], labels[train])
        logits = model.decision_function(units)
        temperature = fit_temperature(labels[validation].tolist(), logits[validation])
        scores[tested] = softmax(logits[tested] / temperature, axis=1)
    return scores


def judge_paired_texts(folder: Path, labels: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Scores (n, 7) of the shipped word branch for unseen texts with the same labels.

    The texts are the development split of MELD: spoken lines, as in meetings.
    """
    from tasks.corpora.texts import TEXT_CORPORA, read_texts

    (corpus,) = (corpus for corpus in TEXT_CORPORA if corpus.name == "meld")
    clips = read_texts(folder, corpus, "dev")
    random = np.random.default_rng(seed)
    drawn = [
        random.choice([row for row, clip in enumerate(clips) if clip.emotion == EMOTIONS[label]])
        for label in labels
    ]
    branch = load_engine("text", "embedded", WeightSettings())
    chosen = sorted(set(drawn))
    said = branch.score([TextSample(clips[row].text or "", "en") for row in chosen])
    place = {row: i for i, row in enumerate(chosen)}
    scores: NDArray[np.float64] = said[[place[row] for row in drawn]].astype(np.float64)
    return np.where(np.isfinite(scores), scores, 1 / len(EMOTIONS))


def fit_pool(performances: Performances) -> PoolWeights:
    """Weights that make the truth most likely, for each set of branches apart."""
    weights: PoolWeights = {}
    for company in COMPANIES:
        if len(company) == 1:
            weights[company] = np.ones(1)
            continue
        scores = performances.scores[[BRANCHES.index(branch) for branch in company]]
        weights[company] = _fit_company(scores, performances.labels)
    return weights


def _fit_company(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    from scipy.optimize import minimize

    rows = np.arange(len(labels))
    balance = 1 / np.bincount(labels, minlength=len(EMOTIONS))[labels]

    def surprise(weights: NDArray[np.float64]) -> float:
        likelihood = log_pool(scores, weights)[rows, labels].astype(np.float64)
        return float(-(balance * np.log(np.maximum(likelihood, 1e-9))).sum() / balance.sum())

    start = np.full(len(scores), 0.8)
    found = minimize(surprise, start, method="Nelder-Mead", bounds=[(0.0, _MOST)] * len(scores))
    best: NDArray[np.float64] = found.x
    return best


def compare(performances: Performances, seed: int) -> dict[str, Measures]:
    """Each branch alone and four ways to join sound and face, and all three, by six folds.

    The weights of a fold are fitted on the people of the others.
    """
    figures = {
        f"{branch} alone": _measure(performances, performances.scores[i])
        for i, branch in enumerate(BRANCHES)
    }
    for company in (("audio", "video"), BRANCHES):
        name = "+".join(company)
        members = [BRANCHES.index(branch) for branch in company]
        mean = performances.scores[members].mean(axis=0)
        figures[f"{name}, mean"] = _measure(performances, mean)
        figures[f"{name}, log-linear pool"] = _measure(performances, _pooled(performances, company))
        network = _joined_by_network(performances, members, seed)
        figures[f"{name}, concatenation and MLP"] = _measure(performances, network)
    return figures


def _measure(performances: Performances, scores: NDArray[np.float64]) -> Measures:
    judged: Scores = scores.astype(np.float32)
    return measure(performances.labels.tolist(), judged, performances.speakers.tolist())


def _pooled(performances: Performances, company: Company) -> NDArray[np.float64]:
    members = [BRANCHES.index(branch) for branch in company]
    pooled = np.zeros((len(performances.labels), len(EMOTIONS)))
    for fold in np.unique(performances.folds):
        tested = performances.folds == fold
        rest = performances.rows(~tested)
        weights = _fit_company(rest.scores[members], rest.labels)
        pooled[tested] = log_pool(performances.scores[members][:, tested], weights)
    return pooled


def _joined_by_network(
    performances: Performances, members: Sequence[int], seed: int
) -> NDArray[np.float64]:
    """Concatenated log-scores and a small multilayer perceptron: what is done most often."""
    from sklearn.neural_network import MLPClassifier

    inputs: Any = np.concatenate(list(np.log(performances.scores[members] + 1e-3)), axis=1)
    joined = np.zeros((len(performances.labels), len(EMOTIONS)))
    for fold in np.unique(performances.folds):
        tested = performances.folds == fold
        network = MLPClassifier(
            (32,), alpha=0.1, max_iter=200, early_stopping=True, random_state=seed
        )
        network.fit(inputs[~tested], performances.labels[~tested])
        joined[tested] = network.predict_proba(inputs[tested])
    return joined
