"""Half minutes of talk for training a recogniser: several voices, rooms, noise, lines, codecs.

A window is 30 s of sound and the text that is spoken in it. It depends on its number and the seed
alone, so that any part of the material can be made again, by any number of processes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.audio.sound import at_tempo
from models.protocols import Samples
from schemas.values import SAMPLE_RATE, Seconds
from tasks.robustness.conditions import telephone
from tasks.robustness.rooms import in_a_room
from tasks.training.augmentation import (
    add_noise,
    babble,
    narrow_band,
    no_voice,
    reverberate,
    through_opus,
)
from tasks.training.spoken_text import SHARES, Spoken, draw
from tasks.training.synthetic_voices import UNHEARD, Voice, choose, speak

WINDOW: Seconds = 30.0
_FULL = 0.8
"""Share of windows that are filled, as those of a meeting are; the others are short."""
_FILLED, _SHORT = (22.0, 29.0), (0.6, 12.0)
_NOBODY = 0.03
"""Share of windows in which nobody speaks, whose text is empty."""
_GAP = (0.05, 0.7)
_OVERLAP = 0.08
_OVERLAPPED = (0.2, 1.0)
_LEVELS = (-14.0, 0.0)
"""Decibels between the softest and the loudest voice of a window."""
_FEWEST, _MOST = 1, 4
_TEMPO = (0.9, 1.12)


class Recorded(NamedTuple):
    """Real speech (mono, 16 kHz, of any float type) and its words."""

    samples: NDArray[np.floating[Any]]
    written: str


class TrainingWindow(NamedTuple):
    """At most 30 s of sound (mono, 16 kHz) and what a transcript of it shows."""

    samples: Samples
    written: str


@dataclass(frozen=True)
class Sources:
    """What windows are made of: texts by corpus, voices by share, real speech and its share."""

    texts: Mapping[str, Sequence[Spoken]]
    voices: Mapping[Voice, float]
    recorded: Sequence[Recorded] = ()
    recorded_share: float = 0.0
    left_out: tuple[Voice, ...] = UNHEARD
    is_clean: bool = False


def make_window(sources: Sources, number: int, seed: int = 0) -> TrainingWindow:
    """Make the window of a number: voices take turns until it is full, then a meeting happens."""
    random = np.random.default_rng([seed, number])
    if random.random() < _NOBODY:
        (sound,) = no_voice(1, (1.0, 29.0), random)
        return TrainingWindow(sound, "")
    bounds = _FILLED if random.random() < _FULL else _SHORT
    longest = int(random.uniform(*bounds) * SAMPLE_RATE)
    sound, written = _talk(sources, longest, random)
    return TrainingWindow(sound if sources.is_clean else as_recorded(sound, random), written)


def _talk(sources: Sources, longest: int, random: np.random.Generator) -> tuple[Samples, str]:
    speakers = [
        choose(sources.voices, sources.left_out, random)
        for _ in range(int(random.integers(_FEWEST, _MOST + 1)))
    ]
    places = [place(random) for _ in speakers]
    levels = 10 ** (random.uniform(*_LEVELS, size=len(speakers)) / 20)
    turns = draw(sources.texts, SHARES, random)
    sound, said = np.zeros(longest, np.float32), list[str]()
    at = int(random.uniform(0, 0.6) * SAMPLE_RATE)
    at = min(at, longest // 4)
    for _ in range(60):
        who = int(random.integers(len(speakers)))
        if len(sources.recorded) and random.random() < sources.recorded_share:
            samples, text = replayed(sources.recorded, random)
        else:
            turn = next(turns)
            samples, text = speak(turn.said, speakers[who], random), turn.written
        if not len(samples):
            continue
        if at + len(samples) > longest:
            if said:
                break
            if len(samples) > int(_FILLED[1] * SAMPLE_RATE):
                continue
            sound = np.zeros(at + len(samples), np.float32)
            longest = len(sound)
        voiced = places[who](at_speech_level(samples), random)[: len(samples)]
        sound[at : at + len(voiced)] += levels[who] * voiced
        said.append(text)
        gap = random.uniform(*_GAP)
        if random.random() < _OVERLAP:
            gap = -random.uniform(*_OVERLAPPED)
        at = max(at + len(samples) + int(gap * SAMPLE_RATE), at + len(samples) // 2)
        if at >= longest - SAMPLE_RATE // 2:
            break
    return sound[: min(longest, at)], " ".join(text for text in said if text)


def replayed(recorded: Sequence[Recorded], random: np.random.Generator) -> tuple[Samples, str]:
    """A recording as it is or, as often, a little slower or faster."""
    samples, text = recorded[int(random.integers(len(recorded)))]
    sound = np.asarray(samples, np.float32)
    return at_tempo(sound, random.uniform(*_TEMPO)) if random.random() < 0.5 else sound, text


def at_speech_level(samples: Samples) -> Samples:
    """The loudest twentieth of the frames at about a tenth of full scale."""
    frames = np.abs(samples[: len(samples) // 160 * 160]).reshape(-1, 160).max(axis=1)
    loud = float(np.quantile(frames, 0.95)) if len(frames) else 0.0
    return samples * np.float32(0.3 / max(loud, 1e-3))


_Change = Callable[[Samples, np.random.Generator], Samples]


def place(random: np.random.Generator) -> _Change:
    """Where a speaker of the window sits: before the microphone, or in the room."""
    return (_near, _near, reverberate, in_a_room)[int(random.integers(4))]


def _near(samples: Samples, random: np.random.Generator) -> Samples:
    del random
    return samples


def as_recorded(samples: Samples, random: np.random.Generator) -> Samples:
    """Noise, other talk far away, a band, a telephone, Opus, clipping and gain, each by chance."""
    for share, change in _RECORDING:
        if random.random() < share:
            samples = change(samples, random)
    gain = 10 ** (random.uniform(-30, 0) / 20) / max(float(np.abs(samples).max()), 1e-3)
    return (samples * gain).astype(np.float32)


def _murmur(samples: Samples, random: np.random.Generator) -> Samples:
    """People talk in the next room: the window's own voices, backwards, 12 to 25 dB below."""
    decibels = random.uniform(12, 25)
    return babble(samples, [samples[::-1].copy()], decibels, random)


def _clip(samples: Samples, random: np.random.Generator) -> Samples:
    highest = float(np.abs(samples).max()) * random.uniform(0.2, 0.7)
    return np.clip(samples, -highest, highest)


def _opus(samples: Samples, random: np.random.Generator) -> Samples:
    return through_opus(samples, int(random.choice([12_000, 16_000, 24_000])))[: len(samples)]


_RECORDING: tuple[tuple[float, _Change], ...] = (
    (0.5, add_noise),
    (0.15, _murmur),
    (0.05, _clip),
    (0.15, narrow_band),
    (0.2, telephone),
    (0.25, _opus),
)
"""What happens to a window on its way to a recording, in order, and how often."""
