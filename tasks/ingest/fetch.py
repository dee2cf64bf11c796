"""Find recordings in a file, folder or bucket and bring one to this machine."""

import errno
import hashlib
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from schemas.errors import InputError, ResourceError, SettingsError
from schemas.media import Recording, SourceItem
from schemas.policy import strictest
from schemas.sidecar import Sidecar
from schemas.values import base_language
from tasks.ingest.file_names import (
    CAPTION_SUFFIXES,
    SIBLING_SUFFIXES,
    Object,
    exact_first,
    is_exact,
    is_undecided,
    place_of,
    reading,
)
from tasks.ingest.file_types import MEDIA_SUFFIXES, only_recordings
from tasks.ingest.listing import (
    filesystem,
    is_local,
    list_source,
    local_path,
    reach,
    shown,
    version_of,
)
from tasks.ingest.sidecars import MOST_BYTES, parse_sidecar

STAGE_VERSION = 1

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_KINDS = frozenset({"cc", "sdh", "sub", "subs", "cap", "caps", "captions", "transcript", "forced"})
"""Endings of caption files that tell their kind, not their language."""
_ID_DIGITS = 16
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Found:
    """The content of a source: recordings, other files, and siblings without a recording."""

    recordings: tuple[SourceItem, ...]
    others: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()


def find_recordings(source: str, dataset: str | None = None) -> list[SourceItem]:
    """List the recordings of a file, a folder (recursively) or an fsspec URL, sorted by address.

    Hidden files and the folder `dataset` are left out. A file that is named itself is taken
    whatever its suffix is. Raises `SettingsError` where there is no such source.
    """
    return list(find_all(source, dataset).recordings)


def find_all(source: str, dataset: str | None = None) -> Found:
    """List the recordings of a source and the files that are none."""
    listing = list_source(source, dataset)
    beside = _Beside(listing.objects)
    if listing.single:
        return Found((beside.item(listing.single),))
    recordings = only_recordings(listing.objects, SIBLING_SUFFIXES)
    items = sorted((beside.item(each) for each in recordings), key=lambda item: item.uri)
    places, taken = {place_of(o) for o in recordings}, {o.uri for o in recordings}
    rest = [o for o in listing.objects if o.uri not in taken]
    siblings = [o for o in rest if o.suffix in SIBLING_SUFFIXES]
    return Found(
        tuple(items),
        tuple(shown(o.uri) for o in rest if o.suffix not in SIBLING_SUFFIXES),
        tuple(shown(o.uri) for o in siblings if places.isdisjoint(_places(o))),
    )


def _places(sibling: Object) -> Iterator[tuple[str, str]]:
    """Where the recording of a sibling may lie: under its stem, or its stem without a language."""
    folder, stem = place_of(sibling)
    yield folder, stem
    if sibling.suffix in CAPTION_SUFFIXES:
        for shorter in _without_endings(stem):
            yield folder, shorter


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


def _without_endings(stem: str) -> Iterator[str]:
    """Yield the stems of which a caption file's may be made by a language and a kind."""
    for _ in range(2):
        stem, dot, ending = stem.rpartition(".")
        is_kind = ending.casefold() in _KINDS
        if not dot or not (is_kind or _LANGUAGE.fullmatch(ending)):
            return
        yield stem
        if not is_kind:
            return


def _preference(captions: Object) -> tuple[str, int]:
    return place_of(captions)[1], CAPTION_SUFFIXES.index(captions.suffix)


