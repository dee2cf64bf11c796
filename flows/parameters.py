"""Parameters of the flows, which are the command line's, as settings."""

from typing import Any

from schemas.settings import Settings, load_settings

NESTED = {
    "speakers": ("speakers", "exactly"),
    "min_speakers": ("speakers", "at_least"),
    "max_speakers": ("speakers", "at_most"),
}
"""Parameters whose setting lies in a section."""


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
