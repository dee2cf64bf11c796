"""The failure of one step of a recording, with what an operator can do about it."""

from schemas.errors import (
    InputError,
    PolicyError,
    ResourceError,
    SettingsError,
    TonescribeError,
    WeightsError,
    one_line,
)

CAUSES: dict[type[TonescribeError], str] = {
    InputError: "input",
    PolicyError: "policy",
    ResourceError: "resource",
    SettingsError: "settings",
    WeightsError: "weights",
}
"""What an operator can do about a failure; anything else is a defect, "internal"."""


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
