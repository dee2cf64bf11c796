"""A starting encoder that is made and trained as Whisper's is, in a thirtieth of the time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.audio.network import WHISPER_TINY, NetworkShape, VoiceEncoder

SMALL: NetworkShape = {**WHISPER_TINY, "width": 48, "n_layers": 2, "n_heads": 2, "n_inner": 96}


@contextmanager
def small_start(folder: Path) -> Iterator[Path]:
    """Write a small encoder to start from, and let trainings make networks of its shape."""
    torch.manual_seed(0)
    save_file(VoiceEncoder(SMALL).state_dict(), folder / "encoder.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.audio.network.WHISPER_TINY", SMALL)
        yield folder
