"""Shipped weights: safetensors with int8 rows, their configuration in the header.

Matrices are stored as int8 with one float16 scale per output row (symmetric, as in
Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference") and computed with in float32: a quarter of the size,
the accuracy of the float weights to a tenth of a point.
"""

import contextlib
import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import WeightsError
from schemas.values import Json

if TYPE_CHECKING:
    import torch

SHIPPED = Path(__file__).parent / "weights"
"""The folder of the networks that come with tonescribe."""

_SCALE = "::scale"
_SMALLEST_MATRIX = 4096


def shipped(name: str) -> Path:
    """Path of a shipped network's weights, such as `audio`."""
    return SHIPPED / f"{name}.safetensors"


def save_weights(path: Path, state: Mapping[str, "torch.Tensor"], config: Json) -> None:
    """Write a state dict and its JSON configuration; large matrices become int8."""
    import torch
    from safetensors.torch import save_file

    stored: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        value = tensor.detach().cpu()
        if value.is_floating_point() and value.ndim >= 2 and value.numel() >= _SMALLEST_MATRIX:
            rows = value.float().reshape(value.shape[0], -1)
            scale = (rows.abs().amax(dim=1) / 127).clamp(min=1e-8).half().float()
            scale = scale.clamp(min=float(torch.finfo(torch.float16).smallest_normal))
            stored[name] = (
                (rows / scale[:, None]).round().clamp(-127, 127).to(torch.int8).reshape(value.shape)
            )
            stored[name + _SCALE] = scale.half()
        elif value.is_floating_point():
            stored[name] = value.float().contiguous()
        else:
            stored[name] = value.contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(stored, str(path), metadata={"config": json.dumps(dict(config), sort_keys=True)})


def load_weights(path: Path) -> tuple[dict[str, "torch.Tensor"], Json]:
    """Read a state dict (float32) and its configuration.

    Raises `WeightsError` where the file is missing or is no safetensors file of ours.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WeightsError(f"The weights {path} are missing; train them or reinstall tonescribe.")
    try:
        with safe_open(str(path), framework="pt") as file:
            config = json.loads((file.metadata() or {})["config"])
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError) as error:
        raise WeightsError(f"{path} holds no weights of tonescribe: {error}") from error
    state: dict[str, torch.Tensor] = {}
    for name, tensor in stored.items():
        if name.endswith(_SCALE):
            continue
        scale = stored.get(name + _SCALE)
        if scale is not None:
            shape = (-1, *([1] * (tensor.ndim - 1)))
            tensor = tensor.float() * scale.float().reshape(shape)
        state[name] = tensor
    return state, config


@contextlib.contextmanager
def refusing_other_networks(path: Path, kind: str) -> Iterator[None]:
    """Turn the error of loading another network's state into `WeightsError`."""
    try:
        yield
    except (KeyError, TypeError, RuntimeError) as error:
        raise WeightsError(
            f"{path} holds no {kind} network of tonescribe; name another file or train it anew."
        ) from error


@functools.cache
def file_digest(path: Path) -> str:
    """First 12 hex digits of the SHA-256 of a file; `WeightsError` where it is missing."""
    if not path.is_file():
        raise WeightsError(f"The weights {path} are missing; train them or reinstall tonescribe.")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
