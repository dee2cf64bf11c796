"""Sounds without a voice, and how often an audio branch names an emotion in them.

They are made in other ways, and of other kinds, than those that trainings hear: noise falls by
exact powers, hum drifts, music has a bass, drums and a melody in a key, keys are struck in
bursts of typing.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from models.protocols import Samples, Scores
from schemas.values import SAMPLE_RATE, Probability, Seconds, Value

Maker = Callable[[int, np.random.Generator], np.ndarray]

_SECONDS: tuple[Seconds, Seconds] = (1.0, 6.0)
_PER_KIND = 6
_SEED = 20_260


class Abstention(Value):
    """How sure a branch is where nobody speaks.

    `confident` is the share of the sounds with a confidence of `min_confidence` or more, where an
    emotion would be named; `by_kind` the same of each kind of sound.
    """

    n: int
    min_confidence: Probability
    confident: Probability
    by_kind: dict[str, float]


def no_voice_sounds(per_kind: int = _PER_KIND, seed: int = _SEED) -> list[tuple[str, Samples]]:
    """Make `per_kind` sounds of each kind, of one to six seconds at 16 kHz: (kind, samples)."""
    made = []
    for place, (kind, maker) in enumerate(KINDS.items()):
        random = np.random.default_rng([seed, place])
        for _ in range(per_kind):
            sound = maker(int(random.uniform(*_SECONDS) * SAMPLE_RATE), random)
            level = 10 ** (random.uniform(-40, -15) / 20)
            scaled = sound * level / max(float(np.std(sound)), 1e-9)
            made.append((kind, scaled.astype(np.float32)))
    return made


def measure_abstention(
    score: Callable[[Sequence[Samples]], Scores], min_confidence: float
) -> Abstention:
    """Tell in how many sounds without a voice an emotion would be named."""
    sounds = no_voice_sounds()
    scores = score([samples for _, samples in sounds])
    sure = np.nan_to_num(scores, nan=0.0).max(axis=1) >= min_confidence
    kinds = np.array([kind for kind, _ in sounds])
    return Abstention(
        n=len(sounds),
        min_confidence=min_confidence,
        confident=float(sure.mean()),
        by_kind={kind: float(sure[kinds == kind].mean()) for kind in KINDS},
    )


def _noise(power: float) -> Maker:
    """Noise whose power falls with that power of the frequency: 0 white, 1 pink, 2 brown."""

    def make(length: int, random: np.random.Generator) -> np.ndarray:
        spectrum = np.fft.rfft(random.standard_normal(length))
        hertz = np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
        spectrum[1:] /= hertz[1:] ** (power / 2)
        spectrum[hertz < 20.0] = 0.0
        return np.fft.irfft(spectrum, length)

    return make


def _hum(length: int, random: np.random.Generator) -> np.ndarray:
    """Mains or a motor: a buzz whose strength drifts, over a little hiss."""
    times = np.arange(length) / SAMPLE_RATE
    base = float(random.choice([50.0, 60.0, random.uniform(80, 220)]))
    tones = sum(
        random.uniform(0.2, 1.0) / overtone * np.sin(2 * np.pi * base * overtone * times)
        for overtone in range(1, 12)
    )
    drift = 1 + 0.4 * np.sin(2 * np.pi * random.uniform(0.2, 3.0) * times + random.uniform(0, 6))
    return tones * drift + 0.05 * random.standard_normal(length)


_SCALE = (0, 2, 4, 5, 7, 9, 11)
_CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))


def _tone(semitones: float, length: int, decay: Seconds, overtones: int) -> np.ndarray:
    """Return a plucked note, so many semitones above 110 Hz."""
    times = np.arange(length) / SAMPLE_RATE
    pitch = 110.0 * 2 ** (semitones / 12)
    wave = sum(np.sin(2 * np.pi * pitch * k * times) / k**1.5 for k in range(1, overtones + 1))
    rise = np.minimum(1.0, times / 0.01)
    return np.asarray(wave * rise * np.exp(-times / decay))


def _add(sound: np.ndarray, at: int, note: np.ndarray) -> None:
    part = note[: max(0, len(sound) - at)]
    sound[at : at + len(part)] += part


def _chords(length: int, random: np.random.Generator) -> np.ndarray:
    """Return a progression of four chords, held like an organ's or struck like a piano's."""
    sound = np.zeros(length)
    beat, decay = int(random.uniform(0.5, 1.2) * SAMPLE_RATE), random.uniform(0.4, 4.0)
    key, first = int(random.integers(12)), int(random.integers(4))
    for number, at in enumerate(range(0, length, beat)):
        for semitones in _CHORDS[(first + number) % len(_CHORDS)]:
            _add(sound, at, _tone(key + semitones, int(1.5 * beat), decay, 8))
    return sound


def _song(length: int, random: np.random.Generator) -> np.ndarray:
    """Return a melody over a bass, with drums: kicks, snares and hats on the beats."""
    beat, key = int(random.uniform(0.22, 0.4) * SAMPLE_RATE), int(random.integers(12))
    sound = np.zeros(length)
    step = 0
    for number, at in enumerate(range(0, length, beat)):
        step = min(9, max(-4, step + int(random.integers(-2, 3))))
        octave, degree = divmod(step, len(_SCALE))
        if random.random() < 0.8:
            _add(sound, at, _tone(key + 24 + 12 * octave + _SCALE[degree], 2 * beat, 0.3, 6))
        if number % 4 == 0:
            _add(sound, at, 1.5 * _tone(key - 12 + _CHORDS[number // 4 % 4][0], 4 * beat, 0.8, 4))
        _add(sound, at, 0.8 * _drum(number, random))
    return sound


def _drum(number: int, random: np.random.Generator) -> np.ndarray:
    times = np.arange(int(0.15 * SAMPLE_RATE)) / SAMPLE_RATE
    if number % 4 == 0:
        return np.asarray(2 * np.sin(2 * np.pi * 60 * times) * np.exp(-times / 0.05))
    length = 0.06 if number % 4 == 2 else 0.015
    return np.asarray(random.standard_normal(len(times)) * np.exp(-times / length))


def _typing(length: int, random: np.random.Generator) -> np.ndarray:
    """Keys of a keyboard: a click down and a softer one up, in bursts, over a room's hiss."""
    sound = 0.01 * random.standard_normal(length)
    at = int(random.integers(SAMPLE_RATE // 4))
    while at < length:
        for delay, height in ((0, 1.0), (int(random.uniform(0.05, 0.1) * SAMPLE_RATE), 0.4)):
            times = np.arange(320) / SAMPLE_RATE
            ring = np.sin(2 * np.pi * random.uniform(900, 3_500) * times)
            click = (0.5 * random.standard_normal(320) + ring) * np.exp(-times / 0.003)
            _add(sound, at + delay, height * random.uniform(0.5, 1.0) * click)
        pause = random.uniform(0.4, 1.0) if random.random() < 0.15 else random.uniform(0.08, 0.25)
        at += int(pause * SAMPLE_RATE)
    return sound


def _quiet(length: int, random: np.random.Generator) -> np.ndarray:
    """Return an open microphone in an empty room: hiss that breathes a little."""
    times = np.arange(length) / SAMPLE_RATE
    breath = 1 + 0.2 * np.sin(2 * np.pi * random.uniform(0.1, 0.6) * times)
    return np.asarray(random.standard_normal(length) * breath)


def _nothing(length: int, random: np.random.Generator) -> np.ndarray:
    """Digital silence."""
    del random
    return np.zeros(length)


KINDS: Mapping[str, Maker] = {
    "white noise": _noise(0.0),
    "pink noise": _noise(1.0),
    "brown noise": _noise(2.0),
    "hum": _hum,
    "chords": _chords,
    "song": _song,
    "typing": _typing,
    "quiet room": _quiet,
    "silence": _nothing,
}
"""Kind of sound -> what makes so many samples of it."""
