"""Train a fusion network of the table as one that annotates, and measure it beside the pool."""

import time
from pathlib import Path

from lab.corpora.actions import CLASSES
from lab.fusion.comparison import (
    COMPANIES,
    FIVE,
    Figures,
    judge_faces,
    measure_missing,
    measure_together,
    summarise,
)
from lab.fusion.judgements import Judgements
from lab.fusion.material import beside, read_three_branches, read_voice, voice_folds
from lab.fusion.networks import (
    FittedNetwork,
    Recipe,
    fit_network,
    join_by_network,
    recipe_of,
)
from lab.fusion.pool import join_by_discounts
from lab.training.architecture import train_architecture
from lab.training.card import Made, Source, count_parameters, first_line, with_card
from lab.training.options import TrainingOptions, TrainingReport
from models.architectures.fusion import RUNNABLE
from models.architectures.joint_fusion import JOINT
from models.architectures.table import checked, find
from models.checkpoint import save_weights
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError


def train_fusion_network(
    branch: str, data: Path, out: Path, options: TrainingOptions
) -> TrainingReport:
    """Train `options.architecture` on what the pool is fitted to; write `BRANCH.safetensors`.

    Networks of several branches that are trained as one learn from clips instead.
    `options.start` and `data` are those of `train_fusion`, and so is what is raised; also
    `SettingsError` for an unknown architecture or parameter, and for one that cannot be run.
    """
    if options.architecture in JOINT:
        return train_architecture(branch, data, out, options)
    began = time.perf_counter()
    recipe = recipe_of(dict(options))
    _refuse_what_cannot_run(branch, recipe)
    judged = read_three_branches(data, options)
    fitted = fit_network(recipe, judged)
    path = out / f"{branch}.safetensors"
    save_fitted(path, recipe, fitted, judged)
    found = _figures(data, options, recipe, judged) if options.folds else {}
    report = TrainingReport(
        branch=branch,
        weights=path,
        n_train=_count_trained(fitted, judged),
        seconds=time.perf_counter() - began,
        measures={name: summarise(measures) for name, measures in found.items()},
    )
    return with_card(report, made_of(recipe, fitted, judged), options)


def made_of(recipe: Recipe, fitted: FittedNetwork, judged: Judgements) -> Made:
    """Return what the card says of a fitted network and its data."""
    trained = _count_trained(fitted, judged)
    held = len(judged.labels) - trained
    people = [f"ravdess/{person}" for person in fitted.held]
    return Made(
        what=f"{recipe.architecture}. {first_line(fitted.network)}",
        n_parameters=count_parameters(fitted.network),
        classes=EMOTIONS,
        sources=[Source(corpus, "en", trained, held) for corpus in ("ravdess", "meld")],
        calibration=f"One temperature, {fitted.temperature:.2f}, was fitted to those who also "
        "stopped the training.",
        people=people,
        plans={
            "fit": {
                "epochs": f"at most {recipe.epochs:g}",
                "samples per step": "all",
                "learning rate": f"{recipe.learning_rate:g}",
                "weight decay": f"{recipe.weight_decay:g}",
                "branches hidden": f"{recipe.absent:.0%}",
                "seed": f"{recipe.seed}",
            }
        },
        notes=[
            "A sample is a performance of RAVDESS, its voice and face judged by networks that do "
            "not know its actor, beside a line of MELD's development part with the same label.",
        ],
    )


def save_fitted(path: Path, recipe: Recipe, fitted: FittedNetwork, judged: Judgements) -> None:
    """Write a fitted network, and how it was made in the header."""
    made = {
        "branch": "fusion",
        "branches": judged.branches,
        "classes": EMOTIONS,
        "temperature": round(fitted.temperature, 4),
        "corpora": ["ravdess"],
        "calibration_speakers": [f"ravdess/{person}" for person in fitted.held],
        "n_train": _count_trained(fitted, judged),
    }
    save_weights(path, fitted.network.state_dict(), recipe._asdict() | made)


def measure_network(data: Path, options: TrainingOptions, recipe: Recipe) -> Figures:
    """Figures of a recipe, trained anew for each fold, beside the pool's and each branch's alone.

    Raises `SettingsError` where `options.start` has no folds of a voice training.
    """
    return _figures(data, options, recipe, read_three_branches(data, options))


def _figures(data: Path, options: TrainingOptions, recipe: Recipe, judged: Judgements) -> Figures:
    """Voice and face by five folds, where there are those of the voice; all sets by six."""
    ways = {recipe.architecture: join_by_network(recipe), "pool": join_by_discounts}
    found: Figures = {}
    five = voice_folds(options.start, "ravdess-five")
    if five.is_file():
        faces = judge_faces(data, options.seed, relative=False)
        found |= measure_together(beside(read_voice(five, CLASSES), faces), FIVE, ways)
    return found | measure_missing(judged, ways, COMPANIES)


def _refuse_what_cannot_run(branch: str, recipe: Recipe) -> None:
    name = recipe.architecture
    find(branch, name)
    checked(branch, name, recipe.parameters)
    if name not in RUNNABLE:
        raise SettingsError(
            f"{name} joins what the branches know beside their scores, which they do not hand "
            f"over when they annotate; train {branch} without --architecture compares it."
        )


def _count_trained(fitted: FittedNetwork, judged: Judgements) -> int:
    return sum(str(person) not in fitted.held for person in judged.speakers)
