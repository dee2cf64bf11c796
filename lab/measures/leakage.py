"""Warn of tested speakers that the weights were trained on, by their header."""

import json
from collections.abc import Sequence
from pathlib import Path

from schemas.corpus import SAME_PEOPLE, LabelledClip
from schemas.values import Json

_NAMED = 3


def warn_of_trained_speakers(weights: Path, clips: Sequence[LabelledClip]) -> list[str]:
    """Return a sentence for each corpus whose speakers the weights were trained on.

    A table is taken for a corpus by its name (`emodb.csv`), for want of anything better. Speakers
    who only set the temperature are not counted as trained on.
    """
    config = _header(weights)
    held_out = set(config.get("calibration_speakers", ()))
    warnings = []
    named = [clip.model_copy(update={"corpus": clip.corpus.lower()}) for clip in clips]
    trained = {SAME_PEOPLE.get(corpus, corpus) for corpus in config.get("corpora", ())}
    for corpus in sorted({clip.people for clip in named} & trained):
        tested = {clip for clip in named if clip.people == corpus}
        known = sorted({clip.speaker for clip in tested if clip.person not in held_out})
        if known:
            warnings.append(
                f"{weights.name} was trained on {corpus}: the figures for its {_people(known)} "
                "are of people whom it knows."
            )
    return warnings


def _people(speakers: Sequence[str]) -> str:
    named = ", ".join(speakers[:_NAMED])
    more = f" and {len(speakers) - _NAMED} more" if len(speakers) > _NAMED else ""
    return f"speaker{'s' if len(speakers) > 1 else ''} {named}{more}"


def _header(weights: Path) -> Json:
    """Return the configuration in the header of our weights; empty for others."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(weights), framework="np") as file:
            config: Json = json.loads((file.metadata() or {}).get("config", "{}"))
            return config
    except (OSError, SafetensorError, ValueError):
        return {}
