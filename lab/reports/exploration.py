"""Explore samples by class: length and amplitude.

A class that gives itself away by its length or level would be recognised without its emotion
being heard; the boxes show it.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from lab.corpora.class_sets import class_of
from lab.corpora.samples import read_voice
from lab.reports.drawings import draw_boxes
from models.protocols import Samples
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.values import SAMPLE_RATE

ByClass = dict[str, list[float]]

_MOST = 1500
"""Clips that are drawn per corpus: a box hardly changes beyond, and decoding takes its time."""

_FLOOR = 1e-5


def _seconds(samples: Samples) -> float:
    return len(samples) / SAMPLE_RATE


def _decibels(samples: Samples) -> float:
    return 20 * float(np.log10(max(float(samples.std()), _FLOOR)))


_OF_SOUND: Mapping[str, Callable[[Samples], float]] = {
    "length in seconds": _seconds,
    "deviation of the amplitude in dB of full scale": _decibels,
}


def explore(
    branch: str,
    clips: Sequence[LabelledClip],
    seed: int = 0,
    classes: Sequence[str] = EMOTIONS,
) -> dict[str, ByClass]:
    """Quantity -> class -> values: seconds and level of voices, words of texts.

    At most 1,500 clips drawn at random are read; a branch without such quantities has none.
    """
    known = [clip for clip in clips if class_of(clip, classes) is not None]
    order = np.random.default_rng(seed).permutation(len(known))[:_MOST]
    chosen = [known[row] for row in sorted(order)]
    if branch == "text":
        lengths = [len((clip.text or "").split()) for clip in chosen]
        return {"length in words": _by_class(chosen, lengths, classes)}
    if branch != "audio":
        return {}
    found = [[measured(sound) for measured in _OF_SOUND.values()] for sound in _sounds(chosen)]
    return {
        quantity: _by_class(chosen, [row[column] for row in found], classes)
        for column, quantity in enumerate(_OF_SOUND)
    }


def _sounds(clips: Sequence[LabelledClip]) -> "map[Samples]":
    return map(read_voice, clips)


def _by_class(
    clips: Sequence[LabelledClip], values: Sequence[float], classes: Sequence[str]
) -> ByClass:
    found: ByClass = {name: [] for name in classes}
    for clip, value in zip(clips, values, strict=True):
        if (name := class_of(clip, classes)) is not None:
            found[name].append(float(value))
    return {name: of_class for name, of_class in found.items() if of_class}


def draw_exploration(
    found: Mapping[str, ByClass], corpus: str, folder: Path
) -> list[tuple[str, Path]]:
    """Draw each quantity of a corpus; return each drawing's sentence and file."""
    drawn = []
    for quantity, by_class in found.items():
        path = folder / f"{corpus}-{quantity.split()[0]}.png"
        draw_boxes(by_class, f"{corpus}: {quantity}", quantity, path)
        medians = ", ".join(f"{name} {np.median(of):.1f}" for name, of in by_class.items())
        drawn.append((f"{corpus}, {quantity} by class. Medians: {medians}.", path))
    return drawn
