"""Choose the device and precision of a network."""

import functools
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from schemas.errors import WeightsError

if TYPE_CHECKING:
    import torch


def choose_device(wanted: Literal["auto", "cpu", "cuda"]) -> "torch.device":
    """Return the GPU where there is one and it is not refused.

    Raises `WeightsError` where a GPU is wanted and there is none.
    """
    import torch

    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise WeightsError("There is no CUDA device here; set weights.device to auto or cpu.")
    return torch.device("cuda" if there and wanted != "cpu" else "cpu")


@functools.cache
def fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 by itself; elsewhere it is slower than float32."""
    flags = Path("/proc/cpuinfo")
    return flags.is_file() and "avx512_bf16" in flags.read_text(encoding="utf-8")


def half_precision(device: "torch.device") -> AbstractContextManager[object]:
    """Compute in bfloat16 inside this context where that is faster, in float32 elsewhere."""
    import torch

    if device.type == "cpu" and not fast_bfloat16():
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)
