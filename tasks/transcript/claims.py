"""Match the names of captions with the diarizer's voices, over the whole meeting, one to one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from schemas.names import name_key
from schemas.speech import Word, speaker_label
from schemas.values import Seconds

Covered = Mapping[str, Seconds]
"""Speaker -> seconds in which their turns cover a word."""

MAJORITY = 0.6
"""Share of a cue that a voice must have for the cue to be said by it."""

OWN = 0.5
"""Share of a voice's named time that is one name's, from which on the voice is that name's."""

AGAIN = 4
"""Times that a name's cues must come to one of its voices for the name to be a room's: once or
twice is the diarizer's fault. On composed meetings no person alone came to 4, two rooms of three
did."""

PART = 0.2
"""Share of a name's time that each of a room's voices must have."""

LEAST: Seconds = 1.5
"""Seconds that each voice of a room must have."""

MATCHED = 0.25
"""Share of a name's time that a voice must have to be that person's voice."""

HABIT = 0.25
"""Unnamed time for each second of named time, under which captions name all that they can.

Who is unnamed all the same is then somebody whom they do not know."""

LEAKED = 0.5
"""Unnamed time for each second of named time in the voices that have owners, up to which it has
come there by cues and turns that are off."""

EVIDENCE: Seconds = 2.0
"""Seconds that a voice needs to say anything about a habit, or to be a stranger's."""


@dataclass(frozen=True)
class Claims:
    """Seconds that names and voices share.

    `seconds` has shape (names, speakers), `visits` of the same shape counts how often a name's
    cues come to a voice, `unnamed` are the seconds of words that captions give to nobody, shape
    (speakers,).
    """

    names: tuple[str, ...]
    speakers: tuple[str, ...]
    seconds: NDArray[np.float64]
    visits: NDArray[np.int64]
    unnamed: NDArray[np.float64]


@dataclass(frozen=True)
class Owners:
    """Who has which voice.

    `speaker_of` maps each person whom captions name to their speaker, `rooms` are names of several
    people, `merged_with` maps speakers that only the captions tell apart to the voice that holds
    theirs. `holds` is the chance that a word which captions give to nobody, in a person's voice, is
    that person's. `stranger` is the speaker of what captions leave unnamed, where that is one.
    """

    speaker_of: Mapping[str, str]
    rooms: frozenset[str] = frozenset()
    merged_with: dict[str, str] = field(default_factory=dict)
    holds: Mapping[str, float] = field(default_factory=dict)
    stranger: str | None = None


def claims_of(cues: Iterable[tuple[Sequence[Word], Sequence[Covered]]]) -> Claims:
    """Gather what names and voices share; each cue has its words and who covers each of them."""
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    unnamed: dict[str, float] = defaultdict(float)
    visits: dict[tuple[str, str], int] = defaultdict(int)
    names: dict[str, str] = {}
    speakers: set[str] = set()
    for words, covered in cues:
        name = words[0].name
        total: dict[str, float] = defaultdict(float)
        for each in covered:
            for speaker, part in each.items():
                total[speaker] += part
        speakers.update(total)
        if name is None:
            for speaker, part in total.items():
                unnamed[speaker] += part
            continue
        before = names.setdefault(name, "")
        for speaker, part in total.items():
            seconds[name, speaker] += part
        if total:
            most = max(total, key=lambda speaker: total[speaker])
            if total[most] >= MAJORITY * sum(total.values()):
                visits[name, most] += before != most
                names[name] = most
    rows, columns = tuple(names), tuple(sorted(speakers))
    return Claims(
        rows,
        columns,
        np.array([[seconds[n, s] for s in columns] for n in rows]).reshape(len(rows), len(columns)),
        np.array([[visits[n, s] for s in columns] for n in rows], np.int64).reshape(
            len(rows), len(columns)
        ),
        np.array([unnamed[s] for s in columns]),
    )


