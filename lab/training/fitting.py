"""Fit a network with transformers' Trainer: warm-up and cosine schedule.

The Trainer keeps a checkpoint per epoch, goes on from it when asked to, and writes its loss and
learning rate for TensorBoard.
"""

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lab.training.options import TrainingOptions
from models.precision import fast_bfloat16
from schemas.errors import SettingsError
from schemas.values import Value

if TYPE_CHECKING:
    import torch

Batch = dict[str, Any]
"""Arguments of a network's `forward`, or one row of them, by name."""


class Looks(Protocol):
    """Training samples; each look at one may differ, as augmentation draws anew."""

    def __len__(self) -> int:
        """Count of samples in an epoch."""

    def __getitem__(self, row: int, /) -> Batch:
        """One look at a sample."""


class FittingPlan(Value):
    """How a network is fitted; `sgd` has Nesterov momentum 0.9."""

    epochs: float
    batch_size: int
    learning_rate: float
    weight_decay: float
    optimizer: Literal["sgd", "adamw"] = "adamw"
    warmup: float = 0.1
    accumulation: int = 1
    group_by_length: bool = False
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 1
    resume: bool = False

    def told(self, options: TrainingOptions) -> "FittingPlan":
        """Return the plan with what the user's options say."""
        names = ("epochs", "batch_size", "learning_rate", "weight_decay", "threads", "accumulation")
        chosen = {name: value for name in names if (value := getattr(options, name)) is not None}
        always = {"seed": options.seed, "device": options.device, "resume": options.resume}
        return self.model_copy(update=chosen | always)


def fit(
    network: "torch.nn.Module",
    dataset: Looks,
    collate: Callable[[list[Any]], Batch],
    plan: FittingPlan,
    out: Path,
) -> None:
    """Fit a network whose `forward(**batch)` returns `{"loss": ...}`; weights change in place.

    No epochs leave the network as it is. Checkpoints go to `out/checkpoints`, curves to
    `out/runs`. Raises `SettingsError` where the training packages are not installed.
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
    arguments = TrainingArguments(**_arguments(plan, out))
    trainer = Trainer(
        model=network,
        args=arguments,
        train_dataset=dataset,
        data_collator=collate,
        optimizers=(_optimizer(network, plan), None),
    )
    # the Trainer prints its log; on the standard output stands the report of the whole alone
    with contextlib.redirect_stdout(sys.stderr):
        trainer.train(resume_from_checkpoint=plan.resume and _has_checkpoint(out))
    network.eval()


def _arguments(plan: FittingPlan, out: Path) -> Batch:
    import torch

    on_cpu = plan.device == "cpu" or not torch.cuda.is_available()
    return {
        "output_dir": str(out / "checkpoints"),
        "logging_dir": str(out / "runs"),
        "num_train_epochs": plan.epochs,
        "per_device_train_batch_size": plan.batch_size,
        "gradient_accumulation_steps": plan.accumulation,
        "learning_rate": plan.learning_rate,
        "warmup_ratio": plan.warmup,
        "lr_scheduler_type": "cosine",
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
        "logging_steps": 50,
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
