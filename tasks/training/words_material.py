"""The material that the recogniser is trained on, made by a script and kept in a folder.

`OUT/windows/00000.npy` holds the log-mel frames of 64 half minutes, float16 (64, 80, 3000), and
`00000.json` their words. What is there is not made again. `OUT/unheard/` is spoken by voices that
no window of the training has, `OUT/aside/` by the actors whose roles are set aside, and
`OUT/acted.npy` are the lines of actors (float16, 16 kHz).
"""

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.audio.sound import log_mel, trim_silence
from models.protocols import Samples
from schemas.values import SAMPLE_RATE
from tasks.corpora.catalogue import read
from tasks.corpora.samples import read_voice
from tasks.corpora.sound import read_sound
from tasks.training.spoken_text import Spoken, spoken, spoken_texts
from tasks.training.synthetic_voices import UNHEARD, voices_here
from tasks.training.voiced_lines import voiced_lines
from tasks.training.words_windows import WINDOW, Recorded, Sources, make_window

PER_PART = 64
TRAINED_ACTORS = frozenset(f"{number:02}" for number in range(1, 17))
"""RAVDESS's actors that are trained on; 17 and 18 are for choices, 19 to 24 are reported on."""
RECORDED_SHARE = 0.5
"""Of turns; without actors' lines, which Debian's packages carry, a tenth of it."""
_FEW_SHARE = 0.05
RAVDESS_SENTENCES = {
    "01": "Kids are talking by the door.",
    "02": "Dogs are sitting by the door.",
}
_PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
_PROMPT_WORDS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
_FRAMES = int(WINDOW * 100)
_SEEDS = {"unheard": 1_000_003, "aside": 3_000_017, "windows": 0}
"""Kinds of windows in the order they are made."""

ROLES_SET_ASIDE = frozenset({"anderson", "death", "laris", "lou", "naomi", "zombie woman"})
"""Of Flight of the Amazon Queen: half an hour that is never trained on, for choices."""
_SPEECHLESS = frozenset({"ape"})
_WEIGHTS = (1.0, 0.08, 0.01, 0.08)
"""How often actors' lines, RAVDESS, GRID and prompts are drawn, beside the largest of them."""


class Part(NamedTuple):
    """64 windows: log-mel frames float16 (n, 80, 3000) and their words."""

    frames: NDArray[np.float16]
    written: tuple[str, ...]


def make_material(
    data: Path, out: Path, hours: float, seed: int = 0, processes: int = 1, held_out: int = 2
) -> None:
    """Make about `hours` of windows under `out`, and `held_out` parts of each kind for choices.

    A part, 64 windows, is the least.

    `data` holds `text/`, `meeting/` and `speech/`. Raises `SettingsError` where no synthesiser is
    installed, `FileNotFoundError` where no corpus of talk is there.
    """
    voices_here()
    keep_acted(out)
    n_parts = {"windows": parts_of(hours), "unheard": held_out}
    if read_acted(out, set_aside=True):
        n_parts["aside"] = held_out
    jobs = [
        (out / kind / f"{part:05}", part, _SEEDS[kind] + seed)
        for kind in _SEEDS
        for part in range(n_parts.get(kind, 0))
    ]
    left = [job for job in jobs if not job[0].with_suffix(".json").is_file()]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for _ in pool.map(partial(_make_part, data, out), left, chunksize=1):
            pass


def parts_of(hours: float) -> int:
    """Parts that hold about so many hours of windows, at least one."""
    return max(1, round(hours * 3600 / WINDOW / PER_PART))


def parts(folder: Path) -> list[Path]:
    """The parts of a folder that are complete, in order, without their suffix."""
    return [path.with_suffix("") for path in sorted(folder.glob("*.json"))]


def read_part(path: Path) -> Part:
    """Read one part; its frames are mapped, not read."""
    frames = np.load(path.with_suffix(".npy"), mmap_mode="r")
    return Part(frames, tuple(json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))))


def recorded_speech(data: Path, acted: Sequence[Recorded] = ()) -> list[Recorded]:
    """Real speech with known words: actors' lines, RAVDESS's first actors, GRID, prompts.

    A kind that is not there is left out; the smaller ones come more often than they have clips.
    """
    kinds = [list(kind) for kind in (acted, _ravdess(data), _grid(data), _prompts())]
    most = max(map(len, kinds))
    return [
        clip
        for kind, weight in zip(kinds, _WEIGHTS, strict=True)
        if kind
        for clip in kind * max(1, round(weight * most / len(kind)))
    ]


