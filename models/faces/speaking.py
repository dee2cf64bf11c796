"""Choose the speaker's face in every turn of a recording, or nobody's.

The signs of one turn (`models/faces/evidence.py`) give the odds that a person speaks in it, by a
logistic regression fitted on composed meetings. A voice mostly comes with the same face: how often
each person is a voice's face over the whole recording is found by expectation-maximisation
(Dempster et al. 1977), with "nobody who is seen" as one of the answers. So a short turn is judged
by what is known of its voice, a speaker off camera gets no face, and a voice in which the diarizer
merged two people keeps two faces.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.checkpoint import SHIPPED, file_digest
from models.faces.evidence import Evidence, Spoken
from schemas.settings import WeightSettings
from schemas.values import Probability

SHIPPED_SPEAKING = SHIPPED / "active_speaker.json"

_ROUNDS = 10
_PRIOR = 0.5
"""Turns that each person counts as a voice's face before anything is seen."""

_SUREST = 6.0
"""One turn's log-odds are worth at most so much."""


@dataclass(frozen=True)
class SpeakingWeights:
    """A logistic regression over the signs of `Evidence`: log-odds that the person speaks."""

    weights: tuple[float, ...]
    bias: float

    @classmethod
    def read(cls, path: Path = SHIPPED_SPEAKING) -> "SpeakingWeights":
        """Read the weights that ship with tonescribe."""
        stored = json.loads(path.read_text())
        return cls(tuple(stored["weights"]), float(stored["bias"]))

    def log_odds(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return the log-odds of each pair, shape (n,), in [-6, 6]."""
        odds: NDArray[np.float64] = evidence.signs @ np.array(self.weights) + self.bias
        return np.clip(odds, -_SUREST, _SUREST)


class EmbeddedActiveSpeaker:
    """The logistic regression that ships with tonescribe: needs no picture but the evidence."""

    name = "embedded"

    def __init__(self, weights: WeightSettings) -> None:  # noqa: ARG002
        self.digest = file_digest(SHIPPED_SPEAKING)
        self._weights = SpeakingWeights.read()

    def log_odds(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return the log-odds of each pair, shape (n,), in [-6, 6]."""
        return self._weights.log_odds(evidence)


@dataclass(frozen=True)
class Choice:
    """The likeliest person of a turn, and how likely it is; None where nobody was seen in it."""

    person: int | None = None
    confidence: Probability = 0.0


Pair = tuple[str, int | None]
"""A voice and a person; None: nobody who is seen."""


def choose_faces(
    turns: Sequence[Spoken], evidence: Evidence, log_odds: NDArray[np.float64]
) -> list[Choice]:
    """Return for each turn the person who most likely speaks in it.

    `log_odds` are those of the pairs of the evidence, shape (n,).
    """
    seen: dict[int, list[int]] = defaultdict(list)
    for row, turn in enumerate(evidence.turns.tolist()):
        seen[turn].append(row)
    shares: dict[Pair, float] = {}
    likely: dict[int, NDArray[np.float64]] = {}
    for _ in range(_ROUNDS):
        counts: dict[Pair, float] = defaultdict(float)
        for turn, rows in seen.items():
            voice = turns[turn].speaker
            answers = _answers(voice, evidence.people[rows])
            odds = np.append(np.exp(log_odds[rows]), 1.0)
            weighted = odds * [shares.get(answer, 1.0) for answer in answers]
            likely[turn] = weighted / weighted.sum()
            for answer, share in zip(answers, likely[turn], strict=True):
                counts[answer] += float(share)
        shares = _shares(counts)
    return [
        _best(evidence.people[seen[turn]], likely[turn]) if turn in seen else Choice()
        for turn in range(len(turns))
    ]


def _answers(voice: str, people: NDArray[np.intp]) -> list[Pair]:
    return [*((voice, int(person)) for person in people), (voice, None)]


def _shares(counts: Mapping[Pair, float]) -> dict[Pair, float]:
    """Return how often each answer is a voice's, relative to all being as likely."""
    totals: dict[str, float] = defaultdict(float)
    answers: dict[str, int] = defaultdict(int)
    for (voice, _), count in counts.items():
        totals[voice] += count + _PRIOR
        answers[voice] += 1
    return {
        (voice, person): (count + _PRIOR) / totals[voice] * answers[voice]
        for (voice, person), count in counts.items()
    }


def _best(people: NDArray[np.intp], likely: NDArray[np.float64]) -> Choice:
    best = int(np.argmax(likely[:-1]))
    return Choice(int(people[best]), float(likely[best]))
