"""Measure how far an audio branch falls in each condition of a meeting.

A condition changes one clip; the same test clips go through each, and the drop is told. Rooms,
telephones and babble are made in other ways than those of training.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lab.acoustics.augmentation import babble, through_opus
from lab.acoustics.rooms import in_a_room
from lab.measures import Measures, measure
from models.audio.sound import at_tempo, frame_levels
from models.protocols import Samples, Scores
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from schemas.values import SAMPLE_RATE, Seconds

Condition = Callable[[Samples, np.random.Generator], Samples]
"""Changes mono float32 samples at 16 kHz, drawing from the generator alone."""

Score = Callable[[Sequence[Samples]], Scores]
"""Judges clips: probabilities (n, classes)."""

BABBLE_DECIBELS = 10.0
SHORT: Seconds = 0.5
"""The shortest utterance that is judged."""

_TELEPHONE_HERTZ = (300.0, 3400.0)
_TELEPHONE_RATE = 8_000
_VOICED = 0.1
"""Frames within 20 dB of the loudest are voiced: a cut of a pause is no utterance."""
_BLOCK = 256
_CROWD = 64
_LOUD = 0.25
"""Standard deviation to which a telephone's gain control brings a voice before its 8 bits."""


def clean(samples: Samples, random: np.random.Generator) -> Samples:
    """Return the clip unchanged."""
    del random
    return samples


def opus(samples: Samples, random: np.random.Generator) -> Samples:
    """Return the codec of web meetings at 24 kbit/s, there and back."""
    del random
    return through_opus(samples, 24_000)


