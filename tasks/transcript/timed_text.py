"""Parse TTML captions (also as DFXP and IMSC): the cues of the paragraphs in a document's body."""

import html
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from schemas.errors import InputError

TimedLine = tuple[Fraction, Fraction, str]
"""Begin and end of a paragraph in seconds, and its text with inline times as in WebVTT."""

_DRAFTS = re.compile(r"http://www\.w3\.org/2006/(?:04|10)/ttaf1")
_NAMESPACE = "http://www.w3.org/ns/ttml"
_LONGEST_FAULT = 100
_LED_ASTRAY = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What the parser raises on values that it does not expect (found by fuzzing)."""


def is_ttml(text: str) -> bool:
    """Whether a text is a document of TTML or of its drafts."""
    head = text[:4096]
    return "<" in head and (_NAMESPACE in head or _DRAFTS.search(head) is not None)


def parse_ttml(text: str) -> tuple[list[TimedLine], str | None]:
    """Return the timed lines of a document in its order, and its language.

    Clocks, offsets, frames and ticks are read, times add up from the body down. Raises `InputError`
    where it is no well-formed document; entities, which could fill the memory, are refused.
    """
    import xml.etree.ElementTree as ElementTree

    from ttconv.imsc import reader

    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError("The TTML captions declare entities; save them without.")
    text = re.sub(r"^<\?xml[^>]*\?>", "", _DRAFTS.sub(_NAMESPACE, text).lstrip())
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - it declares no entities
    except ElementTree.ParseError as error:
        raise InputError(f"The TTML captions are no well-formed XML ({error}).") from error
    try:
        with _faults() as faults:
            model = reader.to_model(ElementTree.ElementTree(root))
        if faults:
            raise InputError(f"The TTML captions are wrong: {faults[0][:_LONGEST_FAULT]}.")
        if model is None or model.get_body() is None:
            return [], None
        return list(_paragraphs(model.get_body(), Fraction(0), None)), model.get_lang() or None
    except RecursionError as error:
        raise InputError("The TTML captions are nested too deeply.") from error
    except _LED_ASTRAY as error:
        raise InputError(
            "The TTML captions hold values that cannot be, as a rate of zero; export them again."
        ) from error


@contextmanager
def _faults() -> Iterator[list[str]]:
    """Collect what the parser reports as an error; it goes on with a default instead."""
    found: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR:
                found.append(record.getMessage())

    logger, collector = logging.getLogger("ttconv"), Collector()
    logger.addHandler(collector)
    logger.propagate, before = False, logger.propagate
    try:
        yield found
    finally:
        logger.propagate = before
        logger.removeHandler(collector)


def _paragraphs(element: Any, origin: Fraction, end: Fraction | None) -> Iterator[TimedLine]:
    from ttconv.model import P

    begin, end = _times(element, origin, end)
    if isinstance(element, P):
        starts = [begin] if element.get_begin() is not None else []
        text = "".join(_texts(element, begin, starts))
        start = min(starts, default=begin)
        if text.strip():
            yield start, start if end is None else end, text
        return
    for child in element:
        yield from _paragraphs(child, begin, end)


def _texts(element: Any, origin: Fraction, starts: list[Fraction]) -> Iterator[str]:
    """Yield the text in an element; where a span begins at a time of its own, that time."""
    from ttconv.model import Br, Span, Text

    for child in element:
        if isinstance(child, Text):
            yield html.escape(re.sub(r"\s+", " ", child.get_text() or ""), quote=False)
        elif isinstance(child, Br):
            yield "\n"
        elif isinstance(child, Span):
            begin, _ = _times(child, origin, None)
            if child.get_begin() is not None:
                starts.append(begin)
                yield _mark(begin)
            yield from _texts(child, begin, starts)


def _times(
    element: Any, origin: Fraction, end: Fraction | None
) -> tuple[Fraction, Fraction | None]:
    begin, own_end = element.get_begin(), element.get_end()
    return origin + (begin or 0), end if own_end is None else origin + own_end


def _mark(at: Fraction) -> str:
    milliseconds = round(at * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"<{hours:02}:{minutes:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}>"
