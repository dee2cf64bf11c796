"""Recordings whose words are known and that no layer was trained on, for calibration."""

from collections.abc import Iterator
from pathlib import Path

from models.protocols import Samples
from tasks.corpora.catalogue import read
from tasks.corpora.samples import read_voice
from tasks.corpora.sound import read_sound
from tasks.training.words_confidence import Told, whole
from tasks.training.words_material import RAVDESS_SENTENCES, parts, sources
from tasks.training.words_windows import make_window

CHOSEN_ON = ("trn00_EN2001a", "trn03_EN2001e", "trn05_EN2004a", "trn07_EN2006a")
"""AMI clips for choices; reports are on others."""

CHOSEN_ACTORS = frozenset({"17", "18"})
_MEETING_WEIGHT = 5.0
"""A word of a meeting counts as five: there are fewer of them, and meetings are what counts."""
_EACH = 12
_WINDOWS = {"unheard": (48, 1.0), "aside": (48, 2.0)}
"""Half minutes of each kind and the weight of their words: actors are people, if in a studio."""

_SEED = 2_000_003
_N_FOREIGN = 10


def set_aside(data: Path, material: Path) -> Iterator[Told]:
    """AMI's clips for choices, two RAVDESS actors, and half minutes by voices never trained on.

    Of actors, too, where `material` has their lines.
    """
    words = _words(data / "meeting" / "reference.ctm")
    for name in CHOSEN_ON:
        sound = read_sound(str(data / "meeting" / f"{name}.flac"))
        yield whole(sound, words[name], _MEETING_WEIGHT)
    clips = [c for c in read("ravdess", data / "speech") if c.speaker in CHOSEN_ACTORS]
    for clip in clips[:: max(1, len(clips) // _EACH)]:
        yield whole(read_voice(clip), RAVDESS_SENTENCES[clip.sentence or ""])
    for kind, (count, weight) in _WINDOWS.items():
        if parts(material / kind):
            made_of = sources(data, material, kind)
            for number in range(count):
                window = make_window(made_of, number, _SEED)
                yield whole(window.samples, window.written, weight)


def foreign(data: Path) -> Iterator[Told]:
    """German, Italian and Polish of half a minute, in which there is no English word."""
    import numpy as np

    for corpus in ("emodb", "emovo", "nemo"):
        clips = [clip for clip in read(corpus, data / "speech") if clip.emotion == "neutral"]
        for first in range(0, min(len(clips), 10 * _N_FOREIGN), _N_FOREIGN):
            pieces: list[Samples] = [read_voice(clip) for clip in clips[first : first + _N_FOREIGN]]
            yield whole(np.concatenate(pieces)[: 30 * 16_000], "")


def _words(table: Path) -> dict[str, str]:
    """Words of a CTM by recording, in the order of their times."""
    rows = [line.split() for line in table.read_text(encoding="utf-8").splitlines()]
    rows.sort(key=lambda row: float(row[2]))
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row[4])
    return {name: " ".join(words) for name, words in found.items()}
