"""Read what the header of weights says of mostly neutral people."""

from models.protocols import Baseline
from schemas.values import Json, Seconds


def baseline_of(config: Json, halfway: Seconds) -> Baseline | None:
    """Return the baseline of a header with `neutral_reference`, None without."""
    reference = config.get("neutral_reference")
    if not reference:
        return None
    sharpening = float(config.get("baseline_sharpening", 0.0))
    return Baseline(tuple(map(float, reference)), halfway, sharpening)
