"""Captions of composed meetings: exact, late, sloppy, with people or cues missing, a room's."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.sidecar import Sidecar
from schemas.speech import Transcript
from tasks.transcript.captions import read_captions

NAMES = ("Ana Lee", "Bo Smith", "Cem Kaya", "Dee Novak", "Eli Roth", "Fay Moore", "Gus Berg",
         "Hana Sato")  # fmt: skip
ROOM = "Bridge"
"""A name like a person's, under which a room with several people was logged in."""

WORD = 0.3
LONGEST_CUE = 5.0
SLOPPY = 0.7
LATE = 1.0

Random = np.random.Generator
NO_SIDECAR = Sidecar()
GivenTurn = tuple[float, float, str]
"""Start, end in seconds, and who speaks."""
SECONDS = 120.0
"""Length of the composed meetings."""


@dataclass(frozen=True)
class Cue:
    """A caption: times, words, who says that they spoke it (None: nobody)."""

    start: float
    end: float
    words: tuple[str, ...]
    name: str | None


@dataclass(frozen=True)
class Captioned:
    """A meeting's captions and truth: the person of each word, and whom captions name."""

    transcript: Transcript
    truth: Mapping[str, str]
    named: frozenset[str]
    sidecar: Sidecar = NO_SIDECAR


def cues_of(turns: Sequence[GivenTurn]) -> tuple[list[Cue], dict[str, str]]:
    """Return exact cues of at most 5 s, and the person of each of their words."""
    people = list(dict.fromkeys(who for _, _, who in turns))
    truth: dict[str, str] = {}
    cues = []
    for start, end, who in turns:
        name = NAMES[people.index(who)]
        pieces = max(1, int(np.ceil((end - start) / LONGEST_CUE)))
        edges = np.linspace(start, end, pieces + 1)
        for first, last in itertools.pairwise(edges):
            words = []
            for _ in range(max(1, int((last - first) / WORD))):
                words.append(f"w{len(truth):04d}")
                truth[words[-1]] = name
            if last == edges[-1]:
                words[-1] += "."
            cues.append(Cue(float(first), float(last), tuple(words), name))
    return cues, truth


def shifted(cue: Cue, random: Random, deviation: float = SLOPPY, late: float = 0.0) -> Cue:
    """Move both ends of a cue."""
    start = max(0.0, cue.start + late + random.normal(0, deviation))
    end = max(start + 0.3, cue.end + late + random.normal(0, deviation))
    return Cue(start, min(end, max(SECONDS, start + 0.3)), cue.words, cue.name)


def exact(cues: Sequence[Cue], _: Random) -> list[Cue]:
    """Cues as they should be."""
    return list(cues)


def sloppy(cues: Sequence[Cue], random: Random) -> list[Cue]:
    """Cues whose ends are off by 0.7 s."""
    return [shifted(cue, random) for cue in cues]


def late(cues: Sequence[Cue], random: Random) -> list[Cue]:
    """Cues that come a second late, off by 0.3 s."""
    return [shifted(cue, random, 0.3, LATE) for cue in cues]


def missing(cues: Sequence[Cue], random: Random) -> list[Cue]:
    """Sloppy cues that name all but one person."""
    names = sorted({str(cue.name) for cue in cues})
    gone = names[int(random.integers(len(names)))] if len(names) > 1 else None
    return [
        Cue(c.start, c.end, c.words, None if c.name == gone else c.name)
        for c in sloppy(cues, random)
    ]


def room(cues: Sequence[Cue], random: Random) -> list[Cue]:
    """Sloppy cues in which half the people speak under the name of their room."""
    names = sorted({str(cue.name) for cue in cues})
    inside = set(random.permutation(names)[: max(2, len(names) // 2)]) if len(names) > 2 else set()
    return [
        Cue(c.start, c.end, c.words, ROOM if c.name in inside else c.name)
        for c in sloppy(cues, random)
    ]


def spanning(cues: Sequence[Cue], random: Random) -> list[Cue]:
    """Sloppy cues; one in five goes on over the next person's words."""
    joined: list[Cue] = []
    for cue in cues:
        last = joined[-1] if joined else None
        near = last is not None and last.name != cue.name and cue.start - last.end < 1.0
        if last is not None and near and random.random() < 0.2:
            joined[-1] = Cue(last.start, max(last.end, cue.end), last.words + cue.words, last.name)
        else:
            joined.append(cue)
    return sloppy(joined, random)


def sparse(cues: Sequence[Cue], random: Random) -> list[Cue]:
    """Sloppy cues of which every other names who speaks."""
    made = sloppy(cues, random)
    return [Cue(c.start, c.end, c.words, c.name if random.random() < 0.5 else None) for c in made]


Variant = Callable[[Sequence[Cue], Random], list[Cue]]
VARIANTS: dict[str, Variant] = {
    "exact": exact,
    "sloppy": sloppy,
    "late": late,
    "one name missing": missing,
    "a room": room,
    "cues over two people": spanning,
    "half the cues named": sparse,
}
OTHERS = ("recognised, sidecar names the unnamed", "recognised, one speaker named")


def captioned(turns: Sequence[GivenTurn], variant: str, random: Random, folder: Path) -> Captioned:
    """Write captions of a meeting and read them."""
    cues, truth = cues_of(turns)
    made = VARIANTS[variant](cues, random)
    path = folder / "captions.vtt"
    path.write_text("WEBVTT\n\n" + "\n".join(_block(cue) for cue in made if cue.end > cue.start))
    named = frozenset(str(cue.name) for cue in made) & set(truth.values())
    return Captioned(read_captions(path, "en"), truth, named)


def _block(cue: Cue) -> str:
    tag = f"<v {cue.name}>" if cue.name else ""
    return f"{_clock(cue.start)} --> {_clock(cue.end)}\n{tag}{' '.join(cue.words)}\n"


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60):02d}:{seconds % 60:06.3f}"
