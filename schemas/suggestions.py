"""Sentences about names that are not known: the nearest known name, or all of them."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the known name most like `name`; None where none is at least so alike, in [0, 1]."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=likeness)), None)


def suggestion(
    name: str, known: Iterable[str], otherwise: str = "known are", likeness: float = 0.6
) -> str:
    """Return the end of a sentence: "did you mean 'x'?", or all known names after `otherwise`."""
    names = list(known)
    near = nearest(name, names, likeness)
    return f"did you mean '{near}'?" if near else f"{otherwise} {', '.join(names)}."


def suggestion_and_all(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence without its full stop: the nearest name, and all of them."""
    names = list(known)
    near = nearest(name, names)
    hint = f"did you mean '{near}'? Known" if near else "known"
    return f"{hint} are {', '.join(names)}"
