"""Warn of tested samples and speakers that the weights were trained on.

Weights know their training samples by content (`fingerprints`), since trainings store them; their
speakers by the names of corpora alone.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from lab.measures.fingerprints import fingerprints, trained_on
from models.text.embedded import MULTILINGUAL_SUFFIX
from schemas.corpus import SAME_PEOPLE, LabelledClip
from schemas.errors import InputError
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


def warn_of_trained_samples(branch: str, weights: Path, clips: Sequence[LabelledClip]) -> list[str]:
    """Return a sentence on how many of the clips the weights were trained on; empty for none.

    Clips are known by their content, whatever the set or its files are called. Weights that were
    trained before fingerprints were stored, as those that ship, give no warning. Of the words the
    network for other languages beside the English one counts as well.
    """
    known: set[bytes] = set()
    warnings: list[str] = []
    for file in (weights, weights.with_suffix(MULTILINGUAL_SUFFIX)):
        try:
            known |= trained_on(file, _header(file))
        except InputError as error:
            warnings.append(error.sentence)
    found = fingerprints(branch, clips) if known else []
    if count := sum(own in known for own in found):
        warnings.append(
            f"{weights.name} was trained on {count} of these {len(clips)} samples, by their "
            "content: leave them out to learn how good it is."
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
