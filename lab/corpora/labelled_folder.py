"""Any labelled set as folders of classes: `happy/a.wav`, `train/happy/Ana/1.mp4`."""

from collections.abc import Collection, Sequence
from pathlib import Path

from lab.corpora.labels import WORDS
from lab.corpora.named_files import SOUND_SUFFIXES, VIDEO_SUFFIXES
from schemas.corpus import LabelledClip
from schemas.errors import SettingsError
from schemas.suggestions import suggestion

_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
_WRITTEN = ".txt"
_SUFFIXES = SOUND_SUFFIXES | VIDEO_SUFFIXES | _PICTURES | {_WRITTEN}


def read_labelled_folder(folder: Path, classes: Sequence[str] = ()) -> list[LabelledClip]:
    """Read sounds, videos, pictures and `.txt` texts that lie in folders named by a class.

    These are the words for the seven emotions, and `classes`.

    A folder above the class is a published split, one below it a speaker; without one each file
    is its own speaker. Files that lie in no folder below `folder` are no samples (a README).
    Raises `SettingsError` that names the first file whose folders are no class, or an empty set.
    """
    if not folder.is_dir():
        raise SettingsError(f"There is no folder {folder}; give one with a folder per class.")
    clips = [
        _clip(folder, path, path.relative_to(folder).parts[:-1], {*WORDS, *classes})
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in _SUFFIXES and path.parent != folder and path.is_file()
    ]
    if not clips:
        raise SettingsError(f"{folder} has no samples: put them in folders as happy/ and sad/.")
    return clips


def _clip(folder: Path, path: Path, above: Sequence[str], known: Collection[str]) -> LabelledClip:
    place = next((n for n, name in enumerate(above) if name.lower() in known), None)
    if place is None:
        remedy = suggestion(above[-1].lower(), sorted(known), otherwise="use")
        raise SettingsError(f"{path} lies in no folder named by a class; {remedy}")
    written = path.suffix.lower() == _WRITTEN
    return LabelledClip(
        corpus=folder.resolve().name,
        source=None if written else str(path),
        text=_text(path) if written else None,
        label=above[place],
        emotion=WORDS.get(above[place].lower()),
        speaker="/".join(above[place + 1 :]) or path.relative_to(folder).as_posix(),
        published_split="/".join(above[:place]) or None,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8; save it as UTF-8.") from error
