"""Compare names of files as people read them: NFC, without case and invisible characters."""

import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

CAPTION_SUFFIXES = (".vtt", ".srt", ".ttml", ".dfxp", ".sbv")
"""Of captions, in order of preference."""

SIBLING_SUFFIXES = (*CAPTION_SUFFIXES, ".rttm", ".toml")
"""Of what belongs to the recording beside it: captions, turns, the sidecar."""

PARTICIPANTS_FOLDER = "audio record"
"""The folder in which Zoom keeps a file for each participant, beside the recording."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_KINDS = frozenset({"cc", "sdh", "sub", "subs", "cap", "caps", "captions", "transcript", "forced"})
"""Endings of caption files that tell their kind, not their language."""

_VARIATION_SELECTORS = range(0xFE00, 0xFE10)


@dataclass(frozen=True, slots=True)
class Object:
    """One object of a source: its address, folder, name and version.

    `suffix` is the name's in lower case, with its dot, `stem` the name without it. `place` is the
    folder and stem under which a recording and its siblings meet: folders that differ in case are
    two folders; those that differ in composition alone are one. All three are read off the name
    once: a bucket has very many.
    """

    uri: str
    folder: str
    name: str
    size: int
    token: str
    modified: datetime | None = None
    suffix: str = field(init=False, compare=False, repr=False)
    stem: str = field(init=False, compare=False, repr=False)
    place: tuple[str, str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        stem, suffix = os.path.splitext(self.name)  # noqa: PTH122 - a name may be any
        read = reading(stem)
        place = unicodedata.normalize("NFC", self.folder), stem if read == stem else read
        object.__setattr__(self, "stem", stem)
        object.__setattr__(self, "suffix", sys.intern(suffix.lower()))
        object.__setattr__(self, "place", place)


def reading(name: str) -> str:
    """Return the form in which names that look alike are equal.

    macOS writes names decomposed (NFD), others composed (NFC); zero-width marks come by copying.
    """
    if name.isascii():
        return " ".join(name.casefold().split())
    kept = (
        " " if unicodedata.category(c)[0] == "Z" else c
        for c in unicodedata.normalize("NFD", name).casefold()
        if unicodedata.category(c) != "Cf" and ord(c) not in _VARIATION_SELECTORS
    )
    return " ".join(unicodedata.normalize("NFC", "".join(kept)).split())


def is_exact(recording: Object, sibling: Object) -> bool:
    """Whether a sibling has the recording's name to the letter (captions: or with a language)."""
    same_stem = sibling.stem == recording.stem or sibling.stem.startswith(f"{recording.stem}.")
    return sibling.folder == recording.folder and same_stem


def exact_first(recording: Object, siblings: Iterable[Object]) -> list[Object]:
    """Order siblings of one suffix: those of the recording's exact name come first."""
    return sorted(
        siblings, key=lambda o: (not is_exact(recording, o), o.name != o.stem + o.suffix, o.uri)
    )


def is_undecided(recording: Object, siblings: list[Object]) -> bool:
    """Whether several siblings look like the recording's and none has its exact name."""
    return len(siblings) > 1 and not is_exact(recording, siblings[0])


def caption_language(captions: str, recording: str) -> str | None:
    """Return the BCP 47 language in the name of a caption file (`MEETING.en.vtt` of `MEETING.mp4`).

    An ending such as `.cc` or `.transcript` tells its kind and may stand behind it.
    """
    if reading(Path(captions).stem) == reading(Path(recording).stem):
        return None
    endings = Path(captions).stem.split(".")[1:]
    for ending in reversed(endings):
        if ending.casefold() in _KINDS:
            continue
        return ending.replace("_", "-") if _LANGUAGE.fullmatch(ending) else None
    return None


def without_endings(stem: str) -> Iterator[str]:
    """Yield the stems of which a caption file's may be made by a language and a kind."""
    for _ in range(2):
        stem, dot, ending = stem.rpartition(".")
        is_kind = ending.casefold() in _KINDS
        if not dot or not (is_kind or _LANGUAGE.fullmatch(ending)):
            return
        yield stem
        if not is_kind:
            return