class _Beside:
    """Captions, turns and sidecars beside recordings, by folder and stem.

    Names that look alike belong together; a sibling that has another recording's exact name is
    that one's alone.
    """

    def __init__(self, objects: tuple[Object, ...]) -> None:
        self._owned = {(o.folder, o.stem) for o in objects if o.suffix in MEDIA_SUFFIXES}
        self._siblings: defaultdict[tuple[tuple[str, str], str], list[Object]] = defaultdict(list)
        for each in objects:
            if each.suffix in SIBLING_SUFFIXES:
                self._siblings[place_of(each), each.suffix].append(each)
        places = {place_of(o) for o in objects if o.suffix in MEDIA_SUFFIXES}
        self._captions: defaultdict[tuple[str, str], list[Object]] = defaultdict(list)
        captions = [o for o in objects if o.suffix in CAPTION_SUFFIXES]
        for candidate in sorted(captions, key=_preference):
            folder, stem = place_of(candidate)
            self._captions[folder, stem].append(candidate)
            if (folder, stem) not in places:
                for shorter in _without_endings(stem):
                    self._captions[folder, shorter].append(candidate)

    def item(self, recording: Object) -> SourceItem:
        place = place_of(recording)
        candidates = self._free(recording, self._captions.get(place, []))
        captions = self._alike(recording, candidates)
        turns, sidecars = self._own(recording, ".rttm"), self._own(recording, ".toml")
        undecided = next(
            (each for each in (captions, turns, sidecars) if is_undecided(recording, each)), None
        )
        others = [o for o in candidates if o not in captions]
        siblings = [*captions[:1], *others, *turns[:1], *sidecars, *(undecided or ())]
        return SourceItem(
            uri=recording.uri,
            size=recording.size,
            version=version_of([recording, *dict.fromkeys(siblings)]),
            modified=recording.modified,
            captions_uri=captions[0].uri if captions else None,
            other_captions_uris=tuple(o.uri for o in others),
            turns_uri=turns[0].uri if turns else None,
            sidecar_uri=sidecars[0].uri if sidecars else None,
            other_sidecar_uris=tuple(o.uri for o in sidecars[1:]),
            undecided=_undecided(recording, undecided) if undecided else None,
        )

    def _own(self, recording: Object, suffix: str) -> list[Object]:
        """Return the siblings of one suffix, the exact name first."""
        named_alike = self._siblings.get((place_of(recording), suffix), [])
        return exact_first(recording, self._free(recording, named_alike))

    def _free(self, recording: Object, siblings: list[Object]) -> list[Object]:
        """Leave out what has another recording's exact name."""
        return [o for o in siblings if is_exact(recording, o) or not self._is_owned(o)]

    def _is_owned(self, sibling: Object) -> bool:
        stems = [sibling.stem]
        if sibling.suffix in CAPTION_SUFFIXES:
            stems += _without_endings(sibling.stem)
        return any((sibling.folder, stem) in self._owned for stem in stems)

    def _alike(self, recording: Object, candidates: list[Object]) -> list[Object]:
        """Return the preferred captions and all that look the same, the exact name first."""
        if not candidates:
            return []
        preferred = place_of(candidates[0]), candidates[0].suffix
        same = [o for o in candidates if (place_of(o), o.suffix) == preferred]
        return exact_first(recording, same)


def _undecided(recording: Object, siblings: list[Object]) -> str:
    names = " and ".join(f"'{shown(o.uri)}'" for o in siblings[:2])
    return (
        f"{names} both look as if they belonged to {shown(recording.uri)}; "
        "remove one, or give the other the recording's exact name."
    )


def fetch(item: SourceItem, scratch: Path) -> Recording:
    """Bring one recording and its siblings to this machine and identify it by content.

    A local file is used where it is; a remote one is copied to the scratch folder, under a name
    that owes nothing to its own. Raises `InputError` where it cannot be read or its sidecar is
    wrong, `ResourceError` where the disk is full.
    """
    if item.undecided:
        raise InputError(item.undecided)
    scratch.mkdir(parents=True, exist_ok=True)
    sidecar = _read_sidecars(item) or Sidecar()
    suffix = Path(item.uri).suffix.lower()
    suffix = suffix if suffix in MEDIA_SUFFIXES else ".media"
    path, recording_id = _bring(item.uri, scratch / f"recording{suffix}")
    return Recording(
        recording_id=recording_id,
        uri=item.uri,
        title=sidecar.title or _title(item.uri) or recording_id,
        path=str(path),
        size=path.stat().st_size,
        version=item.version,
        modified=item.modified,
        captions_path=_bring_captions(item, sidecar, scratch),
        turns_path=str(_bring(item.turns_uri, scratch / "turns.rttm")[0])
        if item.turns_uri
        else None,
        sidecar=sidecar,
    )


