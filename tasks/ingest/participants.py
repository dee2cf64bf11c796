"""Find files that hold one participant each: of Zoom, Craig and Riverside, known by their names."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.ingest.file_names import PARTICIPANTS_FOLDER, Object, reading

_ZOOM = re.compile(r"audio_?(?:only_)?(?P<name>.*?)_?(?P<number>\d*)", re.IGNORECASE | re.DOTALL)
_CRAIG = re.compile(r"\d{1,3}-(?P<name>.+?)(?:_\d{1,4})?", re.DOTALL)
_CRAIG_BESIDE = frozenset(("info.txt", "raw.dat"))
_RIVERSIDE = re.compile(
    r"riverside_(?P<name>[^_]+)_(?P<kind>(?:raw|synced|aligned|cfr|magic|compressed|audio|video)"
    r"[a-z-]*)(?P<take>_.*)?",
    re.IGNORECASE | re.DOTALL,
)
_NEW_WORD = re.compile(r"(?<=[^\W\d_])(?=[A-Z][^\W\d_A-Z])|(?<=[a-z])(?=[A-Z])")
_TAIL = re.compile(r"\d{4,}$")


@dataclass(frozen=True)
class Part:
    """A participant's file, and the name that its file name tells."""

    file: Object
    name: str | None


@dataclass(frozen=True)
class Group:
    """The files of one meeting's participants; `whole` is the recording of all, if there is one."""

    parts: tuple[Part, ...]
    whole: tuple[Object, ...] = ()


def groups_of(recordings: Sequence[Object], others: Sequence[Object]) -> list[Group]:
    """Gather files per participant among the recordings of a source; `others` are no recordings.

    Zoom's lie in the folder `Audio Record` beside the recording, or beside the recording's folder.
    Where there are several recordings, the numbers at the ends of their names decide, and files
    that belong to none stay recordings. Craig's and Riverside's have no recording of all.
    """
    by_folder: dict[str, list[Object]] = defaultdict(list)
    for each in recordings:
        by_folder[each.folder].append(each)
    marked = {each.folder for each in others if each.name.casefold() in _CRAIG_BESIDE}
    made = []
    for folder, files in sorted(by_folder.items()):
        if reading(_last(folder)) == PARTICIPANTS_FOLDER:
            made += _zoom(files, _around(folder, by_folder))
        else:
            made += _craig(files) if folder in marked else []
            made += _riverside(files)
    return made


def _last(folder: str) -> str:
    return folder.rstrip("/\\").replace("\\", "/").rpartition("/")[2]


def _parent(folder: str) -> str:
    return folder.rstrip("/\\").replace("\\", "/").rpartition("/")[0]


def _around(folder: str, by_folder: dict[str, list[Object]]) -> list[Object]:
    """Return the recordings beside a folder, else those one folder deeper."""
    above = _parent(folder)
    beside = by_folder.get(above, [])
    deeper = [o for f, own in by_folder.items() if f != folder and _parent(f) == above for o in own]
    return beside or deeper


def _zoom(files: Sequence[Object], around: Sequence[Object]) -> list[Group]:
    if len(files) < 2 or not around:
        return []
    if len({_number(each) for each in around}) == 1:
        return [Group(_parts(files, _ZOOM), tuple(around))]
    made = []
    for number in sorted({_number(each) for each in around} - {""}):
        own = [each for each in files if _number(each).endswith(number)]
        if len(own) > 1:
            whole = tuple(each for each in around if _number(each) == number)
            made.append(Group(_parts(own, _ZOOM), whole))
    return made


def _number(file: Object) -> str:
    found = _TAIL.search(file.stem)
    return found[0] if found else ""


def _craig(files: Sequence[Object]) -> list[Group]:
    own = [each for each in files if _CRAIG.fullmatch(each.stem)]
    return [Group(_parts(own, _CRAIG))] if len(own) > 1 else []


def _riverside(files: Sequence[Object]) -> list[Group]:
    """Group by take; of the files of one person, sound before video, synced before raw."""
    takes: dict[str, dict[str, list[Object]]] = defaultdict(lambda: defaultdict(list))
    for each in files:
        found = _RIVERSIDE.fullmatch(each.stem)
        if found:
            takes[found["take"] or ""][reading(found["name"])].append(each)

    def merit(file: Object) -> tuple[bool, bool, bool, str]:
        kind = file.stem.casefold()
        return (
            "audio" not in kind,
            "sync" not in kind and "align" not in kind,
            "raw" not in kind,
            (file.uri),
        )

    people = [[min(own, key=merit) for own in take.values()] for take in takes.values()]
    return [Group(_parts(own, _RIVERSIDE)) for own in people if len(own) > 1]


def _parts(files: Sequence[Object], naming: re.Pattern[str]) -> tuple[Part, ...]:
    ordered = sorted(files, key=lambda file: file.uri)
    names = [_name(file.stem, naming) for file in ordered]
    twice = {name for name in names if name and names.count(name) > 1}
    return tuple(
        Part(file, None if name in twice else name)
        for file, name in zip(ordered, names, strict=True)
    )


def _name(stem: str, naming: re.Pattern[str]) -> str | None:
    """Return the name in a file's: `audioAnaGarcia2123` -> `Ana Garcia`."""
    found = naming.fullmatch(stem)
    if not found:
        return None
    spaced = _NEW_WORD.sub(" ", re.sub(r"[_-]+", " ", found["name"]))
    return " ".join(spaced.split()) or None
