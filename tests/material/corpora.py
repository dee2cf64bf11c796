"""Tiny corpora in the layouts in which their authors distribute them, made of tones and noise."""

import csv
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from tests.material.sounds import Spoken, tone_voices, write_wav

RAVDESS_FILES = tuple(
    f"03-01-0{emotion}-01-0{statement}-01-{actor:02}"
    for actor in (1, 2, 7)
    for emotion in range(1, 9)
    for statement in (1, 2)
)
"""Three actors of RAVDESS, eight emotions, both statements."""

RAVDESS_SONGS = tuple(
    f"03-02-0{emotion}-01-0{statement}-01-{actor:02}"
    for actor in (1, 2, 7)
    for emotion in range(1, 7)
    for statement in (1, 2)
)
"""The same actors' songs, in the six emotions that are sung."""

PIXELS = 48 * 48


def write_sounds(folder: Path, names: Iterable[str], suffix: str = ".wav") -> Path:
    """Write a quarter of a second of tone for each name, which may have folders in it."""
    for number, name in enumerate(names):
        path = folder / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_wav(path, tone_voices([Spoken(number % 8, 0.0, 0.25)], 0.25))
    return folder


def write_ravdess(folder: Path) -> Path:
    """`Audio_Speech_Actors_01-24/Actor_01/03-01-...wav`."""
    root = folder / "Audio_Speech_Actors_01-24"
    return write_sounds(root, (f"Actor_{name[-2:]}/{name}" for name in RAVDESS_FILES))


def write_songs(folder: Path) -> Path:
    """`Audio_Song_Actors_01-24/Actor_01/03-02-...wav`."""
    root = folder / "Audio_Song_Actors_01-24"
    return write_sounds(root, (f"Actor_{name[-2:]}/{name}" for name in RAVDESS_SONGS))


def write_zip(archive: Path, folder: Path) -> Path:
    """Pack a folder as a user would, with the litter of a Mac beside each file."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if path.is_file():
                packed.write(path, inside.as_posix())
                packed.writestr(f"__MACOSX/{inside.parent.as_posix()}/._{inside.name}", b"litter")
    return archive


IEMOCAP_JUDGEMENTS: Mapping[str, tuple[str, str]] = {
    "F000": ("neu", "Excuse me."),
    "M000": ("fru", "Do you have your forms?"),
    "F001": ("exc", "Yeah!"),
    "M001": ("xxx", "Let me see them."),
    "F002": ("ang", "Is there a problem?"),
}
"""Utterance -> its code and words, in the order in which they were said."""


def write_iemocap(folder: Path, sessions: Iterable[int] = range(1, 6)) -> Path:
    """`IEMOCAP_full_release/Session1/...` with one dialogue per session and all its parts."""
    root = folder / "IEMOCAP_full_release"
    for session in sessions:
        dialogue = f"Ses0{session}F_impro01"
        home = root / f"Session{session}"
        names = [f"{dialogue}_{turn}" for turn in IEMOCAP_JUDGEMENTS]
        write_sounds(home / "sentences" / "wav" / dialogue, names)
        judged, spoken = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""], []
        for second, (turn, (code, words)) in enumerate(IEMOCAP_JUDGEMENTS.items()):
            name = f"{dialogue}_{turn}"
            span = (float(second), second + 0.9)
            judged.append(f"[{span[0]:.4f} - {span[1]:.4f}]\t{name}\t{code}\t[2.5, 2.5, 2.5]")
            judged.append("C-E2:\tNeutral;\t()")
            spoken.append(f"{name} [{span[0]:08.4f}-{span[1]:08.4f}]: {words}")
        # the release lists turns by speaker, not by time
        _write(home / "dialog" / "EmoEvaluation" / f"{dialogue}.txt", [*judged[:2], *judged[:1:-1]])
        _write(home / "dialog" / "transcriptions" / f"{dialogue}.txt", spoken)
    return root


def _write(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="latin-1")


def write_table(path: Path, rows: list[dict[str, object]]) -> Path:
    """Write rows as a CSV with the first row's columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def faces(n: int) -> np.ndarray:
    """Random gray pictures, shape (n, 48, 48) uint8."""
    return np.random.default_rng(n).integers(0, 255, (n, 48, 48), dtype=np.uint8)


def write_fer2013(path: Path, usages: Iterable[str], columns: str = "emotion,pixels,Usage") -> Path:
    """`fer2013.csv`: one random face per usage, labels going round; `columns` as the copy has."""
    label, pixels, usage = columns.split(",")
    named = list(usages)
    return write_table(
        path,
        [
            {label: row % 7, pixels: " ".join(map(str, face.ravel())), usage: part}
            for row, (face, part) in enumerate(zip(faces(len(named)), named, strict=True))
        ],
    )


VOTED = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)


def write_ferplus(path: Path, usages: Iterable[str]) -> Path:
    """`fer2013new.csv`: in row i all ten votes are for the i-th of `VOTED`."""
    return write_table(
        path,
        [
            {
                "Usage": usage,
                "Image name": f"fer{row:07}.png",
                **{name: 10 * (row % 10 == place) for place, name in enumerate(VOTED)},
            }
            for row, usage in enumerate(usages)
        ],
    )
