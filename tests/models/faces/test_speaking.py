"""The face whose mouth keeps time with the voice wins, and nobody where none does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from models.faces.evidence import gather
from models.faces.speaking import Choice, SpeakingWeights, choose_faces
from models.faces.synchrony import RATE, Heard, Person, find_delay

SECONDS = 60.0
STEP = 0.08
TIMES = np.arange(0.0, SECONDS, STEP)


@dataclass(frozen=True)
class Said:
    start: float
    end: float
    speaker: str


TURNS = [
    Said(2.0 + 4 * n, 2.0 + 4 * n + (0.4 if n % 5 == 4 else 2.5), "AB"[n % 2]) for n in range(14)
]


def sound(turns: Sequence[Said], delay: float = 0.0) -> Heard:
    """Speech whose level rises and falls with its syllables; late by `delay`."""
    grid = np.arange(0.0, SECONDS, 1 / RATE)
    active = {name: np.zeros(len(grid), bool) for name in {turn.speaker for turn in turns}}
    for turn in turns:
        active[turn.speaker] |= (grid >= turn.start) & (grid <= turn.end)
    loud = np.any(list(active.values()), axis=0)
    return Heard(np.where(loud, syllables(grid - delay), 0.05), active)


def syllables(times: NDArray[np.float64]) -> NDArray[np.float64]:
    wave: NDArray[np.float64] = 0.6 + 0.4 * np.sin(2 * np.pi * (1.3 * times + 0.4 * np.sin(times)))
    return wave


def mouth(turns: Sequence[Said], voices: str, seed: int = 0, nods: float = 0.0) -> Person:
    """Somebody who speaks in the turns of some voices; `nods` moves the mouth at other times."""
    random = np.random.default_rng(seed)
    speaks = np.zeros(len(TIMES), bool)
    for turn in turns:
        if turn.speaker in voices:
            speaks |= (turn.start <= TIMES) & (turn.end >= TIMES)
    moves = np.where(speaks, syllables(TIMES), nods * random.random(len(TIMES)))
    moves = moves + 0.05 * random.random(len(TIMES))
    return Person(TIMES, np.stack([0.1 * moves, 0.5 * moves, 0.5 * moves, 0.1 * moves], axis=1))


def chosen(turns: Sequence[Said], people: Mapping[int, Person], heard: Heard) -> list[Choice]:
    delay = find_delay(people, heard)
    evidence = gather(turns, people, heard, delay)
    return choose_faces(turns, evidence, SpeakingWeights.read().log_odds(evidence))


def faces(choices: Sequence[Choice]) -> list[int | None]:
    return [c.person if c.confidence >= 0.8 else None for c in choices]


def test_each_voice_gets_the_mouth_that_keeps_time_with_it() -> None:
    people = {7: mouth(TURNS, "A"), 3: mouth(TURNS, "B", 1), 5: mouth(TURNS, "", 2)}
    assert faces(chosen(TURNS, people, sound(TURNS))) == [7, 3] * 7


def test_a_lone_face_of_a_listener_is_nobodys() -> None:
    assert faces(chosen(TURNS, {0: mouth(TURNS, "", 2)}, sound(TURNS))) == [None] * 14


def test_a_speaker_off_camera_gets_no_face() -> None:
    choices = faces(chosen(TURNS, {0: mouth(TURNS, "A")}, sound(TURNS)))
    assert choices == [0, None] * 7


def test_a_photograph_and_nobody_at_all_are_no_answer() -> None:
    still = Person(TIMES, np.zeros((len(TIMES), 4)))
    assert faces(chosen(TURNS, {0: still}, sound(TURNS))) == [None] * 14
    assert chosen(TURNS, {}, sound(TURNS)) == [Choice()] * 14


def test_a_voice_in_which_two_were_merged_keeps_both_faces() -> None:
    merged = [Said(turn.start, turn.end, "A") for turn in TURNS]
    people = {0: mouth(TURNS, "A"), 1: mouth(TURNS, "B", 1)}
    choices = faces(chosen(merged, people, sound(merged)))
    right = [choice == (n % 2) for n, choice in enumerate(choices)]
    wrong = [choice == 1 - n % 2 for n, choice in enumerate(choices)]
    assert sum(right) >= 9
    assert not any(wrong)


@pytest.mark.parametrize("delay", [-0.4, 0.0, 0.32])
def test_the_delay_of_the_sound_is_found(delay: float) -> None:
    late = [Said(turn.start + delay, turn.end + delay, turn.speaker) for turn in TURNS]
    people = {0: mouth(TURNS, "A"), 1: mouth(TURNS, "B", 1)}
    heard = sound(late, delay)
    assert find_delay(people, heard) == pytest.approx(delay, abs=0.08)
    assert faces(chosen(late, people, heard)) == [0, 1] * 7


def test_who_is_hardly_seen_in_a_turn_is_not_asked() -> None:
    brief = mouth(TURNS, "A")
    late = Person(brief.times[600:], brief.motion[600:])
    evidence = gather(TURNS, {0: late}, sound(TURNS), 0.0)
    assert set(evidence.turns.tolist()) == {n for n, t in enumerate(TURNS) if t.end >= 48.0}