def find_owners(claims: Claims, known: Mapping[str, str], speakers: Iterable[str]) -> Owners:
    """Match names with voices by the time that they share (Hungarian method), each once.

    `known` are names that are certain already (speaker -> name), `speakers` all of the diarizer's.
    A name that is left without a voice of its own gets a speaker of its own: the captions tell
    them apart where the diarizer does not.
    """
    rooms = frozenset(name for row, name in enumerate(claims.names) if _is_room(claims, row, known))
    matched = _known(claims, known) | _assigned(claims, known, rooms)
    named = claims.seconds.sum(axis=0) if claims.names else claims.unnamed * 0
    number = len({*speakers, *claims.speakers})
    merged: dict[str, str] = {}
    for row, name in enumerate(claims.names):
        own = claims.seconds[row]
        if name not in matched and name not in rooms:
            matched[name] = speaker_label(number)
            number += 1
            if own.any():
                merged[matched[name]] = claims.speakers[int(own.argmax())]
    owners = {speaker: name for name, speaker in matched.items() if speaker in claims.speakers}
    holds = _holds(claims, owners, named, known)
    stranger = _stranger(claims, owners, holds) if owners and not known else None
    return Owners(matched, rooms, merged, holds, stranger)


def _is_room(claims: Claims, row: int, known: Mapping[str, str]) -> bool:
    """Tell whether several voices are heard again and again under one name."""
    if _same_known(claims.names[row], known):
        return False
    own = claims.seconds[row]
    spoken = claims.seconds.sum(axis=0) + claims.unnamed
    voices = (own >= PART * own.sum()) & (own >= LEAST) & (own > OWN * spoken)
    several, many = int(voices.sum()) > 1, int(voices.sum()) > 2
    return many or (several and int(claims.visits[row][voices].sum()) >= AGAIN)


def _same_known(name: str, known: Mapping[str, str]) -> str | None:
    key = name_key(name).replace(" ", "")
    return next((s for s, k in known.items() if name_key(k).replace(" ", "") == key), None)


def _known(claims: Claims, known: Mapping[str, str]) -> dict[str, str]:
    found = {name: _same_known(name, known) for name in claims.names}
    return {name: speaker for name, speaker in found.items() if speaker is not None}


def _assigned(claims: Claims, known: Mapping[str, str], rooms: frozenset[str]) -> dict[str, str]:
    from scipy.optimize import linear_sum_assignment

    rows = [
        row
        for row, name in enumerate(claims.names)
        if name not in rooms and _same_known(name, known) is None
    ]
    columns = [c for c, speaker in enumerate(claims.speakers) if speaker not in known]
    if not rows or not columns:
        return {}
    shared = claims.seconds[np.ix_(rows, columns)]
    matched = {}
    for a, b in zip(*linear_sum_assignment(-shared), strict=True):
        total = claims.seconds[rows[a]].sum()
        if shared[a, b] > 0 and shared[a, b] >= MATCHED * total:
            matched[claims.names[rows[a]]] = claims.speakers[columns[b]]
    return matched


def _holds(
    claims: Claims,
    owners: Mapping[str, str],
    named: NDArray[np.float64],
    known: Mapping[str, str],
) -> dict[str, float]:
    """Return the chance that unnamed words in a person's voice are that person's.

    A person's words go unnamed at about the rate of the voice in which least goes unnamed; what
    is unnamed beyond that are others'. One voice alone does not tell what the rate is.
    """
    columns = {speaker: claims.speakers.index(speaker) for speaker in owners}
    rates = sorted(
        claims.unnamed[column] / named[column]
        for column in columns.values()
        if named[column] >= EVIDENCE
    )
    rate = rates[(len(rates) - 1) // 2] if len(rates) > 1 else 0.0
    if len(claims.speakers) == 1:
        rate = np.inf
    rate = rate if rate >= HABIT else 0.0
    holds = {}
    for speaker, column in columns.items():
        own = claims.seconds[claims.names.index(owners[speaker]), column]
        purity = own / named[column] if named[column] > 0 else 0.0
        unnamed = claims.unnamed[column]
        # a voice without named words tells nothing, whatever the rate
        expected = rate * named[column] if named[column] > 0 else 0.0
        share = 1.0 if unnamed <= 0 else min(1.0, expected / unnamed)
        holds[speaker] = float(purity * share)
    return holds | dict.fromkeys(known, 1.0)


def _stranger(claims: Claims, owners: Mapping[str, str], holds: Mapping[str, float]) -> str | None:
    """Return the one voice that nobody owns, where captions name everybody else they can.

    Unnamed words in another's voice are then this one's: cues are off, voices at times, too.
    """
    named, owned = claims.seconds.sum(axis=0), np.isin(claims.speakers, list(owners))
    if claims.unnamed[owned].sum() > LEAKED * named[owned].sum():
        return None
    free = ~owned & (claims.unnamed >= EVIDENCE) & (claims.unnamed > named)
    if free.sum() != 1 or any(holds[s] > 0 for s in owners if holds[s] < 1):
        return None
    return claims.speakers[int(free.argmax())]
