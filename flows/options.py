"""What one run is asked to do: the options of `tonescribe annotate` and of the flows."""

import os
from typing import Any, Self

from pydantic import ValidationError

from schemas.errors import SettingsError
from schemas.faults import describe_validation
from schemas.settings import Settings, load_settings
from schemas.values import Value

_SETTING_OF = {
    "speakers": ("speakers", "exactly"),
    "min_speakers": ("speakers", "at_least"),
    "max_speakers": ("speakers", "at_most"),
}
"""Options whose setting lies in a section."""

_OF_BATCH = frozenset({"source", "out", "runner", "workers", "server", "limit", "requeue"})
"""Options that say nothing about the annotation of a single recording."""


class AnnotateOptions(Value):
    """Options of one run; None leaves a choice to the settings file and the environment.

    `limit` is the most recordings to annotate; `requeue` tries those in quarantine again.
    """

    source: str | None = None
    out: str | None = None
    profile: str | None = None
    captions: str | None = None
    language: str | None = None
    speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None
    purpose: str | None = None
    purpose_note: str | None = None
    jurisdiction: str | None = None
    context: str | None = None
    runner: str | None = None
    workers: int | None = None
    server: str | None = None
    limit: int | None = None
    requeue: bool = False

    @classmethod
    def of(cls, **options: Any) -> Self:
        """Check options that come from outside; raises `SettingsError` with one sentence."""
        try:
            return cls(**options)
        except ValidationError as error:
            raise SettingsError(describe_validation(error, cls)) from error

    @property
    def of_recording(self) -> dict[str, Any]:
        """The options that were given and hold for each recording, as parameters of a flow."""
        return self.model_dump(exclude_none=True, exclude=set(_OF_BATCH))

    def settings(self) -> Settings:
        """Load the settings with these options on top; raises `SettingsError`."""
        overrides: dict[str, Any] = {}
        for name, value in self.model_dump(exclude_none=True, exclude={"limit", "requeue"}).items():
            if name in _SETTING_OF:
                section, key = _SETTING_OF[name]
                overrides.setdefault(section, {})[key] = value
            else:
                overrides[name] = value
        return load_settings(overrides)


PREFECT_QUIET = {
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}
"""The command line prints its own lines instead of Prefect's log, which its server still gets.
Its temporary server may start slowly."""


def quiet_prefect() -> None:
    """Set `PREFECT_QUIET` where the user has not; it has an effect before Prefect is imported."""
    for name, value in PREFECT_QUIET.items():
        os.environ.setdefault(name, value)
