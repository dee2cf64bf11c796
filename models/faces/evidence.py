"""What speaks for a face being the speaker's in one turn: its mouth moves as the voice sounds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from models.faces.synchrony import LEAST_PICTURES, Heard, Mask, Person, Series, correlation
from schemas.values import Seconds

_CONTEXT: Seconds = 1.0
"""What is looked at before and after a turn: mouths start and stop with the voice."""

_LEAST_SHARE = 0.2
"""A face in fewer of a turn's pictures is a mistake or somebody passing."""

_MANY_PICTURES, _FULL_TURN = 40, 25
_SILENT_MOUTH = 0.35
_SOFTENING = 0.05
"""How much a mouth moves that is silent, where it was never seen so; and what is added before
taking logarithms. Both in the unit of `Person.strength`."""


DIRECTIONS = (1, 1, 1, 1, 1, 1, 0, -1, -1, -1)
"""Whether each sign may only speak for a person (1), only against (-1), or either way (0)."""

N_SIGNS = len(DIRECTIONS)


class Spoken(Protocol):
    """Anything with a speaker and times: an utterance, a turn."""

    @property
    def speaker(self) -> str:
        """Whose voice it is."""

    @property
    def start(self) -> Seconds:
        """When it begins."""

    @property
    def end(self) -> Seconds:
        """When it ends."""


@dataclass(frozen=True)
class Evidence:
    """Signs for each pair of a turn and a person who is seen in it.

    `turns` and `people` name the pairs, shape (n,); `signs` are shape (n, 10).
    """

    turns: NDArray[np.intp]
    people: NDArray[np.intp]
    signs: Series


def gather(
    turns: Sequence[Spoken], people: Mapping[int, Person], heard: Heard, delay: Seconds
) -> Evidence:
    """Gather the signs of all pairs of a turn and a person in at least a fifth of its pictures.

    Signs for: how closely mouth and level agree around the turn; how much more the mouth moves
    than while the speaker is silent; both times the turn's length; how much the mouth moves; how
    closely mouth and voice agree over the whole recording; the turn's length. Signs against: how
    closely the best other person agrees with this voice, and this person with the best other
    voice; the best contrast of others in this turn.
    """
    places = {number: heard.places(person.times, delay) for number, person in people.items()}
    overall = {
        (speaker, number): correlation(person.strength, heard.voice(speaker, places[number]))
        for speaker in heard.active
        for number, person in people.items()
    }
    silent = {
        (speaker, number): _silent_mouth(person, heard.active[speaker][places[number]])
        for speaker in heard.active
        for number, person in people.items()
    }
    pairs: list[tuple[int, int]] = []
    signs: list[tuple[float, ...]] = []
    for index, turn in enumerate(turns):
        here = {
            number: local
            for number, person in people.items()
            if (
                local := _local_signs(
                    turn, person, heard, places[number], delay, silent[turn.speaker, number]
                )
            )
        }
        for number, local in here.items():
            rivals = [other for other in people if other != number]
            voices = [voice for voice in heard.active if voice != turn.speaker]
            present = [here[other] for other in here if other != number]
            pooled = overall[turn.speaker, number]
            against = (
                _highest(overall[turn.speaker, other] for other in rivals),
                _highest(overall[voice, number] for voice in voices),
                _highest(other.contrast for other in present),
            )
            pairs.append((index, number))
            signs.append((*_own_signs(local, pooled), *against))
    table = np.array(pairs, np.intp).reshape(-1, 2)
    return Evidence(table[:, 0], table[:, 1], np.array(signs).reshape(-1, N_SIGNS))


def _highest(values: Iterable[float]) -> float:
    return max(0.0, max(values, default=0.0))


class _Local(NamedTuple):
    """What one turn shows of one person."""

    agreement: float
    contrast: float
    strength: float
    length: float


def _own_signs(local: _Local, pooled: float) -> tuple[float, ...]:
    return (
        local.agreement,
        local.agreement * local.length,
        local.contrast,
        local.contrast * local.length,
        local.strength,
        pooled,
        local.length,
    )


def _silent_mouth(person: Person, speaks: Mask) -> float:
    """Return how much a mouth moves while a voice is silent."""
    silent = person.strength[~speaks & np.isfinite(person.strength)]
    return float(silent.mean()) if len(silent) >= LEAST_PICTURES else _SILENT_MOUTH


def _local_signs(
    turn: Spoken,
    person: Person,
    heard: Heard,
    places: NDArray[np.intp],
    delay: Seconds,
    reference: float,
) -> _Local | None:
    """Agreement, contrast, strength and length of one turn; None where hardly seen in it."""
    seen = slice(*np.searchsorted(person.times + delay, (turn.start, turn.end + 1e-6)))
    n_seen = seen.stop - seen.start
    rate = _rate(person.times)
    if n_seen < max(1.0, _LEAST_SHARE * (turn.end - turn.start) * rate):
        return None
    wide = slice(
        *np.searchsorted(person.times + delay, (turn.start - _CONTEXT, turn.end + _CONTEXT))
    )
    strength = person.strength
    agreement = correlation(strength[wide], heard.voice(turn.speaker, places[wide]))
    agreement *= min(1.0, np.sqrt((wide.stop - wide.start) / _MANY_PICTURES))
    inside = strength[seen]
    alone = inside[np.isfinite(inside) & (heard.n_active[places[seen]] < 2)]
    known = alone if len(alone) else inside[np.isfinite(inside)]
    moves = float(known.mean()) if len(known) else 0.0
    contrast = float(np.log((moves + _SOFTENING) / (reference + _SOFTENING)))
    length = min(1.0, n_seen / _FULL_TURN)
    return _Local(agreement, contrast, float(np.log(moves + _SOFTENING)), length)


def _rate(times: Series) -> float:
    """Return pictures a second while a person is seen."""
    steps = np.diff(times)
    return 1 / max(float(np.median(steps)), 1e-3) if len(steps) else 1.0
