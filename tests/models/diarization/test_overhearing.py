"""A voice on two participants' tracks, some milliseconds apart, is the louder track's alone."""

import itertools
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from lab.acoustics.rooms import room_response
from models.diarization.overhearing import STEP, remaining
from models.registry import load_engine
from schemas.settings import Settings
from tasks.transcript.rttm import read_rttm
from tasks.transcript.track_turns import turns_by_track
from tests.material.sounds import CONVERSATION, Sound, Spoken, tone_voices

RATE = 16_000
SETTINGS = Settings()


def later(sound: NDArray[np.float32], seconds: float, share: float) -> NDArray[np.float32]:
    frames = round(seconds * RATE)
    return np.concatenate([np.zeros(frames, np.float32), sound[: len(sound) - frames]]) * share


def spans(
    ana: NDArray[np.float32], bo: NDArray[np.float32], engine: str = "synthetic"
) -> list[tuple[str, float, float]]:
    diarizer = load_engine("diarizer", engine, SETTINGS.weights)
    made = turns_by_track(diarizer, [("Ana", Sound(ana)), ("Bo", Sound(bo))])
    return [(made.names[t.speaker], t.start, t.end) for t in made.turns]


@pytest.mark.parametrize("share", [0.9, 0.5, 0.2])
@pytest.mark.parametrize("delay", [0.0, 0.2, 0.4])
def test_the_louder_track_owns_a_voice(share: float, delay: float) -> None:
    ana, bo = tone_voices(CONVERSATION[::2], 10.0), tone_voices(CONVERSATION[1::2], 10.0)
    found = spans(ana + later(bo, delay, share), bo + later(ana, delay, share))
    assert [name for name, _, _ in found] == ["Ana", "Bo", "Ana", "Bo"]
    for (_, start, end), turn in zip(found, CONVERSATION, strict=True):
        assert start == pytest.approx(turn.start, abs=0.05)
        assert end == pytest.approx(turn.end, abs=0.25)


def test_people_who_speak_at_once_keep_their_turns() -> None:
    ana, bo = tone_voices([Spoken(0, 1, 5)], 8.0), tone_voices([Spoken(1, 3, 7, 0.1)], 8.0)
    assert spans(ana, bo) == [
        ("Ana", pytest.approx(1, abs=0.05), pytest.approx(5, abs=0.05)),
        ("Bo", pytest.approx(3, abs=0.05), pytest.approx(7, abs=0.05)),
    ]


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_real_voices_are_not_cut_into_fragments(share: float) -> None:
    """The telephone talk in pyannote.audio's wheel, each on a track that hears the other."""
    spec = find_spec("pyannote.audio")
    assert spec is not None
    assert spec.origin is not None
    sample = Path(spec.origin).parent / "sample"
    sound, _ = soundfile.read(sample / "sample.wav", dtype="float32")
    turns = read_rttm(sample / "sample.rttm")
    tracks = {turn.label: np.zeros_like(sound) for turn in turns}
    for turn in turns:
        part = slice(round(turn.start * RATE), round(turn.end * RATE))
        tracks[turn.label][part] = sound[part]
    ana, bo = tracks.values()
    clean = spans(ana, bo, "embedded")
    found = spans(ana + later(bo, 0.2, share), bo + later(ana, 0.2, share), "embedded")
    assert len(found) <= len(clean) + 1
    assert sum(_shared(a, b) for a, b in itertools.product(clean, found)) > 0.9 * sum(
        end - start for _, start, end in clean
    )


def test_what_others_explain_is_told_through_a_room() -> None:
    """Bleed 9 dB under its voice, through a room; people also speak at once."""
    random = np.random.default_rng(0)
    turns = [Spoken(0, 1, 9), Spoken(1, 8, 16), Spoken(0, 17, 22), Spoken(1, 23, 28)]
    ana, bo = (noise_voice(turns, who, 30.0, random) for who in (0, 1))
    rooms = [room_response(number)[:6000] for number in (3, 4)]
    heard = [0.35 * fftconvolve(v, r)[: len(v)] for v, r in zip((bo, ana), rooms, strict=True)]
    tracks = [("Ana", Sound(ana + heard[0])), ("Bo", Sound(bo + heard[1]))]
    left = remaining(tracks, np.ones((1500, 2), bool))
    seconds = np.arange(1500) * STEP
    only_bo = ((seconds > 10) & (seconds < 15)) | ((seconds > 24) & (seconds < 27))
    only_ana = ((seconds > 2) & (seconds < 7)) | ((seconds > 18) & (seconds < 21))
    assert np.median(left[only_bo, 0]) < -6 < -1 < np.median(left[only_bo, 1])
    assert np.median(left[only_ana, 1]) < -6 < -1 < np.median(left[only_ana, 0])
    both = (seconds > 8.3) & (seconds < 8.7)
    assert left[both].min() > -4


def noise_voice(
    turns: Sequence[Spoken], who: int, duration: float, random: np.random.Generator
) -> NDArray[np.float32]:
    """Noise in syllables, as a voice that cannot be told in advance."""
    sound = np.zeros(round(duration * RATE), np.float32)
    for turn in turns:
        if turn.speaker == who:
            part = slice(round(turn.start * RATE), round(turn.end * RATE))
            size = part.stop - part.start
            swell = 0.55 - 0.45 * np.cos(2 * np.pi * 4 * np.arange(size) / RATE)
            sound[part] = np.convolve(random.normal(size=size), np.ones(8) / 8, "same") * swell
    return 0.2 * sound


def _shared(one: tuple[str, float, float], other: tuple[str, float, float]) -> float:
    if one[0] != other[0]:
        return 0.0
    return max(0.0, min(one[2], other[2]) - max(one[1], other[1]))
