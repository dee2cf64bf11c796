"""The table of architectures that can be trained: branch -> name -> constructor.

They are the designs of earlier systems, each behind the contract of
`models/architectures/network.py`. The shipped networks have
trainers of their own. A weights file names its row in its header, as `architecture`.
"""

import importlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

from schemas.errors import SettingsError
from schemas.suggestions import suggestion

if TYPE_CHECKING:
    from models.architectures.network import TrainableNetwork

Parameters = Mapping[str, str | int | float | bool]
"""Named choices of one architecture, such as `{"pooling": "average"}`."""


class Architecture(NamedTuple):
    """Where a network is, and the parameters that make it this row of the table."""

    constructor: str
    preset: dict[str, str | int | float | bool] = {}


ARCHITECTURES: dict[str, dict[str, Architecture]] = {
    "audio": {
        "mfcc-cnn-2d": Architecture("models.architectures.mfcc_cnn:MfccCnn2d"),
        "mfcc-cnn-1d": Architecture("models.architectures.mfcc_cnn:MfccCnn1d"),
        "mel-transformer": Architecture("models.architectures.mel_transformer:MelTransformer"),
        "mel-transformer-495": Architecture(
            "models.architectures.mel_transformer:MelTransformer", {"reach": 494}
        ),
        "level-logistic": Architecture("models.architectures.level:LevelLogistic"),
        "wav2vec2": Architecture("models.architectures.speech_encoder:SpeechEncoder"),
        "vggish": Architecture("models.architectures.vggish:Vggish"),
    },
    "video": {
        "resnet18-transformer": Architecture(
            "models.architectures.resnet_transformer:ResnetTransformer"
        ),
    },
    "text": {
        "bert": Architecture("models.architectures.text_encoder:TextEncoder"),
        "xlm-r": Architecture(
            "models.architectures.text_encoder:TextEncoder", {"languages": "en fr de it es"}
        ),
        "tfidf-mlp": Architecture(
            "models.architectures.bag_of_words:BagOfWords", {"counted": "tf-idf"}
        ),
        "one-hot-mlp": Architecture(
            "models.architectures.bag_of_words:BagOfWords", {"counted": "one-hot"}
        ),
    },
    "fusion": {
        "probability-mlp": Architecture("models.architectures.fusion_networks:ProbabilityNetwork"),
        "concatenation": Architecture("models.architectures.fusion_networks:ConcatenationNetwork"),
        "joint-mfcc-words": Architecture(
            "models.architectures.joint:JointNetwork",
            {"audio": "mfcc-cnn-1d", "text": "one-hot-mlp"},
        ),
        "joint-wav2vec2-resnet18": Architecture(
            "models.architectures.joint:JointNetwork",
            {"audio": "wav2vec2", "video": "resnet18-transformer", "width": 0},
        ),
        "joint-vggish-bert": Architecture(
            "models.architectures.joint:JointNetwork", {"audio": "vggish", "text": "bert"}
        ),
    },
}
"""The table of trainable architectures."""

_GIVEN = frozenset({"n_classes", "encoder", "n_branches", "widths", "return"})
"""Arguments that a constructor gets from the trainer, never from a user."""


def build(
    branch: str,
    name: str,
    parameters: Parameters | None = None,
    n_classes: int | None = None,
    encoder: dict[str, Any] | None = None,
) -> "TrainableNetwork":
    """Build an untrained network of the table; `encoder` is the shape of a pretrained encoder.

    It has the seven classes where `n_classes` says nothing else. Raises `SettingsError` that names
    the nearest known name, parameter or value.
    """
    from schemas.emotions import EMOTIONS

    given = {"n_classes": n_classes or len(EMOTIONS)}
    network: TrainableNetwork = construct(branch, name, parameters, given, encoder)
    return network


def construct(
    branch: str,
    name: str,
    parameters: Parameters | None,
    given: dict[str, Any],
    encoder: dict[str, Any] | None = None,
) -> Any:
    """Build any row, those of fusion too, with what the trainer has `given`."""
    row = find(branch, name)
    constructor = _imported(row)
    choices: dict[str, Any] = dict(row.preset) | checked(branch, name, parameters or {})
    if encoder is not None:
        choices["encoder"] = encoder
    return constructor(**given, **choices)


def find(branch: str, name: str) -> Architecture:
    """Return a row of the table; `SettingsError` where there is none."""
    rows = ARCHITECTURES.get(branch, {})
    if name not in rows:
        raise SettingsError(f"There is no {branch} architecture '{name}'; {_remedy(name, rows)}")
    return rows[name]


def checked(branch: str, name: str, parameters: Parameters) -> dict[str, Any]:
    """Read parameters as their types say, such as "3" as 3; `SettingsError` for any other."""
    from pydantic import TypeAdapter, ValidationError

    hints = get_type_hints(_imported(find(branch, name)).__init__)
    known = {key: hint for key, hint in hints.items() if key not in _GIVEN}
    found: dict[str, Any] = {}
    for key, value in parameters.items():
        if key not in known:
            raise SettingsError(f"{name} has no parameter '{key}'; {_remedy(key, known)}")
        try:
            found[key] = TypeAdapter(known[key]).validate_python(value)
        except ValidationError as error:
            said = error.errors()[0]["msg"]
            raise SettingsError(f"{name} cannot have {key}={value}: {said.lower()}.") from error
    return found


def described() -> str:
    """Return the table in one line per branch, for a help text."""
    return "; ".join(f"{branch}: {', '.join(rows)}" for branch, rows in ARCHITECTURES.items())


def _imported(row: Architecture) -> Any:
    module, attribute = row.constructor.split(":")
    return getattr(importlib.import_module(module), attribute)


def _remedy(wanted: str, known: Iterable[str]) -> str:
    names = sorted(known)
    return suggestion(wanted, names) if names else "it has none."
