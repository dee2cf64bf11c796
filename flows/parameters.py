"""Parameters of the flows, which are the command line's, as settings."""

import os
from typing import Any

from schemas.settings import Settings, load_settings

NESTED = {
    "speakers": ("speakers", "exactly"),
    "min_speakers": ("speakers", "at_least"),
    "max_speakers": ("speakers", "at_most"),
}
"""Parameters whose setting lies in a section."""

PREFECT_QUIET = {
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}
"""Our own lines say what Prefect's log would say on the terminal; its server still gets the log.
Its temporary server may start slowly."""


def quiet_prefect() -> None:
    """Set the above where the user has not; it holds only before Prefect is imported."""
    for name, value in PREFECT_QUIET.items():
        os.environ.setdefault(name, value)


def settings_from(**parameters: Any) -> Settings:
    """Load the settings with the parameters that were given; None is "not given"."""
    overrides: dict[str, Any] = {}
    for name, value in parameters.items():
        if value is None:
            continue
        if name in NESTED:
            section, key = NESTED[name]
            overrides.setdefault(section, {})[key] = value
        else:
            overrides[name] = value
    return load_settings(overrides)
