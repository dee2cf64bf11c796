"""The two networks that travel inside other projects' wheels, read as data by their paths.

Neither wheel is imported: whisperX's import is heavy, Resemblyzer's wants `pkg_resources` and a
compiled voice activity detector. Both files are pickles, so their digest is checked before they
are opened, and even then only the few classes they are known to hold may be made.
"""

import hashlib
import importlib.util
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import WeightsError

if TYPE_CHECKING:
    import torch
    from pyannote.audio import Model

    from models.voices.encoder import SpeakerEncoder

SEGMENTATION_SHA256 = "0b5b3216d60a2d32fc086b47ea8c67589aaeb26b7e07fcbe620d6d0b83e209ea"
"""pyannote/segmentation, three speakers in five seconds (Bredin and Laurent 2021,
"End-to-end speaker segmentation for overlap-aware resegmentation"), in whisperX's wheel."""

ENCODER_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
"""Resemblyzer's speaker encoder (Wan et al. 2018, "Generalized end-to-end loss for speaker
verification"), in Resemblyzer 0.1.4's wheel."""


def segmentation_path() -> Path:
    """Where whisperX's wheel keeps the segmentation network.

    Raises `WeightsError` where whisperX is not installed.
    """
    spec = importlib.util.find_spec("whisperx")
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(
            "The segmentation network is missing since whisperx is not installed; "
            "install tonescribe with its requirements."
        )
    return Path(spec.submodule_search_locations[0]) / "assets" / "pytorch_model.bin"


def encoder_path() -> Path:
    """Where the installation keeps Resemblyzer's weights, outside the import path."""
    return Path(sys.prefix) / "share" / "tonescribe" / "resemblyzer" / "pretrained.pt"


def load_segmentation() -> "Model":
    """Load the segmentation network as a pyannote model in evaluation mode.

    Raises `WeightsError` where the file is missing or is not the pinned one.
    """
    import torch
    from pyannote.audio.models.segmentation import PyanNet

    path = _checked(segmentation_path(), SEGMENTATION_SHA256, "reinstall whisperx 3.8")
    with torch.serialization.safe_globals(_checkpoint_classes()):
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    model = PyanNet(**checkpoint["hyper_parameters"])
    model.specifications = checkpoint["pyannote.audio"]["specifications"]
    model.build()
    model.load_state_dict(checkpoint["state_dict"])
    return model.eval()


def load_encoder() -> "SpeakerEncoder":
    """Load the speaker encoder in evaluation mode.

    Raises `WeightsError` where the file is missing or is not the pinned one.
    """
    import torch

    from models.voices.encoder import SpeakerEncoder

    remedy = "put Resemblyzer 0.1.4's wheel there with `make install`"
    path = _checked(encoder_path(), ENCODER_SHA256, remedy)
    state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    encoder = SpeakerEncoder()
    # The checkpoint also holds the two scalars of the GE2E loss, of no use here.
    encoder.load_state_dict(
        {name: value for name, value in state.items() if not name.startswith("similarity")}
    )
    return encoder.eval()


def _checked(path: Path, sha256: str, remedy: str) -> Path:
    """Return the path if the file there is the pinned one."""
    if not path.is_file():
        raise WeightsError(f"The weights {path} are missing; {remedy}.")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise WeightsError(
            f"The weights {path} are not the ones that tonescribe knows "
            f"(SHA-256 {found[:12]}… instead of {sha256[:12]}…); {remedy}."
        )
    return path


def _checkpoint_classes() -> list[Any]:
    """The classes that the segmentation checkpoint names; nothing else may be unpickled."""
    from omegaconf.base import ContainerMetadata, Metadata
    from omegaconf.listconfig import ListConfig
    from omegaconf.nodes import AnyNode
    from pyannote.audio.core.model import Introspection
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from torch.torch_version import TorchVersion

    pyannote = [Introspection, Problem, Resolution, Specifications]
    omegaconf = [AnyNode, ContainerMetadata, ListConfig, Metadata]
    return [*pyannote, *omegaconf, TorchVersion, Any, dict, list, int, defaultdict]


def device_of(wanted: str) -> "torch.device":
    """Return the device to compute on; `auto` is a GPU where there is one."""
    import torch

    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)
