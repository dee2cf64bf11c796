"""A closer look sees only what is in doubt, and hears what belongs to it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.faces.evidence import N_SIGNS, Evidence
from models.faces.speaking import Choice
from models.protocols import FaceBox, TalkingClip
from schemas.speech import Utterance
from tasks.emotion.cast import Cast
from tasks.emotion.closer import Doubtful, find_doubtful, look_closer
from tasks.emotion.watch import SIGHTING, Watched
from tests.material.meetings import make_meeting
from tests.material.sounds import InMemory, Spoken
from tests.tasks.emotion.test_faces import about


class Witness:
    """Remembers what it is shown; finds that whoever is seen speaks."""

    name, digest = "witness", "000000000000"
    doubt = (0.1, 0.9)

    def __init__(self) -> None:
        self.shown: list[list[TalkingClip]] = []
        self.boxes: list[FaceBox] = []

    def crop(self, gray: NDArray[np.uint8], box: FaceBox) -> NDArray[np.uint8]:
        self.boxes.append(box)
        return np.full((112, 112), int(gray.mean()), np.uint8)

    def look(self, clips: Sequence[TalkingClip]) -> float:
        self.shown.append(list(clips))
        return float(len(clips))


def seen(*spans: tuple[float, float, int]) -> Cast:
    """One person who is seen 12.5 times a second, moving right by 10 pixels a second."""
    rows = [
        (time, track, (10 * time, 50, 40, 40), (1, 1, 1, 1), 1.0, -1)
        for start, end, track in spans
        for time in np.arange(start, end, 0.08)
    ]
    sightings = np.array(rows, SIGHTING)
    return Cast(Watched(sightings["time"].astype(float), sightings, {}, Path()))


def pair() -> Evidence:
    return Evidence(np.array([0]), np.array([0]), np.zeros((1, N_SIGNS)))


def look(tmp_path: Path, cast: Cast, asked: Doubtful, delay: float) -> tuple[float, Witness]:
    video = make_meeting(tmp_path / "a.mp4", [Spoken(0, 1.0, 9.0)], 10.0)
    ramp = InMemory(np.linspace(0, 1, 160_000, dtype=np.float32))
    witness = Witness()
    more = look_closer(str(video), about(), [asked], pair(), cast, ramp, delay, witness)
    return float(more[0]), witness


@pytest.mark.parametrize("delay", [0.0, 0.32, -0.32])
def test_pictures_and_sound_of_a_clip_belong_together(tmp_path: Path, delay: float) -> None:
    more, witness = look(tmp_path, seen((0.0, 10.0, 0)), Doubtful(4.0, 5.0, (0,)), delay)
    ((clip,),) = witness.shown
    assert more == 1.0
    assert len(clip.crops) == 41  # .3 seconds before and after
    assert clip.inside.sum() == pytest.approx(25, abs=1)
    assert clip.sound[0] == pytest.approx(3.7 / 10, abs=1e-3)
    assert len(clip.sound) >= 41 / 25 * 16_000
    assert witness.boxes[0].x == pytest.approx(10 * (3.7 - delay), abs=0.1)


def test_a_cut_makes_two_clips_and_who_is_gone_is_not_shown(tmp_path: Path) -> None:
    cast = seen((0.0, 4.2, 0), (5.2, 10.0, 0))
    more, witness = look(tmp_path, cast, Doubtful(4.0, 6.0, (0,)), 0.0)
    assert more == 2.0
    ((before, after),) = witness.shown
    assert len(before.crops) / 25 == pytest.approx(0.6, abs=0.13)
    assert len(after.crops) / 25 == pytest.approx(1.2, abs=0.13)
    more, witness = look(tmp_path, seen((0.0, 2.0, 0)), Doubtful(4.0, 6.0, (0,)), 0.0)
    assert (more, witness.shown) == (0.0, [[]])


def test_of_a_long_utterance_ten_seconds_are_looked_at_and_of_many_people_three() -> None:
    utterance = Utterance(
        index=0, start=1.0, end=40.0, speaker="A", speaker_confidence=1.0, overlap_ratio=0.0
    )
    many = Evidence(np.zeros(9, np.intp), np.arange(9), np.zeros((9, N_SIGNS)))
    odds = np.arange(9.0)
    (asked,) = find_doubtful([utterance], many, [Choice(8, 0.5)], odds, (0.1, 0.9))
    assert asked == Doubtful(1.0, 11.0, (8, 7, 6))


@pytest.mark.parametrize(
    ("confidence", "flags"), [(0.95, ()), (0.05, ()), (0.0, ()), (0.5, ("no_consent",))]
)
def test_what_is_certain_or_refused_is_not_looked_at(
    confidence: float, flags: tuple[str, ...]
) -> None:
    utterance = Utterance(
        index=0, start=1, end=4, speaker="A", speaker_confidence=1, overlap_ratio=0, flags=flags
    )
    choices = [Choice(0, confidence)]
    assert find_doubtful([utterance], pair(), choices, np.zeros(1), (0.1, 0.9)) == []
