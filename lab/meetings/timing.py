"""Who speaks when, drawn from AMI's manual words: pauses, short answers, overlaps as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.values import Seconds

REPORTED_CLIPS = ("ES2003a", "EN2003a", "EN2005a", "EN2009b")
"""Meetings whose recordings figures are reported on; none of their turns is drawn."""

_TURN_GAP: Seconds = 0.3
"""Words of one person closer than this are one turn."""

_LONG_AGO: Seconds = 15.0
_LEAST_TURN: Seconds = 0.2
_LAST_START: Seconds = 0.3
_FEWEST_PER_SECOND = 10 / 120


@dataclass(frozen=True)
class SpokenWord:
    """A word of a real meeting with its times, in seconds."""

    start: Seconds
    end: Seconds
    text: str


@dataclass(frozen=True)
class RealTurn:
    """A turn of one person (`agent`) of a real meeting."""

    start: Seconds
    end: Seconds
    agent: str
    words: tuple[SpokenWord, ...] = ()

    def moved(self, by: Seconds, last: Seconds) -> "RealTurn":
        """Return the turn so much earlier, cut at `last`."""
        words = tuple(
            SpokenWord(word.start - by, min(word.end - by, last), word.text)
            for word in self.words
            if word.start - by < last
        )
        return RealTurn(self.start - by, min(self.end - by, last), self.agent, words)


def stretch(words: Path, seconds: Seconds, random: np.random.Generator) -> list[RealTurn]:
    """Draw the turns of so many seconds of a real meeting, from its first turn there on.

    `words` is AMI's table of manual words. Times start at 0.
    """
    names = _meetings(words)
    while True:
        turns = _turns(words, names[random.integers(len(names))])
        begin = random.uniform(0, max(0.0, turns[-1].end - seconds))
        inside = [turn.moved(begin, seconds) for turn in turns if begin <= turn.start]
        inside = [
            turn
            for turn in inside
            if turn.start < seconds - _LAST_START and turn.end - turn.start > _LEAST_TURN
        ]
        if len(inside) > _FEWEST_PER_SECOND * seconds:
            return inside


def deal(
    turns: Sequence[RealTurn], count: int, random: np.random.Generator
) -> list[tuple[RealTurn, int]]:
    """Deal turns out to voices: who goes on soon stays who they were, nobody overlaps themself."""
    owner: dict[str, int] = {}
    last: dict[str, float] = {}
    busy = np.full(count, -1.0)
    dealt = []
    for turn in turns:
        idle = np.flatnonzero(busy < turn.start - 0.05)
        voice = owner.get(turn.agent)
        stays = voice in idle and turn.start - last[turn.agent] < _LONG_AGO
        if not stays:
            if not len(idle):
                continue
            voice = int(random.choice(idle))
        assert voice is not None
        owner[turn.agent], last[turn.agent], busy[voice] = voice, turn.end, turn.end
        dealt.append((turn, voice))
    return dealt


def draw_turns(
    words: Path, seconds: Seconds, count: int, least: Seconds, random: np.random.Generator
) -> list[tuple[RealTurn, int]]:
    """Draw turns of `count` voices, each of which speaks for `least` seconds at least."""
    while True:
        dealt = deal(stretch(words, seconds, random), count, random)
        spoken = [sum(t.end - t.start for t, k in dealt if k == each) for each in range(count)]
        if min(spoken) >= least:
            return dealt


@dataclass(frozen=True)
class _Words:
    """All spoken words: numbers of meeting and agent, times, texts, as arrays of one length."""

    meetings: list[str]
    agents: list[str]
    meeting: NDArray[np.int64]
    agent: NDArray[np.int64]
    start: NDArray[np.float32]
    end: NDArray[np.float32]
    text: Any


@cache
def _words(path: Path) -> _Words:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.ParquetFile(path).read(columns=["meeting", "agent", "start", "end", "word", "punc"])
    spoken = table.filter(pc.invert(table["punc"])).combine_chunks()
    meeting, agent = (spoken[name].combine_chunks() for name in ("meeting", "agent"))
    return _Words(
        meetings=meeting.dictionary.to_pylist(),
        agents=agent.dictionary.to_pylist(),
        meeting=np.asarray(meeting.indices),
        agent=np.asarray(agent.indices),
        start=np.asarray(spoken["start"]),
        end=np.asarray(spoken["end"]),
        text=spoken["word"],
    )


@cache
def _meetings(path: Path) -> tuple[str, ...]:
    words = _words(path)
    spoken = {words.meetings[k] for k in np.unique(words.meeting)}
    return tuple(sorted(spoken - set(REPORTED_CLIPS)))


@cache
def _turns(path: Path, meeting: str) -> tuple[RealTurn, ...]:
    words = _words(path)
    here = np.flatnonzero(words.meeting == words.meetings.index(meeting))
    starts, ends, agents = words.start[here], words.end[here], words.agent[here]
    texts = words.text.take(here).to_pylist()
    turns: list[RealTurn] = []
    for number in np.unique(agents):
        own = np.flatnonzero(agents == number)
        gaps = np.flatnonzero(starts[own[1:]] - ends[own[:-1]] > _TURN_GAP) + 1
        for part in np.split(own, gaps):
            said = tuple(SpokenWord(float(starts[k]), float(ends[k]), texts[k]) for k in part)
            turns.append(RealTurn(said[0].start, said[-1].end, words.agents[number], said))
    return tuple(sorted(turns, key=lambda turn: (turn.start, turn.end, turn.agent)))
