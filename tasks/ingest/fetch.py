"""Bring a recording and its siblings to this machine."""

import errno
import hashlib
import os
import unicodedata
from pathlib import Path
from typing import IO

from schemas.errors import FullDiskError, InputError, ResourceError, SettingsError, UnsettledError
from schemas.media import ParticipantTrack, Recording, SourceItem
from schemas.policy import strictest
from schemas.sidecar import Sidecar
from schemas.values import base_language
from tasks.ingest.file_names import (
    caption_language,
)
from tasks.ingest.file_types import MEDIA_SUFFIXES
from tasks.ingest.find import find_recordings
from tasks.ingest.sidecars import MOST_BYTES, parse_sidecar
from tasks.ingest.storage import filesystem, is_local, local_path, reach, shown

STAGE_VERSION = 1

_ID_DIGITS = 16
_CHUNK_BYTES = 1 << 20


def fetch(item: SourceItem, scratch: Path) -> Recording:
    """Bring one recording and its siblings to this machine and identify it by content.

    A local file is used where it is; a remote one is copied to the scratch folder, under a name
    that owes nothing to its own. Raises `InputError` where it cannot be read or its sidecar is
    wrong, `ResourceError` where the disk is full, `UnsettledError` where it changes meanwhile.
    """
    if item.undecided:
        raise InputError(item.undecided)
    scratch.mkdir(parents=True, exist_ok=True)
    sidecar = _read_sidecars(item) or Sidecar()
    suffix = Path(item.uri).suffix.lower()
    suffix = suffix if suffix in MEDIA_SUFFIXES else ".media"
    state = _state(item.uri)
    path, recording_id = _bring(item.uri, scratch / f"recording{suffix}")
    tracks, tracks_digest = _bring_tracks(item, scratch)
    if _state(item.uri) != state:
        raise UnsettledError(
            f"{shown(item.uri)} changed while it was read: it is still being uploaded; "
            "the next run takes it."
        )
    return Recording(
        recording_id=recording_id,
        uri=item.uri,
        title=sidecar.title
        or _title(str(Path(item.uri).parent) if item.is_parts else item.uri)
        or recording_id,
        path=str(path),
        size=path.stat().st_size,
        version=item.version,
        modified=item.modified,
        captions_path=_bring_captions(item, sidecar, scratch),
        turns_path=str(_bring(item.turns_uri, scratch / "turns.rttm")[0])
        if item.turns_uri
        else None,
        sidecar=sidecar,
        tracks=tracks,
        tracks_digest=tracks_digest,
        is_parts=item.is_parts,
    )


def _bring_tracks(item: SourceItem, scratch: Path) -> tuple[tuple[ParticipantTrack, ...], str]:
    """Bring the files of participants, and digest their names and contents."""
    made, facts = [], []
    for number, (name, uri) in enumerate(item.tracks):
        path, digest = _bring(uri, scratch / f"participant-{number}{Path(uri).suffix.lower()}")
        made.append(ParticipantTrack(name=name, path=str(path)))
        facts.append(f"{digest}\t{name}")
    digest = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:_ID_DIGITS] if facts else ""
    return tuple(made), digest


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


def _state(uri: str) -> tuple[int, int] | None:
    """Return size and time of a local file; None of a remote one, whose driver minds its ETag."""
    if not is_local(uri):
        return None
    try:
        facts = local_path(uri).stat()
    except OSError as error:
        raise _local_fault(uri, error) from error
    return facts.st_size, facts.st_mtime_ns


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
        return FullDiskError("The disk of the scratch folder is full; free some space.")
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
