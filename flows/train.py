"""Train one branch from corpora to weights, by one command."""

import functools
import importlib
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from lab.training.options import TrainingOptions, TrainingReport
from lab.training.progress import say
from models.architectures.joint_fusion import JOINT
from models.architectures.table import find
from schemas.errors import SettingsError
from schemas.faults import describe_validation

TRAINERS = {
    "audio": "lab.audio.train:train_audio",
    "video": "lab.video.train:train_video",
    "text": "lab.text.train:train_text",
    "fusion": "lab.fusion.train:train_fusion",
}
"""Branch -> `train_x(data, out, options) -> TrainingReport`."""


ARCHITECTURE_TRAINERS = {
    "audio": "lab.training.architecture:train_architecture",
    "video": "lab.training.architecture:train_architecture",
    "text": "lab.training.architecture:train_architecture",
    "fusion": "lab.fusion.architecture:train_fusion_network",
}
"""Branch -> `train_x(branch, data, out, options) -> TrainingReport` for a named architecture."""


_NOT_OF_FUSION = {
    "schedule": "a fusion is fitted at one rate",
    "label_smoothing": "a fusion is fitted to hard labels",
}
_OF_ARCHITECTURES = {"label_smoothing": "the networks that ship have their own targets"}
"""Option -> why others do not have it."""


def load_from(table: dict[str, str], branch: str) -> Any:
    """Import what a table names for a branch; `SettingsError` for one that it does not know."""
    _refuse_unknown(table, branch)
    module, attribute = table[branch].split(":")
    return getattr(importlib.import_module(module), attribute)


def _refuse_unknown(table: dict[str, str], branch: str) -> None:
    if branch not in table:
        raise SettingsError(f"There is no branch '{branch}'; known are {', '.join(table)}.")


def _architecture_trainer(branch: str) -> Any:
    if branch not in ARCHITECTURE_TRAINERS:
        raise SettingsError(
            f"There is no other network of {branch} than the one that ships; leave "
            "--architecture out."
        )
    return functools.partial(load_from(ARCHITECTURE_TRAINERS, branch), branch)


def _refuse_options(branch: str, options: TrainingOptions) -> None:
    """Refuse what the trainer of a branch would pass over."""
    is_fitted = branch == "fusion" and options.architecture not in JOINT
    refused = _NOT_OF_FUSION if is_fitted else {}
    if options.architecture is None:
        refused = _OF_ARCHITECTURES | refused
    for name, reason in refused.items():
        if getattr(options, name) is not None:
            flag = name.replace("_", "-")
            raise SettingsError(f"--{flag} is not for this training: {reason}; leave it out.")
    if options.corrections is not None and (branch, options.architecture) != ("text", None):
        raise SettingsError(
            "--corrections is for the text network that ships: a dataset keeps words, but neither "
            "sound nor pictures; leave it out."
        )
    if options.architecture is None and "classes" in options.parameters:
        raise SettingsError(
            "--set classes=... needs --architecture: the networks that ship have the seven classes."
        )


def train(branch: str, data: Path, out: Path, **options: Any) -> TrainingReport:
    """Train `audio`, `video`, `text` or `fusion` from the corpora under `data`.

    With the option `architecture` another network of that branch is trained instead of the one
    that ships (`models/architectures/table.py`), and `parameters` are its choices.

    `data` holds `speech/`, `face/` and `text/`. `out` receives `BRANCH.safetensors`, its card
    `BRANCH.md`, the report `training.json`, checkpoints and curves; `options` are those of
    `TrainingOptions`. Raises `SettingsError` for an unknown branch or option, or missing corpora or
    starting weights.
    """
    _refuse_unknown(TRAINERS, branch)
    if not data.is_dir():
        raise SettingsError(f"There is no folder {data}; name the one that holds the corpora.")
    try:
        chosen = TrainingOptions(**options)
    except ValidationError as error:
        raise SettingsError(describe_validation(error, TrainingOptions)) from error
    _refuse_options(branch, chosen)
    if chosen.architecture is not None:
        find(branch, chosen.architecture)
    out.mkdir(parents=True, exist_ok=True)
    what = chosen.architecture or "the network that ships"
    say(f"Training {branch}: {what}, from {data} to {out}.")
    plain = chosen.architecture is None
    trainer = load_from(TRAINERS, branch) if plain else _architecture_trainer(branch)
    report = cast(TrainingReport, trainer(data, out, chosen))
    (out / "training.json").write_text(report.model_dump_json(indent=1), encoding="utf-8")
    return report
