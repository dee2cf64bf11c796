"""List the clips of enrolled voices: a file or a folder per person, named by them."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from schemas.errors import SettingsError
from schemas.names import name_key, tidy
from tasks.ingest.file_types import MEDIA_SUFFIXES

_SETTING = "speakers.enrolled"


@dataclass(frozen=True)
class EnrolledPerson:
    """Somebody whose voice is known, and the clips in which they alone speak."""

    name: str
    clips: tuple[Path, ...]


def find_enrolled(folder: str) -> tuple[EnrolledPerson, ...]:
    """Return the people of a folder in order of their names.

    `Ana García.wav` is a person with one clip, a folder `Ana García` one with several;
    underscores stand for spaces. What is no sound or is hidden is passed over. Raises
    `SettingsError` where the folder is not there, cannot be read or holds no clip, and where two
    entries are one person's.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise SettingsError(f"There is no folder {folder} ({_SETTING}); name the one with clips.")
    people: list[EnrolledPerson] = []
    for entry in _listed(root):
        clips = _clips(_listed(entry)) if entry.is_dir() else _clips([entry])
        if entry.is_dir() and not clips:
            raise SettingsError(
                f"The folder '{entry.name}' in {folder} ({_SETTING}) holds no clip; put one into "
                "it or remove it."
            )
        if clips:
            people.append(EnrolledPerson(_name(entry), clips))
    if not people:
        raise SettingsError(
            f"The folder {folder} ({_SETTING}) holds no clips; put one per person into it, such "
            "as 'Ana Garcia.wav'."
        )
    people.sort(key=lambda person: name_key(person.name))
    _refuse_twins(people, folder)
    return tuple(people)


def enrolled_digest(folder: str) -> str:
    """Return the digest of the names and of the content of all clips. Raises `SettingsError`."""
    seen = hashlib.sha256()
    for person in find_enrolled(folder):
        contents = sorted(_content(clip) for clip in person.clips)
        seen.update(f"{person.name}\t{' '.join(contents)}\n".encode())
    return seen.hexdigest()[:16]


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    except OSError as error:
        raise SettingsError(f"{folder} ({_SETTING}) cannot be read: {error.strerror}.") from error


def _clips(files: Sequence[Path]) -> tuple[Path, ...]:
    return tuple(f for f in files if f.suffix.lower() in MEDIA_SUFFIXES and f.is_file())


def _name(entry: Path) -> str:
    written = entry.name if entry.is_dir() else entry.stem
    name = tidy(written.replace("_", " ").encode("utf-8", "replace").decode())
    if not name_key(name):
        raise SettingsError(f"'{entry}' ({_SETTING}) names nobody; name it by its person.")
    return name


def _refuse_twins(people: Sequence[EnrolledPerson], folder: str) -> None:
    for one, other in itertools.pairwise(people):
        if name_key(one.name) == name_key(other.name):
            raise SettingsError(
                f"'{one.name}' and '{other.name}' in {folder} ({_SETTING}) are one name; give two "
                "people different names, and put the clips of one into one folder."
            )


def _content(clip: Path) -> str:
    try:
        facts = clip.stat()
        return _sha256(clip, facts.st_size, facts.st_mtime_ns)
    except OSError as error:
        raise SettingsError(f"'{clip}' ({_SETTING}) cannot be read: {error.strerror}.") from error


@lru_cache(maxsize=4096)
def _sha256(clip: Path, _size: int, _changed: int) -> str:
    with clip.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
