"""Train the fusion: a few discounts between branches, on people whom no branch was trained on.

Sound and face are of the same performance (RAVDESS): the voice branch's scores out of its folds,
and models of the face's action units in the same folds. Nobody's words vary with the emotion
there, so each performance is given a text of the same emotion that the word branch was not
trained on: that makes words independent of voice and face given the emotion, which in life they
are less. The card says so.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import save_weights
from models.fusion.embedded import BRANCHES
from models.protocols import Fusion, TextSample
from models.registry import load_engine
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from schemas.settings import WeightSettings
from tasks.corpora.actions import CLASSES, FaceActions, performance, read_face_actions
from tasks.evaluation import FoldedMeasures, Measures
from tasks.evaluation.words import to_markdown
from tasks.training.fusion_card import to_card
from tasks.training.fusion_comparison import (
    FIVE,
    OWN_MEAN,
    RELATIVE,
    SIX,
    Figures,
    judge_faces,
    measure_missing,
    measure_published,
    measure_together,
)
from tasks.training.fusion_faces import judge_actions
from tasks.training.fusion_judgements import Judgements
from tasks.training.fusion_pool import fit_discounts
from tasks.training.options import TrainingOptions, TrainingReport

_COMPANIES = (("audio", "video"), ("audio", "text"), ("video", "text"), BRANCHES)


def train_fusion(data: Path, out: Path, options: TrainingOptions) -> TrainingReport:
    """Fit the discounts; write `fusion.{safetensors,md}` and `comparison.{json,md}` to `out`.

    `options.start` is the folder of a voice training with its folds (`folds/ravdess.npz`, and
    for the comparison `folds/ravdess-five.npz`); `data` holds `face/` and `text/`. Raises
    `SettingsError` where they are missing and `WeightsError` where the word branch is.
    """
    import torch

    began = time.perf_counter()
    judged = read_three_branches(data, options)
    discounts = fit_discounts(judged)
    path = out / "fusion.safetensors"
    config = {"branches": BRANCHES, "n_train": len(judged.labels), "seed": options.seed}
    save_weights(path, {"discounts": torch.from_numpy(discounts).float()}, config)
    found = _all_figures(data, options, judged) if options.folds else {}
    card = write_comparison(out, found, discounts) if found else None
    return TrainingReport(
        branch="fusion",
        weights=path,
        card=card,
        n_train=len(judged.labels),
        seconds=time.perf_counter() - began,
        measures={name: _summary(measures) for name, measures in found.items()},
    )


def measure_fusion(branch: Fusion, data: Path, options: TrainingOptions) -> dict[str, Measures]:
    """Measure how branches are joined: every fold by what was fitted to the people of the others.

    `data` holds `face/` and `text/`; lines with our own voice need the folder of a voice training
    with its folds in `options.start`. Raises `SettingsError` where a table is missing.
    """
    del branch  # its numbers were fitted to all of these people: the folds fit anew
    if options.start is None:
        return _without_voice(data, options)
    return _all_figures(data, options, read_three_branches(data, options))


def _without_voice(data: Path, options: TrainingOptions) -> Figures:
    return _five_folds(data, options) | measure_published(data, options.seed)


def _all_figures(data: Path, options: TrainingOptions, judged: Judgements) -> Figures:
    found = _without_voice(data, options)
    for company in (("audio", "video"), BRANCHES):
        found |= measure_together(judged.of(company), SIX, options.seed)
    return found | measure_missing(judged, options.seed, _COMPANIES)


def _five_folds(data: Path, options: TrainingOptions) -> Figures:
    """Action units alone, and with our voice where its five folds are there.

    Each face by itself, and relative to its person's mean.
    """
    path = _voice_folds(options.start, "ravdess-five")
    found: Figures = {}
    for relative, name, note in ((False, FIVE, ""), (True, f"{FIVE}, {OWN_MEAN}", RELATIVE)):
        faces = judge_faces(data, options.seed, relative=relative)
        found[f"{name}: action units"] = faces.measures(faces.scores[0], note)
        if path.is_file():
            both = beside(read_voice(path, CLASSES), faces)
            found |= measure_together(both, name, options.seed, note)
    return found


def read_three_branches(data: Path, options: TrainingOptions) -> Judgements:
    """Bring together what the three branches say of each performance of RAVDESS, by six folds."""
    voice = read_voice(_voice_folds(options.start, "ravdess"), EMOTIONS)
    both = with_faces(voice, read_face_actions(data), options.seed)
    text = judge_paired_texts(data / "text", both.labels, options.seed)
    nothing_else = np.zeros((len(text), 0))
    return replace(
        both,
        branches=BRANCHES,
        scores=np.concatenate([both.scores, text[None]]),
        representations=(*both.representations, nothing_else),
    )


def _voice_folds(start: Path | None, protocol: str) -> Path:
    return (start or Path()) / "folds" / f"{protocol}.npz"


def read_voice(path: Path, classes: tuple[str, ...]) -> Judgements:
    """Read the voice branch's out-of-fold scores, their columns put in the order of `classes`."""
    if not path.is_file():
        raise SettingsError(
            f"The fusion needs the folds of a voice training, and {path} is not there: run "
            "tonescribe train audio first and name its output folder with --start."
        )
    with np.load(path) as voice:
        stored = [str(name) for name in voice["classes"]]
        if sorted(stored) != sorted(classes):
            raise SettingsError(f"{path} has scores of {', '.join(stored)}; train audio anew.")
        columns = [stored.index(name) for name in classes]
        labels = [classes.index(stored[label]) for label in voice["label"]]
        scores = voice["scores"].astype(np.float64)[:, columns]
        return Judgements(
            branches=("audio",),
            stems=tuple(str(stem) for stem in voice["stem"]),
            labels=np.array(labels, dtype=np.int64),
            speakers=voice["speaker"].astype(np.str_),
            folds=voice["fold"].astype(np.int64),
            scores=scores[None],
            classes=classes,
        )


