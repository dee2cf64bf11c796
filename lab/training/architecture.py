"""Train any architecture of the table: one trainer for sounds, faces and texts.

Weighted cross-entropy on the training speakers, the temperature on speakers of its own, figures
on speakers of neither.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lab.corpora.samples import read_readable, warn_of_damaged
from lab.measures import FoldedMeasures, fit_temperature, measure, measure_folds
from lab.measures.fingerprints import store_fingerprints
from lab.text.augmentation import augment_rare
from lab.training.architecture_data import read_material
from lab.training.card import Made, choices_of, count_parameters, first_line, with_card
from lab.training.clips import classes_of
from lab.training.fitting import Batch, FittingPlan, Validation, fit
from lab.training.material import Material, Protocol, Rows
from lab.training.objective import (
    class_weights,
    collate,
    labelled,
    objective_of,
    validation_figures,
)
from lab.training.options import TrainingOptions, TrainingReport
from models.architectures.branch import judge
from models.architectures.table import build, find
from models.checkpoint import save_weights
from models.precision import choose_device
from models.scores import softmax
from schemas.errors import SettingsError

if TYPE_CHECKING:
    from models.architectures.network import Features, TrainableNetwork

PLANS: dict[str, FittingPlan] = {
    name: FittingPlan(epochs=epochs, batch_size=batch, learning_rate=rate, weight_decay=decay)
    for name, (epochs, batch, rate, decay) in {
        "mfcc-cnn-2d": (20, 32, 1e-3, 1e-2),
        "mfcc-cnn-1d": (20, 32, 1e-3, 1e-2),
        "mel-transformer": (20, 16, 1e-3, 1e-2),
        "mel-transformer-495": (20, 16, 1e-3, 1e-2),
        "level-logistic": (20, 64, 5e-2, 0.0),
        "wav2vec2": (10, 8, 1e-4, 1e-2),
        "vggish": (20, 32, 5e-4, 1e-2),
        "resnet18-transformer": (10, 32, 3e-4, 1e-2),
        "bert": (3, 32, 3e-5, 1e-2),
        "xlm-r": (3, 32, 2e-5, 1e-2),
        "tfidf-mlp": (10, 128, 1e-3, 1e-2),
        "one-hot-mlp": (10, 128, 1e-3, 1e-2),
        "joint-mfcc-words": (20, 32, 1e-3, 1e-2),
        "joint-wav2vec2-resnet18": (10, 8, 1e-4, 1e-2),
        "joint-vggish-bert": (10, 16, 5e-5, 1e-2),
    }.items()
}
"""Epochs, batch, rate and decay of each architecture: usual values, tuned on nothing."""


@dataclass(frozen=True)
class Recipe:
    """How one network is made, over and over: for each fold and for good."""

    branch: str
    options: TrainingOptions
    plan: FittingPlan
    out: Path

    def parameters(self) -> dict[str, str | int | float | bool]:
        """Return the choices of the architecture, without those of the data."""
        given = self.options.parameters
        return {name: value for name, value in given.items() if name != "classes"}

    def new_network(self, n_classes: int) -> "TrainableNetwork":
        """Return an untrained network, from its starting weights where it has any."""
        import torch

        torch.manual_seed(self.options.seed)
        name = self.options.architecture or ""
        network = build(self.branch, name, self.parameters(), n_classes)
        network.start_from(None if self.options.start is None else str(self.options.start))
        return network

    def train(
        self,
        network: "TrainableNetwork",
        features: Sequence["Features"],
        labels: Rows,
        name: str,
        validation: Validation | None = None,
    ) -> None:
        """Fit a network in place; checkpoints and curves go under `out/name`."""
        import torch

        from models.architectures.network import as_type

        whole: list[Any] = [as_type(own, torch.float32) for own in features]
        network.learn_scale(whole)
        weights = class_weights(labels, network.head.out_features)
        objective = objective_of(network, weights, self.options.label_smoothing or 0.0)
        fit(
            objective,
            labelled(features, labels),
            collate,
            self.plan,
            self.out / name,
            validation,
        )

    def logits(
        self, network: "TrainableNetwork", features: Sequence["Features"]
    ) -> NDArray[np.float32]:
        """Judge prepared samples, before calibration."""
        device = choose_device(self.plan.device)
        return judge(network.to(device), features, device)


def train_architecture(
    branch: str, data: Path, out: Path, options: TrainingOptions
) -> TrainingReport:
    """Train `options.architecture`; write `BRANCH.safetensors`, what lies beside it, figures.

    `options.start` names pretrained weights where the architecture has some; the parameter
    `classes` names classes of one's own. Raises `SettingsError` for an unknown architecture,
    parameter or class, or missing corpora.
    """
    began = time.perf_counter()
    name = options.architecture or ""
    find(branch, name)
    if name not in PLANS:
        raise SettingsError(f"{name} is not trained by this command; known are {', '.join(PLANS)}.")
    recipe = Recipe(branch, options, PLANS[name].told(options), out)
    network = recipe.new_network(len(classes_of(options)))
    parts = tuple(getattr(network, "parts", ()))
    material = read_material(branch, data, options, network.languages, parts)
    if "text" in (branch, *parts):
        # nothing else has a vocabulary, and sounds would be decoded twice
        read = read_readable({int(row): int(row) for row in material.train}, material.read)
        network.learn_vocabulary([own for own in read.samples.values() if own is not None])
    if network.augment:
        material = augment_rare(material, options.seed)
    features, material, warnings = prepare_all(network, material)
    held, truth = _chosen(features, material.validation), material.labels[material.validation]
    recipe.train(
        network,
        _chosen(features, material.train),
        material.labels[material.train],
        "fit",
        Validation(labelled(held, truth), validation_figures),
    )
    temperature = fit_temperature(truth.tolist(), recipe.logits(network, held))
    weights = save(network, recipe, material, temperature)
    measures = {
        test: _measure(recipe, network, features, rows, material, temperature)
        for test, rows in material.tests.items()
    }
    for protocol, folds in material.protocols.items():
        measures[protocol] = run_protocol(recipe, features, material, folds, protocol).model_dump()
    report = TrainingReport(
        branch=branch,
        weights=weights,
        n_train=material.n_train,
        augmented=material.augmented,
        seconds=time.perf_counter() - began,
        measures=measures,
        warnings=warnings,
    )
    return with_card(report, _made(recipe, network, material, temperature), options)


def _made(
    recipe: Recipe, network: "TrainableNetwork", material: Material, temperature: float
) -> Made:
    people = material.calibration_speakers()
    whom = "people of these corpora" if people else "parts whose people nobody knows"
    return Made(
        what=f"{recipe.options.architecture}. {first_line(network)}",
        n_parameters=count_parameters(network),
        classes=material.classes,
        sources=material.sources(),
        calibration=f"One temperature, {temperature:.2f}, was fitted to {whom}.",
        people=people,
        plans={
            "fit": choices_of(recipe.plan)
            | {"label smoothing": f"{recipe.options.label_smoothing or 0.0:g}"}
        },
    )


def prepare_all(
    network: "TrainableNetwork", material: Material
) -> tuple[dict[int, "Features"], Material, tuple[str, ...]]:
    """Prepare every sample once for all folds, as float16; without those that show nothing.

    Damaged files are left out too, with a sentence on how many. Raises `InputError` where not one
    can be read.
    """
    import torch

    from models.architectures.network import as_type

    def prepare(row: int) -> "Features | None":
        sample = material.read(row)
        return None if sample is None else as_type(network.prepare(sample), torch.float16)

    count = len(material.labels)
    found = read_readable({row: row for row in range(count)}, prepare)
    features = {row: own for row, own in found.samples.items() if own is not None}
    warnings = warn_of_damaged(found.damaged, count)
    return features, material.without(set(range(count)) - set(features)), warnings


def _chosen(features: dict[int, "Features"], rows: Rows) -> list["Features"]:
    return [features[int(row)] for row in rows]


def run_protocol(
    recipe: Recipe,
    features: dict[int, "Features"],
    material: Material,
    protocol: Protocol,
    name: str,
) -> FoldedMeasures:
    """Train, calibrate and test each fold anew; figures over all and of each fold."""
    scores = np.zeros((len(protocol.labels), len(protocol.classes)), dtype=np.float32)
    folds: list[int] = []
    for number, (train, validation, test) in enumerate(protocol.folds):
        network = recipe.new_network(len(protocol.classes))
        place = f"{name.split(',')[0]}-fold-{number}"
        recipe.train(network, _chosen(features, train), protocol.labels[train], place)
        held = recipe.logits(network, _chosen(features, validation))
        temperature = fit_temperature(protocol.labels[validation].tolist(), held)
        found = recipe.logits(network, _chosen(features, test))
        scores[test] = softmax(found / np.float32(temperature))
        folds += [number] * len(test)
    rows = np.concatenate([test for _, _, test in protocol.folds])
    return measure_folds(
        protocol.labels[rows].tolist(),
        scores[rows],
        folds,
        [material.speakers[row] for row in rows],
        protocol.classes,
        f"{name}: {recipe.options.architecture} trained on the other speakers of each fold, "
        "two of whom set the temperature.",
    )


def _measure(
    recipe: Recipe,
    network: "TrainableNetwork",
    features: dict[int, "Features"],
    rows: Rows,
    material: Material,
    temperature: float,
) -> Batch:
    logits = recipe.logits(network, _chosen(features, rows))
    scores = softmax(logits / np.float32(temperature))
    return measure(material.labels[rows].tolist(), scores, classes=material.classes).model_dump()


def save(
    network: "TrainableNetwork", recipe: Recipe, material: Material, temperature: float
) -> Path:
    """Write the weights, their header, and what lies beside them."""
    path = recipe.out / f"{recipe.branch}.safetensors"
    companions = network.companions()
    config = {
        "branch": recipe.branch,
        "architecture": recipe.options.architecture,
        "parameters": recipe.parameters(),
        "encoder": network.encoder_config(),
        "companions": sorted(companions),
        "classes": material.classes,
        "temperature": round(temperature, 4),
        "corpora": material.corpora,
        "calibration_speakers": material.calibration_speakers(),
        "n_train": material.n_train,
        "augmented": material.augmented,
        "epochs": recipe.plan.epochs,
        "seed": recipe.options.seed,
        **store_fingerprints(path, (material.fingerprint(int(row)) for row in material.train)),
    }
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_weights(path, state, config)
    for suffix, text in companions.items():
        path.with_suffix(suffix).write_text(text, encoding="utf-8")
    return path
