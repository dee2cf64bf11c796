"""Options and report of a trainer."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from schemas.values import Json, Value

Schedule = Literal["cosine", "inverse-sqrt"]
"""How the learning rate falls after its warm-up: to nought in a half wave, or slower and slower."""


class TrainingOptions(Value):
    """Options of every trainer; None leaves the trainer's own default.

    `start` is the folder of starting weights; `limit` keeps that many samples per corpus, for
    trials; `resume` goes on from the last checkpoint under the output folder; `corpora` names
    the corpora to train on; `folds` says whether unseen speakers are measured by
    cross-validation before the final training; `accumulation` batches make one step; `schedule`
    is how the learning rate falls.

    `label_smoothing` in [0, 1) is the share of a target that all classes get alike; only
    architectures of a single branch have it.

    `corrections` is a dataset whose reviewers are learned from as well, by the words that ship.

    `protocol` chooses what an evaluation on the corpora of a card measures.

    `architecture` names a row of `models/architectures/table.py` to train instead of the network
    that ships, and `parameters` its choices.
    """

    start: Path | None = None
    epochs: NonNegativeFloat | None = None
    batch_size: PositiveInt | None = None
    learning_rate: PositiveFloat | None = None
    weight_decay: NonNegativeFloat | None = None
    seed: int = 0
    limit: PositiveInt | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: PositiveInt | None = None
    resume: bool = False
    folds: bool = True
    protocol: Literal["card", "left-out"] = "card"
    corpora: tuple[str, ...] = ()
    accumulation: PositiveInt | None = None
    schedule: Schedule | None = None
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] | None = None
    corrections: str | None = None
    architecture: str | None = None
    parameters: dict[str, str | int | float | bool] = {}


class TrainingReport(Value):
    """What a training made: the weights, their card, and the figures on unseen speakers.

    `measures` maps a protocol ("ravdess six folds") to its figures; `warnings` are sentences on
    what was left out; `seconds` is the time of all of it, folds included. `augmented` counts by
    class the changed copies that were trained on beside the `n_train` samples.
    """

    branch: str
    weights: Path
    card: Path | None = None
    n_train: int
    augmented: dict[str, int] = {}
    seconds: float
    measures: dict[str, Json] = {}
    warnings: tuple[str, ...] = ()