def with_faces(voice: Judgements, actions: FaceActions, seed: int) -> Judgements:
    """Join to each performance's voice what its face is judged to be, in the same folds.

    Raises `SettingsError` where the performances are too few to learn faces from.
    """
    own = actions.of(voice.stems)._replace(labels=voice.labels)
    try:
        scores = judge_actions(own, voice.folds, len(voice.classes), seed)
    except np.linalg.LinAlgError as error:
        raise SettingsError(
            f"{len(own.names)} performances are too few to learn faces from: some emotion has "
            f"fewer than {own.units.shape[1]} of them. Train audio without --limit."
        ) from error
    faces = replace(
        voice,
        branches=("video",),
        stems=own.names,
        scores=scores[None],
        representations=(own.units,),
    )
    return beside(voice, faces)


def beside(voice: Judgements, faces: Judgements) -> Judgements:
    """Voices and the faces of the same performances, in the order of the voices."""
    row_of = {name: row for row, name in enumerate(faces.stems)}
    rows = [row_of[performance(stem)] for stem in voice.stems]
    if not np.array_equal(voice.folds, faces.folds[rows]):
        raise SettingsError("The voice was cut into other folds than the faces; train audio anew.")
    return replace(
        voice,
        branches=("audio", "video"),
        scores=np.concatenate([voice.scores, faces.scores[:, rows]]),
        representations=(np.zeros((len(rows), 0)), faces.representations[0][rows]),
    )


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
    said = branch.score(
        [TextSample(clips[row].text or "", "en", clips[row].context) for row in chosen]
    )
    place = {row: i for i, row in enumerate(chosen)}
    scores: NDArray[np.float64] = said[[place[row] for row in drawn]].astype(np.float64)
    return np.where(np.isfinite(scores), scores, 1 / len(EMOTIONS))


def write_comparison(
    out: Path, found: Mapping[str, Measures], discounts: NDArray[np.float64]
) -> Path:
    """Write all figures to `comparison.{json,md}`, and the model card `fusion.md`; its path."""
    figures = {name: measures.model_dump() for name, measures in found.items()}
    (out / "comparison.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    page = to_markdown("Ways to join voice, face and words", found)
    (out / "comparison.md").write_text(page, encoding="utf-8")
    card = out / "fusion.md"
    card.write_text(to_card(discounts, found), encoding="utf-8")
    return card


def _summary(measures: Measures) -> dict[str, float]:
    """What the training reports of a protocol."""
    named = ("accuracy", "uar", "ece", "accuracy_at_half_coverage")
    figures = {name: round(float(getattr(measures, name)), 4) for name in named}
    if isinstance(measures, FoldedMeasures):
        figures["mean_accuracy"] = round(measures.mean["accuracy"], 4)
        figures["deviation_of_accuracy"] = round(measures.deviation["accuracy"], 4)
    return figures
