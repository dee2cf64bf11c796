"""Reference transcripts in NIST's segment time mark format (STM), and their recordings.

A line is `FILE CHANNEL SPEAKER START END [<LABEL>] WORDS`, times in seconds, comments begin with
`;;` (NIST, "SCTK: formats"). A line without words says that nobody speaks words there, so that a
file of silence or music can be in the set. Words `IGNORE_TIME_SEGMENT_IN_SCORING` take a stretch
out of all figures.
"""

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import InputError, SettingsError
from schemas.values import Seconds
from tasks.ingest.file_types import MEDIA_SUFFIXES

_IGNORED = "ignore_time_segment_in_scoring"
_LABEL = re.compile(r"<[^>]*>(\s+|$)")
_ALTERNATIVES = re.compile(r"\{[^}]*/[^}]*\}")
_N_TIMES_AND_NAMES = 5


@dataclass(frozen=True)
class Segment:
    """The words of one speaker between two times (seconds, `start < end`)."""

    speaker: str
    start: Seconds
    end: Seconds
    text: str


@dataclass(frozen=True)
class Reference:
    """The reference of one recording: segments with words by start, and stretches left out."""

    segments: tuple[Segment, ...] = ()
    ignored: tuple[tuple[Seconds, Seconds], ...] = ()

    @property
    def end(self) -> Seconds:
        """Where the last words end; 0 where there are none."""
        return max((segment.end for segment in self.segments), default=0.0)


def read_stm(path: Path) -> dict[str, Reference]:
    """Read a reference: recording -> its segments, in the file's order of recordings.

    Channels are not kept apart: a recording is one. Raises `InputError`, which names file
    and line, where the file is no STM, `SettingsError` where there is none.
    """
    if not path.is_file():
        raise SettingsError(f"There is no reference {path}; name an STM file.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The reference {path.name} cannot be read as text: {error}.") from error
    segments: dict[str, list[Segment]] = defaultdict(list)
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith(";;"):
            name, segment = _parse(line, f"Line {number} of the reference {path.name}")
            segments[name].append(segment)
    if not segments:
        raise InputError(f"The reference {path.name} holds no line of a recording.")
    return {name: _reference(found) for name, found in segments.items()}


def find_audio(folder: Path, names: Sequence[str], reference: Path) -> dict[str, Path]:
    """Find the recording of each name in a folder, by its name without the suffix.

    Raises `InputError` where one is missing or there are two, `SettingsError` for a missing folder.
    """
    if not folder.is_dir():
        raise SettingsError(f"There is no folder {folder}; name the one with the recordings.")
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in MEDIA_SUFFIXES:
            by_stem[path.stem].append(path)
    for name in names:
        found = by_stem.get(name, [])
        if not found:
            raise InputError(
                f"{reference.name} tells of {name}, but {folder} has no recording {name}.wav, "
                ".flac, .mp4 or the like."
            )
        if len(found) > 1:
            both = " and ".join(path.name for path in found)
            raise InputError(f"{folder} has {both}: leave one of them as the recording {name}.")
    return {name: by_stem[name][0] for name in names}


def _parse(line: str, where: str) -> tuple[str, Segment]:
    fields = line.split(maxsplit=_N_TIMES_AND_NAMES)
    if len(fields) < _N_TIMES_AND_NAMES:
        raise InputError(f"{where} is no STM: FILE CHANNEL SPEAKER START END WORDS is needed.")
    name, _, speaker, *times = fields[:_N_TIMES_AND_NAMES]
    try:
        start, end = (float(time) for time in times)
    except ValueError:
        start = end = math.nan
    if not (math.isfinite(end) and 0 <= start < end):
        raise InputError(
            f"{where} has the times '{times[0]}' and '{times[1]}'; "
            "they must be seconds, the first before the second."
        )
    text = _LABEL.sub("", "".join(fields[_N_TIMES_AND_NAMES:]).strip(), count=1)
    if _ALTERNATIVES.search(text):
        raise InputError(f"{where} offers alternatives in braces; write the one that was said.")
    return name, Segment(speaker, start, end, text)


def _reference(segments: Sequence[Segment]) -> Reference:
    ordered = sorted(segments, key=lambda segment: segment.start)
    ignored = [(s.start, s.end) for s in ordered if s.text.lower() == _IGNORED]
    spoken = [s for s in ordered if s.text and s.text.lower() != _IGNORED]
    return Reference(tuple(spoken), tuple(ignored))