def telephone(samples: Samples, random: np.random.Generator) -> Samples:
    """300 to 3400 Hz, 8 kHz, eight bits by the mu-law (ITU-T G.711), and back to 16 kHz."""
    import torch
    from scipy.signal import butter, resample_poly, sosfiltfilt
    from torchaudio.functional import mu_law_decoding, mu_law_encoding

    del random
    band = butter(4, _TELEPHONE_HERTZ, "bandpass", fs=_TELEPHONE_RATE, output="sos")
    narrow = sosfiltfilt(band, resample_poly(samples, 1, SAMPLE_RATE // _TELEPHONE_RATE))
    gain = _LOUD / max(float(narrow.std()), 1e-6)
    coded = mu_law_encoding(torch.from_numpy(np.clip(narrow * gain, -1, 1)), 256)
    wide = resample_poly(mu_law_decoding(coded, 256).numpy() / gain, 2, 1)[: len(samples)]
    return np.asarray(wide, dtype=np.float32)


def short(seconds: Seconds) -> Condition:
    """Return a condition that keeps so much around a random voiced moment."""
    length = int(seconds * SAMPLE_RATE)

    def cut(samples: Samples, random: np.random.Generator) -> Samples:
        if len(samples) <= length:
            return samples
        levels = frame_levels(samples)
        voiced = np.flatnonzero(levels >= _VOICED * levels.max())
        middle = int(random.choice(voiced)) * len(samples) // len(levels)
        start = min(max(0, middle - length // 2), len(samples) - length)
        return samples[start : start + length]

    return cut


def _alone(condition: Condition) -> Callable[[Sequence[Samples]], Condition]:
    """Return a condition that needs no other voices."""
    return lambda _: condition


def _among(others: Sequence[Samples]) -> Condition:
    """Other people talking at once, 10 dB under the voice."""
    return lambda samples, random: babble(samples, others, BABBLE_DECIBELS, random)


CONDITIONS: Mapping[str, Callable[[Sequence[Samples]], Condition]] = {
    "clean": _alone(clean),
    "opus-24k": _alone(opus),
    "babble-10db": _among,
    "telephone": _alone(telephone),
    "room": _alone(in_a_room),
    "short-0.5s": _alone(short(SHORT)),
}
"""Name -> the condition among clips of other speakers (which only babble listens to)."""


def high(samples: Samples, random: np.random.Generator) -> Samples:
    """Play a voice 1.35 to 1.65 times as fast, pitch included: as high as a child's."""
    return at_tempo(samples, float(random.uniform(1.35, 1.65)))


PIECES: Mapping[str, Callable[[Sequence[Samples]], Condition]] = {
    "short-0.5s": CONDITIONS["short-0.5s"],
    "short-1s": _alone(short(1.0)),
    "short-2s": _alone(short(2.0)),
}
"""Conditions that tell how a calibration depends on duration."""

STRANGE: Mapping[str, Callable[[Sequence[Samples]], Condition]] = {
    "high-voice": _alone(high),
    "babble-10db": CONDITIONS["babble-10db"],
}
"""Conditions that tell how a calibration depends on how strange a voice is."""


def apply(
    condition: str,
    samples: Sequence[Samples],
    speakers: Sequence[str],
    seed: int = 0,
    crowd: tuple[Sequence[Samples], Sequence[str]] | None = None,
) -> list[Samples]:
    """Send every clip through a condition by its name; the same seed gives the same sounds.

    `crowd` are clips and speakers that babble is made of, those given themselves by default; no
    clip is drowned by its own speaker. Raises `SettingsError` for an unknown condition, and for
    babble where there is no other speaker.
    """
    conditions = {**CONDITIONS, **PIECES, **STRANGE}
    if condition not in conditions:
        known = ", ".join(conditions)
        raise SettingsError(f"There is no condition '{condition}'; known are {known}.")
    voices, names = crowd if crowd is not None else (samples, speakers)
    if conditions[condition] is _among and len({*speakers, *names}) < 2:
        raise SettingsError("Babble needs clips of two speakers or more; give more.")
    changed = []
    for number, (clip, speaker) in enumerate(zip(samples, speakers, strict=True)):
        others = [voice for voice, name in zip(voices, names, strict=True) if name != speaker]
        change = conditions[condition](others)
        # each clip has a generator of its own, so that what is left out changes no other
        changed.append(change(clip, np.random.default_rng([seed, number])))
    return changed


def measure_conditions(
    score: Score,
    read: Callable[[int], Samples],
    labels: Sequence[int],
    speakers: Sequence[str],
    classes: Sequence[str] = EMOTIONS,
    seed: int = 0,
) -> dict[str, Measures]:
    """Judge the same clips in every condition: condition -> figures, `clean` first.

    `read(row)` gives the samples of a clip; 256 lie in memory at once. Babble is made of at most
    64 of them, and left out for a single speaker. Raises `ValueError` as `measure` does.
    """
    several = len(set(speakers)) > 1
    names = [name for name in CONDITIONS if several or CONDITIONS[name] is not _among]
    chosen = _crowd(speakers, np.random.default_rng(seed))
    crowd = [read(row) for row in chosen], [speakers[row] for row in chosen]
    found: dict[str, list[Scores]] = {name: [] for name in names}
    for first in range(0, len(labels), _BLOCK):
        people = speakers[first : first + _BLOCK]
        block = [read(row) for row in range(first, first + len(people))]
        for name in names:
            found[name].append(score(apply(name, block, people, seed + first, crowd)))
    return {
        name: measure(labels, np.concatenate(scores), speakers, classes)
        for name, scores in found.items()
    }


def drops(measures: Mapping[str, Measures]) -> dict[str, float]:
    """Condition -> UAR of the clean clips less its own."""
    return {name: measures["clean"].uar - found.uar for name, found in measures.items()}


def _crowd(speakers: Sequence[str], random: np.random.Generator) -> list[int]:
    """Rows of clips that babble is made of, as many speakers as can be."""
    order = random.permutation(len(speakers))
    turn = dict.fromkeys(speakers, 0)
    ranked = []
    for place, row in enumerate(order):
        turn[speakers[row]] += 1
        ranked.append((turn[speakers[row]], place, int(row)))
    return [row for _, _, row in sorted(ranked)[:_CROWD]]
