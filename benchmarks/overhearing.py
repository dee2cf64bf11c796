"""Measure what tells bleed from another voice: `python benchmarks/overhearing.py DATA`.

Prints the correlation of windows at their best delay, as `models/diarization/overhearing.py`
computes it: of two voices, and of a voice with its copy 100 to 300 ms later and 14 dB softer,
plain, through a room, with noise, and under the other participant's own voice.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from composed import REPORTED_SPEAKERS, Sound, voices_of

from lab.acoustics.rooms import in_a_room
from models.diarization.overhearing import correlation, lowered

RATE = 16_000
SECONDS = 8
WINDOW, REACH = 3_200, 2_000
THRESHOLDS = (0.35, 0.4, 0.45, 0.5)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    chosen = parser.parse_args()
    random = np.random.default_rng(0)
    corpora = voices_of(chosen.data, REPORTED_SPEAKERS, calm=True)
    people = [clips for speakers in corpora.values() for clips in speakers.values()]
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(150):
        one, other = (people[k] for k in random.permutation(len(people))[:2])
        voice, second = talk(one, random), talk(other, random)
        found["two voices"] += compared(voice, second)
        late = int(random.integers(RATE // 10, 3 * RATE // 10))
        copy = np.concatenate([np.zeros(late, np.float32), voice])[: len(voice)] * 0.2
        room = in_a_room(copy, random)
        noise = random.normal(size=len(room)).astype(np.float32) * room.std() * 0.316
        own = second * (room.std() / second.std()) * 0.5
        heard = {"a copy": copy, "through a room": room, "and noise 10 dB below": room + noise}
        heard["and the own voice 6 dB below"] = room + own
        for title, sound in heard.items():
            found[title] += compared(sound, voice)
    print(f"{'':30} {'median':>7} {'1 %':>6} {'99 %':>6} " + " ".join(f">{t}" for t in THRESHOLDS))
    for title, values in found.items():
        low, middle, high = np.quantile(values, (0.01, 0.5, 0.99))
        over = " ".join(f"{100 * np.mean(np.array(values) > t):4.0f}%" for t in THRESHOLDS)
        print(f"{title:30} {middle:7.2f} {low:6.2f} {high:6.2f} {over}")


def talk(clips: Sequence[Sound], random: np.random.Generator) -> Sound:
    """Join clips of one voice."""
    parts = [clips[int(random.integers(len(clips)))] for _ in range(2 * SECONDS)]
    return np.concatenate(parts)[: SECONDS * RATE]


def compared(sound: Sound, other: Sound) -> list[float]:
    """Correlation of each window of a sound with another sound around it."""
    short, longer = lowered(sound), lowered(other)
    starts = range(REACH, len(short) - WINDOW - REACH, WINDOW)
    return [
        correlation(short[s : s + WINDOW], longer[s - REACH : s + WINDOW + REACH]) for s in starts
    ]


if __name__ == "__main__":
    main()
