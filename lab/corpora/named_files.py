"""Read corpora labelled by file names, from folders and archives."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from lab.corpora.archives import MEMBER, member_names
from lab.corpora.labels import LABELS
from lab.corpora.name_codes import INTENSITIES, NAME_CODES, SPEAKER_NAMES
from schemas.corpus import LabelledClip
from schemas.errors import SettingsError

SOUND_SUFFIXES = frozenset({".wav", ".flac", ".opus", ".ogg", ".mp3", ".m4a"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mpg", ".avi", ".flv", ".mkv", ".mov", ".webm"})


class NamedCorpus(NamedTuple):
    """How to read a corpus: its language and the parts of its file names.

    `labels` is its row in the tables of labels and its name in the clips. `name` matches the end
    of a file's path without the suffix and has the groups `emotion` and `speaker`, and where the
    names say them `sentence` and `intensity`. `homes` are patterns, in small letters, of folders
    and archives that hold it.
    """

    labels: str
    language: str
    name: re.Pattern[str]
    homes: tuple[str, ...]
    suffixes: frozenset[str] = SOUND_SUFFIXES


def read_named(folder: Path, name: str, corpus: NamedCorpus) -> list[LabelledClip]:
    """Read the corpus `name` from its archive or folder under `folder`, or from `folder` itself.

    Clips are in order of their names. Raises `SettingsError` where nothing of it is there,
    `InputError` for a damaged archive.
    """
    if not folder.is_dir():
        raise SettingsError(f"There is no folder {folder}; name the one that holds {name}.")
    # by name: well-known copies of RAVDESS and TESS hold all their files twice
    found: dict[str, LabelledClip] = {}
    for source in sources(folder, corpus) or _files(folder, corpus.suffixes):
        if match := _match(corpus, source):
            found[match[0].replace("/", "_")] = _clip(corpus, source, match)
    if not found:
        raise SettingsError(
            f"No {name} recordings were found under {folder}: "
            f"put {name}.tar or a folder {name} with its original file names there."
        )
    return [found[key] for key in sorted(found)]


def sources(folder: Path, corpus: NamedCorpus) -> list[str]:
    """Files of the archives, else of the folders, that bear a name of the corpus."""
    homes = [
        path
        for path in sorted(folder.iterdir())
        if any(fnmatch(path.name.lower(), home) for home in corpus.homes)
    ]
    packed = [path for path in homes if path.suffix.lower() in {".tar", ".zip"} and path.is_file()]
    if packed:
        return [f"{path}{MEMBER}{member}" for path in packed for member in member_names(path)]
    return [source for path in homes if path.is_dir() for source in _files(path, corpus.suffixes)]


def _files(folder: Path, suffixes: frozenset[str]) -> Iterator[str]:
    return (str(path) for path in folder.rglob("*") if path.suffix.lower() in suffixes)


def _match(corpus: NamedCorpus, source: str) -> re.Match[str] | None:
    path = Path(source.rsplit(MEMBER, 1)[-1])
    if path.suffix.lower() not in corpus.suffixes:
        return None
    match = re.search(rf"(?:^|/){corpus.name.pattern}$", path.with_suffix("").as_posix())
    return match and corpus.name.fullmatch(match[0].removeprefix("/"))


def _clip(corpus: NamedCorpus, source: str, match: re.Match[str]) -> LabelledClip:
    parts = match.groupdict()
    label = NAME_CODES[corpus.labels][parts["emotion"]]
    speaker = parts["speaker"]
    intensity = parts.get("intensity") or ""
    return LabelledClip(
        corpus=corpus.labels,
        source=source,
        label=label,
        emotion=LABELS[corpus.labels][label],
        speaker=SPEAKER_NAMES.get(corpus.labels, {}).get(speaker, speaker),
        sentence=parts.get("sentence"),
        intensity=INTENSITIES.get(corpus.labels, {}).get(intensity),
        language=corpus.language,
    )
