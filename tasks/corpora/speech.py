"""Readers of acted emotional speech: RAVDESS, EMO-DB, EMOVO, nEMO.

Each corpus says everything in its file names, so one reader serves an archive
`<corpus>.tar` and the corpus's own folders alike.
"""

import functools
import re
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from schemas.corpus import LabelledClip
from schemas.errors import SettingsError
from tasks.corpora.labels import LABELS, NAME_CODES

MEMBER = "::"
"""Stands between an archive and the file in it: `ravdess.tar::03-01-01-01-01-01-01.opus`."""

_SOUND_SUFFIXES = frozenset({".wav", ".flac", ".opus", ".ogg", ".mp3", ".m4a"})


class SpeechCorpus(NamedTuple):
    """How to read a corpus: its language and the parts of its file names.

    `name` matches a file's stem and has the groups `emotion`, `speaker` and `sentence`.
    `folders` are names under which the corpus is unpacked.
    """

    language: str
    name: re.Pattern[str]
    folders: tuple[str, ...]


CORPORA: dict[str, SpeechCorpus] = {
    # modality-vocal-emotion-intensity-statement-repetition-actor; 03-01 is sound of speech
    "ravdess": SpeechCorpus(
        "en",
        re.compile(r"03-01-(?P<emotion>\d\d)-\d\d-(?P<sentence>\d\d)-\d\d-(?P<speaker>\d\d)"),
        ("ravdess", "RAVDESS", "Audio_Speech_Actors_01-24"),
    ),
    # speaker, text, emotion, version
    "emodb": SpeechCorpus(
        "de",
        re.compile(r"(?P<speaker>\d\d)(?P<sentence>[ab]\d\d)(?P<emotion>[WLEAFTN])[a-z]"),
        ("emodb", "EMO-DB", "emo-db"),
    ),
    "emovo": SpeechCorpus(
        "it",
        re.compile(r"(?P<emotion>[a-z]{3})-(?P<speaker>[mf]\d)-(?P<sentence>[a-z]+\d?)"),
        ("emovo", "EMOVO"),
    ),
    "nemo": SpeechCorpus(
        "pl",
        re.compile(r"(?P<speaker>[A-Z]{2}\d)_(?P<emotion>[a-z]+)_(?P<sentence>\d+)"),
        ("nemo", "nEMO"),
    ),
}
"""The table of corpora, smallest thing to extend."""

TWINS = frozenset({"03-01-03-01-02-02-07"})
"""Recordings that repeat another under a second name, a fault of RAVDESS: trained on once."""


def read_speech(folder: Path, names: Sequence[str] = ()) -> tuple[LabelledClip, ...]:
    """Read the named corpora (default: all) under a folder, each as `.tar` or unpacked.

    Clips are in order of their file names; one whose label is none of the seven classes has no
    `emotion`. Raises `SettingsError` where a corpus is unknown or not there.
    """
    unknown = [name for name in names if name not in CORPORA]
    if unknown:
        known = ", ".join(sorted(CORPORA))
        raise SettingsError(f"There is no speech corpus '{unknown[0]}'; known are {known}.")
    return tuple(clip for name in names or CORPORA for clip in read_corpus(folder, name))


def read_corpus(folder: Path, name: str) -> list[LabelledClip]:
    """Read one corpus; raises `SettingsError` where it is not found or holds nothing of it."""
    # by stem: a well-known copy of RAVDESS holds all its files twice
    sources = {stem(source): source for source in _sources(folder, name)}
    clips = [clip for key in sorted(sources) if (clip := _clip(name, sources[key]))]
    if not clips:
        raise SettingsError(
            f"No {name} recordings were found under {folder}: "
            f"put {name}.tar or a folder {name} with its original file names there."
        )
    return clips


def _sources(folder: Path, name: str) -> list[str]:
    archive = folder / f"{name}.tar"
    if archive.is_file():
        return [f"{archive}{MEMBER}{member}" for member in archive_members(archive)]
    return [
        str(path)
        for own in CORPORA[name].folders
        for path in (folder / own).rglob("*")
        if path.suffix.lower() in _SOUND_SUFFIXES
    ]


@functools.lru_cache(maxsize=32)
def archive_members(archive: Path) -> dict[str, tuple[int, int]]:
    """Where each file of an uncompressed tar lies: name -> (offset, size) in bytes."""
    with tarfile.open(archive, "r:") as tar:
        return {m.name: (m.offset_data, m.size) for m in tar.getmembers() if m.isfile()}


def stem(source: str) -> str:
    """The file's name without folder, archive and suffix."""
    return Path(source.rsplit(MEMBER, 1)[-1]).stem


def _clip(corpus: str, source: str) -> LabelledClip | None:
    parts = CORPORA[corpus].name.fullmatch(stem(source))
    label = parts and NAME_CODES[corpus].get(parts["emotion"])
    if parts is None or label is None:
        return None
    return LabelledClip(
        corpus=corpus,
        source=source,
        label=label,
        emotion=LABELS[corpus][label],
        speaker=parts["speaker"],
        sentence=parts["sentence"],
        language=CORPORA[corpus].language,
    )
