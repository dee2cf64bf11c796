"""The failure of one step of a recording, with what an operator can do about it."""

from schemas.errors import (
    FullDiskError,
    InputError,
    PolicyError,
    ResourceError,
    SettingsError,
    TonescribeError,
    UnavailableError,
    WeightsError,
    one_line,
)
from tasks.dataset.store import FULL

CAUSES: dict[type[TonescribeError], str] = {
    InputError: "input",
    PolicyError: "policy",
    ResourceError: "resource",
    SettingsError: "settings",
    WeightsError: "weights",
}
"""What an operator can do about a failure; anything else is a defect, "internal"."""

_OF_NETWORKS = frozenset({"aiohttp", "aiobotocore", "azure", "botocore", "gcsfs", "httpx", "s3fs"})
"""Packages whose errors are those of a storage or network; each has classes of its own."""


def as_ours(error: Exception) -> Exception:
    """Return what an error of the system or of a driver means, where it will pass by itself."""
    if isinstance(error, TonescribeError):
        return error
    if isinstance(error, OSError) and error.errno in FULL:
        return FullDiskError("A disk is full; free some space.")
    is_of_network = type(error).__module__.split(".")[0] in _OF_NETWORKS
    if is_of_network or isinstance(error, ConnectionError | TimeoutError):
        return UnavailableError(f"A storage does not answer: {error}; try again later.")
    return error


class StageFailedError(Exception):
    """A stage could not do its work on this recording."""

    def __init__(self, stage: str, error: Exception) -> None:
        if isinstance(error, TonescribeError):
            self.sentence = error.sentence
        else:
            message = f"The stage '{stage}' failed ({type(error).__name__}: {error})."
            self.sentence = one_line(message)
        self.cause = next((c for kind, c in CAUSES.items() if isinstance(error, kind)), "internal")
        self.stage = stage
        super().__init__(self.sentence)

    def __repr__(self) -> str:
        """Return stage and cause; Prefect logs what states hold, and a sentence may hold names."""
        return f"StageFailedError({self.stage!r}, {self.cause!r})"
