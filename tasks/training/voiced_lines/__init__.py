"""Acted English speech with its words, out of adventure games that may be distributed freely.

Debian's `main` carries them: `apt install flight-of-the-amazon-queen beneath-a-steel-sky`.
Licence of both: may be distributed for free and modified, with notices intact and changes marked.

* Flight of the Amazon Queen, (C) John Passfield and Steven Stamatiadis.
* Beneath a Steel Sky, (C) Revolution Software Ltd.
"""

from collections.abc import Iterator
from pathlib import Path

from tasks.training.voiced_lines import amazon_queen, steel_sky
from tasks.training.voiced_lines.line import VoicedLine

__all__ = ["VoicedLine", "voiced_lines"]

_GAMES = (amazon_queen, steel_sky)


def voiced_lines(folder: Path = Path("/usr/share/scummvm")) -> Iterator[VoicedLine]:
    """Yield the usable lines of the games under `folder`, in a fixed order.

    A game that is not there yields nothing. Raises `InputError` where one is cut off or damaged.
    """
    for game in _GAMES:
        yield from game.lines(folder)
