"""Units, the one rounding rule, and the base of every frozen value."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Json = dict[str, Any]
"""A JSON object: the figures of a report, the configuration of weights."""

Seconds = float
Hertz = int
Probability = Annotated[float, Field(ge=0.0, le=1.0)]

SAMPLE_RATE: Hertz = 16_000
"""Every waveform inside tonescribe is mono float32 in [-1, 1] at this rate."""


BCP_47 = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$"
"""A language tag such as `en` or `pt-BR`."""


def to_grid(seconds: Seconds) -> Seconds:
    """Round a time to the grid of one millisecond on which all published times lie."""
    return round(float(seconds), 3)


class Value(BaseModel):
    """A frozen value that travels between stages as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def clock(seconds: Seconds) -> str:
    """Show a time as `m:ss`, or `h:mm:ss` from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def base_language(tag: str | None) -> str | None:
    """Return the language of a tag without its region: `en` of `en-GB`."""
    return tag.split("-")[0].lower() if tag else None


def speaks(languages: frozenset[str] | None, language: str | None) -> bool:
    """Whether a BCP 47 language is among those that are known (None: all); unknown is."""
    return languages is None or not language or base_language(language) in languages


Span = tuple[Seconds, Seconds]


def merged_spans(spans: Iterable[Span]) -> list[Span]:
    """Return the union of spans as spans that do not touch, in order."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged


def gaps_in(start: Seconds, end: Seconds, spans: Sequence[Span]) -> Iterator[Span]:
    """Yield the parts of [start, end) outside of spans that are in order and do not touch."""
    at = start
    for first, last in spans:
        if last <= at:
            continue
        if first >= end:
            break
        if first > at:
            yield at, first
        at = max(at, last)
    if at < end:
        yield at, end
