"""Find recordings in a file, a folder or a bucket, and bring one to this machine."""

import errno
import hashlib
import os
import re
import tomllib
import unicodedata
from collections import defaultdict
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from schemas.errors import InputError, ResourceError, SettingsError
from schemas.media import Recording, SourceItem
from schemas.settings import describe_validation
from schemas.sidecar import Sidecar
from tasks.source import (
    Object,
    filesystem,
    is_local,
    list_source,
    local_path,
    reach,
    shown,
    version_of,
)

STAGE_VERSION = 1

MEDIA_SUFFIXES = (
    *(".mp4", ".mkv", ".webm", ".mov", ".m4a", ".mp3", ".wav", ".ogg", ".opus", ".flac"),
    *(".m4v", ".mka", ".oga", ".mpg", ".mpeg"),
)
"""What is taken for a recording in a folder; what it really is, the probe finds out."""

CAPTION_SUFFIXES = (".vtt", ".srt")
"""In order of preference."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_ID_DIGITS = 16
_CHUNK_BYTES = 1 << 20
_MOST_SIDECAR_BYTES = 1 << 20


def find_recordings(source: str, dataset: str | None = None) -> list[SourceItem]:
    """List the recordings of a file, a folder (recursively) or an fsspec URL, sorted by address.

    Hidden files and the folder `dataset` are left out. A file that is named itself is taken
    whatever its suffix is. Raises `SettingsError` where there is no such source.
    """
    listing = list_source(source, dataset)
    beside = _Beside(listing.objects)
    chosen = [listing.single] if listing.single else listing.objects
    found = [
        beside.item(candidate)
        for candidate in chosen
        if listing.single or candidate.suffix in MEDIA_SUFFIXES
    ]
    return sorted(found, key=lambda item: item.uri)


def caption_language(captions: str, recording: str) -> str | None:
    """The BCP 47 language in the name of a caption file (`MEETING.en.vtt` of `MEETING.mp4`)."""
    stem, own_stem = Path(captions).stem, Path(recording).stem
    _, dot, language = stem.rpartition(".")
    if stem != own_stem and dot and _LANGUAGE.fullmatch(language):
        return language.replace("_", "-")
    return None


def _preference(captions: Object) -> tuple[str, int]:
    return captions.stem, CAPTION_SUFFIXES.index(captions.suffix)


class _Beside:
    """What lies beside recordings: captions, turns and sidecars by folder and stem."""

    def __init__(self, objects: tuple[Object, ...]) -> None:
        self._exact = {(o.folder, o.stem, o.suffix): o for o in objects}
        recordings = {(o.folder, o.stem) for o in objects if o.suffix in MEDIA_SUFFIXES}
        self._captions: defaultdict[tuple[str, str], list[Object]] = defaultdict(list)
        captions = [o for o in objects if o.suffix in CAPTION_SUFFIXES]
        for candidate in sorted(captions, key=_preference):
            stem, dot, language = candidate.stem.rpartition(".")
            self._captions[candidate.folder, candidate.stem].append(candidate)
            owned = (candidate.folder, candidate.stem) in recordings
            if dot and not owned and _LANGUAGE.fullmatch(language):
                self._captions[candidate.folder, stem].append(candidate)

    def item(self, recording: Object) -> SourceItem:
        place = (recording.folder, recording.stem)
        captions = next(iter(self._captions.get(place, ())), None)
        turns, sidecar = self._exact.get((*place, ".rttm")), self._exact.get((*place, ".toml"))
        siblings = [o for o in (captions, turns, sidecar) if o]
        return SourceItem(
            uri=recording.uri,
            size=recording.size,
            version=version_of([recording, *siblings]),
            modified=recording.modified,
            captions_uri=captions.uri if captions else None,
            turns_uri=turns.uri if turns else None,
            sidecar_uri=sidecar.uri if sidecar else None,
        )


def fetch(item: SourceItem, scratch: Path) -> Recording:
    """Bring one recording and what lies beside it to this machine, and identify it by content.

    A local file is used where it is; a remote one is copied to the scratch folder, under a name
    that owes nothing to its own. Raises `InputError` where it cannot be read or its sidecar is
    wrong, `ResourceError` where the disk is full.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    sidecar = read_sidecar(item.sidecar_uri) if item.sidecar_uri else Sidecar()
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
        captions_path=_bring_captions(item, scratch),
        turns_path=str(_bring(item.turns_uri, scratch / "turns.rttm")[0])
        if item.turns_uri
        else None,
        sidecar=sidecar,
    )


def read_sidecar(uri: str) -> Sidecar:
    """Parse a sidecar; `InputError` names the line or key that is wrong and the nearest known."""
    try:
        with _open(uri) as file:
            text = file.read(_MOST_SIDECAR_BYTES).decode("utf-8-sig")
        return Sidecar.model_validate(tomllib.loads(text))
    except ValidationError as error:
        fault = describe_validation(error, Sidecar)
        raise InputError(f"The sidecar {shown(uri)} is wrong: {fault}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"The sidecar {shown(uri)} is no TOML file: {error}.") from error


def _bring_captions(item: SourceItem, scratch: Path) -> str | None:
    """Bring the captions; of their name only the language and the kind are kept."""
    uri = item.captions_uri
    if uri is None:
        return None
    language = caption_language(uri, item.uri)
    kind = ".srt" if uri.lower().endswith(".srt") else ".vtt"
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


def _read(uri: str, file: Any) -> bytes:
    if is_local(uri):
        try:
            return bytes(file.read(_CHUNK_BYTES))
        except OSError as error:
            raise _local_fault(uri, error) from error
    return bytes(reach(uri, lambda: file.read(_CHUNK_BYTES)))


def _open(uri: str) -> Any:
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
    """The stem of a recording's name without what cannot be shown."""
    stem = local_path(uri).stem if is_local(uri) else Path(uri).stem
    visible = (" " if unicodedata.category(c)[0] in "CZ" else c for c in stem)
    return " ".join("".join(visible).split())


def sidecar_of(uri: str) -> Sidecar | None:
    """Return the sidecar that lies beside a recording, None where there is none any more."""
    try:
        found = find_recordings(uri)
    except SettingsError:
        return None
    beside = [item.sidecar_uri for item in found if item.sidecar_uri]
    return read_sidecar(beside[0]) if beside else None