def read_sidecar(uri: str) -> Sidecar:
    """Read a sidecar; raises `InputError` where it is wrong, with the remedy."""
    with _open(uri) as file:
        return parse_sidecar(file.read(MOST_BYTES + 1), shown(uri))


def _read_sidecars(item: SourceItem) -> Sidecar | None:
    """Read an item's sidecar; what others of a name that looks the same forbid holds as well."""
    if item.sidecar_uri is None:
        return None
    others = [read_sidecar(uri) for uri in item.other_sidecar_uris]
    own = read_sidecar(item.sidecar_uri)
    return strictest(own, others) if others else own


def _bring_captions(item: SourceItem, sidecar: Sidecar, scratch: Path) -> str | None:
    """Bring the captions; of their name only the language and the kind are kept.

    Of several languages the sidecar's wins.
    """
    if item.captions_uri is None:
        return None
    uris = (item.captions_uri, *item.other_captions_uris)
    wanted = base_language(sidecar.language)
    languages = {uri: base_language(caption_language(uri, item.uri)) for uri in uris}
    fitting = (uri for uri in uris if wanted and languages[uri] == wanted)
    uri = next(fitting, item.captions_uri)
    language = caption_language(uri, item.uri)
    kind = Path(uri).suffix.lower()
    name = f"captions.{language}{kind}" if language else f"captions{kind}"
    return str(_bring(uri, scratch / name)[0])


def _bring(uri: str, target: Path) -> tuple[Path, str]:
    """Return a local path with the content of `uri`, and the first digits of its SHA-256."""
    if is_local(uri):
        path = local_path(uri)
        return (path if _is_text(path) else _linked(path, target)), _digest(uri)
    part = target.with_name(target.name + ".part")
    try:
        with part.open("wb") as copy:
            recording_id = _digest(uri, copy)
    except OSError as error:
        raise _local_fault(uri, error) from error
    part.replace(target)
    return target, recording_id


def _is_text(path: Path) -> bool:
    """Whether a path's bytes are UTF-8, as all that travels between stages must be."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _linked(path: Path, target: Path) -> Path:
    target.unlink(missing_ok=True)
    target.symlink_to(path)
    return target


def _digest(uri: str, copy: IO[bytes] | None = None) -> str:
    """SHA-256 of an object, read once in chunks, written to `copy` on the way."""
    digest = hashlib.sha256()
    with _open(uri) as file:
        while chunk := _read(uri, file):
            digest.update(chunk)
            if copy is not None:
                copy.write(chunk)
    return digest.hexdigest()[:_ID_DIGITS]


def _read(uri: str, file: IO[bytes]) -> bytes:
    if is_local(uri):
        try:
            return bytes(file.read(_CHUNK_BYTES))
        except OSError as error:
            raise _local_fault(uri, error) from error
    return bytes(reach(uri, lambda: file.read(_CHUNK_BYTES)))


def _open(uri: str) -> IO[bytes]:
    """Open an object for reading; one that has gone since it was listed is an `InputError`."""
    if is_local(uri):
        try:
            return local_path(uri).open("rb")
        except OSError as error:
            raise _local_fault(uri, error) from error
    try:
        files, name = filesystem(uri)
        return reach(uri, lambda: files.open(name, "rb"))
    except SettingsError as error:
        raise InputError(f"{shown(uri)} cannot be read any more: {error}") from error


def _local_fault(uri: str, error: OSError) -> InputError | ResourceError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceError("The disk of the scratch folder is full; free some space.")
    return InputError(f"{shown(uri)} cannot be read: {os.strerror(error.errno or errno.EIO)}.")


def _title(uri: str) -> str:
    """Return the stem of a recording's name without what cannot be shown."""
    stem = local_path(uri).stem if is_local(uri) else Path(uri).stem
    visible = (" " if unicodedata.category(c)[0] in "CZ" else c for c in stem)
    return " ".join("".join(visible).split())


def sidecar_of(uri: str) -> Sidecar | None:
    """Return the sidecar beside a recording, or None."""
    try:
        found = find_recordings(uri)
    except SettingsError:
        return None
    return _read_sidecars(found[0]) if found else None