def keep_acted(out: Path, games: Path | None = None) -> None:
    """Write the actors' lines of the installed games once; none is kept where none is there."""
    if (out / "acted.json").is_file():
        return
    found = voiced_lines(games) if games else voiced_lines()
    lines = [line for line in found if line.speaker not in _SPEECHLESS]
    pieces = [line.samples.astype(np.float16) for line in lines]
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "acted.npy", np.concatenate([np.zeros(0, np.float16), *pieces]))
    rows = [
        {"text": line.text, "speaker": line.speaker, "samples": len(line.samples)} for line in lines
    ]
    (out / "acted.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")


def read_acted(out: Path, *, set_aside: bool = False) -> list[Recorded]:
    """The lines that `keep_acted` wrote, or those of the roles set aside; their sound is mapped."""
    rows = json.loads((out / "acted.json").read_text(encoding="utf-8"))
    if not rows:
        return []
    ends = np.cumsum([row["samples"] for row in rows])
    pieces = np.split(np.load(out / "acted.npy", mmap_mode="r"), ends[:-1])
    return [
        Recorded(piece, row["text"])
        for piece, row in zip(pieces, rows, strict=True)
        if (row["speaker"] in ROLES_SET_ASIDE) == set_aside
    ]


def _ravdess(data: Path) -> Iterator[Recorded]:
    for clip in read("ravdess", data / "speech"):
        if clip.speaker in TRAINED_ACTORS:
            yield Recorded(trim_silence(read_voice(clip)), RAVDESS_SENTENCES[clip.sentence or ""])


def _grid(data: Path) -> Iterator[Recorded]:
    folder = data / "meeting" / "video"
    table = folder / "grid.stm"
    if not table.is_file():
        return
    for line in table.read_text(encoding="utf-8").splitlines():
        name, _, _, _, _, *words = line.split()
        if (path := folder / f"{name}.mpg").is_file():
            text = " ".join(words)
            yield Recorded(read_sound(str(path)), text[0].upper() + text[1:] + ".")


def _prompts() -> Iterator[Recorded]:
    """Asterisk's English prompts (CC BY-SA), spoken by one woman; Debian's packages."""
    if not (_PROMPTS.is_dir() and _PROMPT_WORDS.is_file()):
        return
    with gzip.open(_PROMPT_WORDS, "rt", encoding="utf-8") as lines:
        for line in lines:
            name, colon, words = line.strip().partition(": ")
            path = _PROMPTS / f"{name}.g722"
            text: Spoken | None = None if "[" in words else spoken(words, "prompts")
            if colon and text and text.written and path.is_file():
                yield Recorded(read_sound(str(path)), text.written)


@cache
def sources(data: Path, out: Path, kind: str) -> Sources:
    """What windows of a kind are made of: `windows`, or for choices `unheard` and `aside`."""
    return _SOURCES[kind](data, out)


def _trained_on(data: Path, out: Path) -> Sources:
    acted = read_acted(out)
    share = RECORDED_SHARE if acted else _FEW_SHARE
    return Sources(spoken_texts(data), voices_here(), recorded_speech(data, acted), share)


def _unheard(data: Path, out: Path) -> Sources:
    del out
    here = voices_here()
    voices = {voice: 1.0 for voice in UNHEARD if voice in here}
    return Sources(spoken_texts(data), voices, left_out=())


def _aside(data: Path, out: Path) -> Sources:
    return Sources(spoken_texts(data), voices_here(), read_acted(out, set_aside=True), 1.0)


_SOURCES = {"windows": _trained_on, "unheard": _unheard, "aside": _aside}


def _make_part(data: Path, out: Path, job: tuple[Path, int, int]) -> None:
    import torch

    torch.set_num_threads(1)
    path, number, seed = job
    made_of = sources(data, out, path.parent.name)
    made = [
        make_window(made_of, row, seed) for row in range(number * PER_PART, (number + 1) * PER_PART)
    ]
    frames = np.stack([_frames(window.samples) for window in made])
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.npy")
    np.save(unfinished, frames)
    unfinished.replace(path.with_suffix(".npy"))
    words = json.dumps([window.written for window in made], ensure_ascii=False)
    path.with_suffix(".json").write_text(words, encoding="utf-8")


def _frames(samples: Samples) -> NDArray[np.float16]:
    padded = np.zeros(int(WINDOW * SAMPLE_RATE), np.float32)
    padded[: len(samples)] = samples[: len(padded)]
    frames: NDArray[np.float16] = log_mel(padded)[:, :_FRAMES].numpy().astype(np.float16)
    return frames


def count_windows(folder: Path) -> int:
    """How many half minutes a folder of parts holds."""
    return sum(len(read_part(path).written) for path in parts(folder))
