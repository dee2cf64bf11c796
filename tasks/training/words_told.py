"""Recordings whose words are known and that no layer was trained on, for calibration."""

from collections.abc import Iterator
from pathlib import Path

from models.protocols import Samples
from tasks.corpora.catalogue import read
from tasks.corpora.samples import read_voice
from tasks.corpora.sound import read_sound
from tasks.training.spoken_text import spoken_texts
from tasks.training.synthetic_voices import UNHEARD, voices_here
from tasks.training.words_confidence import Told, whole
from tasks.training.words_material import RAVDESS_SENTENCES
from tasks.training.words_windows import Sources, make_window

CHOSEN_ON = ("trn00_EN2001a", "trn03_EN2001e", "trn05_EN2004a", "trn07_EN2006a")
"""AMI clips for choices; reports are on others."""

CHOSEN_ACTORS = frozenset({"17", "18"})
_MEETING_WEIGHT = 5.0
"""A word of a meeting counts as five: there are fewer of them, and meetings are what counts."""
_EACH = 12
_N_SYNTHETIC = 48
_SEED = 2_000_003
_N_FOREIGN = 10


def set_aside(data: Path) -> Iterator[Told]:
    """AMI's clips for choices, two RAVDESS actors, and half minutes by voices never trained on."""
    words = _words(data / "meeting" / "reference.ctm")
    for name in CHOSEN_ON:
        sound = read_sound(str(data / "meeting" / f"{name}.flac"))
        yield whole(sound, words[name], _MEETING_WEIGHT)
    actors = [c for c in read("ravdess", data / "speech") if c.speaker in CHOSEN_ACTORS]
    for clip in actors[:: max(1, len(actors) // _EACH)]:
        yield whole(read_voice(clip), RAVDESS_SENTENCES[clip.sentence or ""])
    voices = {voice: 1.0 for voice in UNHEARD if voice in voices_here()}
    sources = Sources(spoken_texts(data), voices, left_out=())
    for number in range(_N_SYNTHETIC):
        window = make_window(sources, number, _SEED)
        yield whole(window.samples, window.written)


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
