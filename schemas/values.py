"""Units, the one rounding rule, and the base of every frozen value."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = float
Hertz = int
Probability = Annotated[float, Field(ge=0.0, le=1.0)]

SAMPLE_RATE: Hertz = 16_000
"""Every waveform inside tonescribe is mono float32 in [-1, 1] at this rate."""


def to_grid(seconds: Seconds) -> Seconds:
    """Round a time to the grid of one millisecond on which all published times lie."""
    return round(float(seconds), 3)


class Value(BaseModel):
    """A frozen value that travels between stages as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")
