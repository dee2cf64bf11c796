"""Fit a network with transformers' Trainer: warm-up, then cosine or inverse square root.

The Trainer keeps a checkpoint per epoch, goes on from it when asked to, and writes its loss and
learning rate for TensorBoard, where validation samples are given their loss and figures as well.
"""

import contextlib
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from numpy.typing import NDArray

from lab.training.options import Schedule, TrainingOptions
from models.precision import fast_bfloat16
from schemas.errors import SettingsError
from schemas.values import Value

if TYPE_CHECKING:
    import numpy as np
    import torch

Batch = dict[str, Any]
"""Arguments of a network's `forward`, or one row of them, by name."""


class Looks(Protocol):
    """Training samples; each look at one may differ, as augmentation draws anew."""

    def __len__(self) -> int:
        """Count of samples in an epoch."""

    def __getitem__(self, row: int, /) -> Batch:
        """One look at a sample."""


class Validation(NamedTuple):
    """Samples that are judged after each epoch and never trained on, and what is made of it.

    `measure(logits, labels)` takes (n, classes) and (n,) and returns named figures.
    """

    dataset: Looks
    measure: Callable[["NDArray[np.floating]", "NDArray[np.int64]"], dict[str, float]]


SCHEDULERS: dict[Schedule, str] = {"cosine": "cosine", "inverse-sqrt": "inverse_sqrt"}
"""Schedule -> transformers' name for it."""

_CHOSEN = (
    *("epochs", "batch_size", "learning_rate", "weight_decay", "schedule", "threads"),
    "accumulation",
)
"""Fields that an option of the same name overrides."""

_LOGGING_STEPS = 50
"""Steps between two points of a curve, where an epoch has that many."""


class FittingPlan(Value):
    """How a network is fitted; `sgd` has Nesterov momentum 0.9.

    The rate rises during the share `warmup` of all steps. After that `inverse-sqrt` falls as
    1 / sqrt(step / warm-up steps), as in Vaswani et al. 2017, "Attention Is All You Need".
    """

    epochs: float
    batch_size: int
    learning_rate: float
    weight_decay: float
    optimizer: Literal["sgd", "adamw"] = "adamw"
    schedule: Schedule = "cosine"
    warmup: float = 0.1
    accumulation: int = 1
    group_by_length: bool = False
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 1
    resume: bool = False

    def told(self, options: TrainingOptions) -> "FittingPlan":
        """Return the plan with what the user's options say."""
        chosen = {name: value for name in _CHOSEN if (value := getattr(options, name)) is not None}
        always = {"seed": options.seed, "device": options.device, "resume": options.resume}
        return self.model_copy(update=chosen | always)


def fit(
    network: "torch.nn.Module",
    dataset: Looks,
    collate: Callable[[list[Any]], Batch],
    plan: FittingPlan,
    out: Path,
    validation: Validation | None = None,
) -> None:
    """Fit a network whose `forward(**batch)` returns `{"loss": ...}`; weights change in place.

    No epochs leave the network as it is. Checkpoints go to `out/checkpoints`, curves to
    `out/runs`. With `validation`, `forward` returns `logits` too and its batches hold `labels`.
    Raises `SettingsError` where the training packages are not installed.
    """
    import torch

    try:
        from transformers import Trainer, TrainingArguments
    except ImportError as error:
        raise SettingsError("Training needs more packages: install tonescribe[train].") from error
    torch.set_num_threads(plan.threads)
    if plan.epochs == 0:
        network.eval()
        return
    arguments = TrainingArguments(**_arguments(plan, out, len(dataset)) | _evaluation(validation))
    trainer = Trainer(
        model=network,
        args=arguments,
        train_dataset=dataset,
        data_collator=collate,
        optimizers=(_optimizer(network, plan), None),
        eval_dataset=validation and validation.dataset,
        compute_metrics=validation and _measured_by(validation),
    )
    # the Trainer prints its log; on the standard output stands the report of the whole alone
    with contextlib.redirect_stdout(sys.stderr):
        trainer.train(resume_from_checkpoint=plan.resume and _has_checkpoint(out))
    network.eval()


def _evaluation(validation: Validation | None) -> Batch:
    return {} if validation is None else {"eval_strategy": "epoch", "label_names": ["labels"]}


def _measured_by(validation: Validation) -> Callable[[Any], dict[str, float]]:
    return lambda found: validation.measure(found.predictions, found.label_ids)


def _arguments(plan: FittingPlan, out: Path, n_samples: int) -> Batch:
    import torch

    steps = math.ceil(n_samples / (plan.batch_size * plan.accumulation))
    on_cpu = plan.device == "cpu" or not torch.cuda.is_available()
    return {
        "output_dir": str(out / "checkpoints"),
        "logging_dir": str(out / "runs"),
        "num_train_epochs": plan.epochs,
        "per_device_train_batch_size": plan.batch_size,
        "per_device_eval_batch_size": plan.batch_size,
        "gradient_accumulation_steps": plan.accumulation,
        "learning_rate": plan.learning_rate,
        "warmup_ratio": plan.warmup,
        "lr_scheduler_type": SCHEDULERS[plan.schedule],
        "group_by_length": plan.group_by_length,
        "length_column_name": "length",
        "seed": plan.seed,
        "use_cpu": on_cpu,
        # without AVX512-BF16 or a GPU bfloat16 is emulated, slower than float32
        "bf16": not on_cpu or fast_bfloat16(),
        "save_strategy": "epoch",
        # safetensors refuses the channels-last matrices that make convolutions fast
        "save_safetensors": False,
        "save_total_limit": 1,
        "logging_steps": max(1, min(_LOGGING_STEPS, steps)),
        "report_to": _reporters(),
        "remove_unused_columns": False,
        "dataloader_pin_memory": not on_cpu,
        # a bar where somebody looks, lines of the log anywhere else
        "disable_tqdm": not sys.stderr.isatty(),
    }


def _reporters() -> list[str]:
    with contextlib.suppress(ImportError):
        import tensorboard  # noqa: F401

        return ["tensorboard"]
    return []


def _optimizer(network: "torch.nn.Module", plan: FittingPlan) -> "torch.optim.Optimizer":
    """Decay matrices only; frozen parameters are left out."""
    import torch

    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups: list[Batch] = [
        {"params": [p for p in learned if p.ndim >= 2], "weight_decay": plan.weight_decay},
        {"params": [p for p in learned if p.ndim < 2], "weight_decay": 0.0},
    ]
    if plan.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=plan.learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=plan.learning_rate)


def _has_checkpoint(out: Path) -> bool:
    return any((out / "checkpoints").glob("checkpoint-*"))
