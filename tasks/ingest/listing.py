"""List what a source holds: a file, a folder, or any URL that fsspec knows (`s3://...`)."""

import hashlib
import os
import stat
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import SettingsError
from schemas.values import Json
from tasks.ingest.file_names import (
    PARTICIPANTS_FOLDER,
    SIBLING_SUFFIXES,
    Object,
    reading,
)
from tasks.ingest.storage import filesystem, is_local, local_path, reach, shown

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


_TOKENS = ("ETag", "etag", "md5Hash", "content_md5", "generation")
_MOMENTS = ("LastModified", "last_modified", "mtime", "updated", "created")
_VERSION_DIGITS = 16


@dataclass(frozen=True)
class Listing:
    """The objects of a source. `single` is the one that the source names, if it names one."""

    objects: tuple[Object, ...]
    single: Object | None = None


def list_source(source: str, excluded: str | None = None) -> Listing:
    """List a source recursively, without hidden files and without the folder `excluded`.

    Raises `SettingsError` where there is no such file, folder, bucket or scheme, or no access.
    """
    if is_local(source):
        without = local_path(excluded) if excluded and is_local(excluded) else None
        return _list_local(local_path(source), without)
    return _list_remote(source, excluded)


def version_of(objects: Iterable[Object]) -> str:
    """Return the digest of the versions of a recording and its siblings."""
    facts = "\n".join(f"{o.uri}\t{o.size}\t{o.token}" for o in objects)
    return hashlib.sha256(facts.encode("utf-8", "surrogateescape")).hexdigest()[:_VERSION_DIGITS]


def _list_local(path: Path, excluded: Path | None) -> Listing:
    try:
        path = path.absolute()
        if path.is_dir():
            return Listing(tuple(_walk(path, excluded.absolute() if excluded else None)))
        if not path.exists():
            raise SettingsError(f"There is no file or folder '{shown(str(path))}'; check its name.")
        entries = sorted(entry for entry in path.parent.iterdir() if entry.is_file())
        entries += _of_participants(path.parent)
    except OSError as error:
        raise SettingsError(f"'{shown(str(path))}' cannot be read: {error.strerror}.") from error
    objects = tuple(_local_object(entry) for entry in entries)
    single = next((o for o in objects if o.uri == _local_uri(path)), None)
    if single is None:
        raise SettingsError(f"'{shown(str(path))}' is neither a file nor a folder.")
    return Listing(objects, single)


def _of_participants(folder: Path) -> list[Path]:
    """Return the files in a folder of participants' files beside a recording, or one above."""
    for place in (folder, folder.parent):
        for below in sorted(place.iterdir()):
            if reading(below.name) == PARTICIPANTS_FOLDER and below.is_dir() and below != folder:
                return sorted(e for e in below.iterdir() if _is_regular(e))
    return []


def _walk(top: Path, excluded: Path | None) -> Iterator[Object]:
    def refuse(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(top, onerror=refuse):
        here = Path(folder)
        folders[:] = sorted(f for f in folders if not _is_hidden(f) and here / f != excluded)
        for name in sorted(names):
            if not _is_hidden(name) and _is_regular(here / name):
                yield _local_object(here / name)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$"))


def _is_regular(path: Path) -> bool:
    """Whether it is a file with bytes in it; a pipe or a dangling link would block or fail."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False


def _local_object(path: Path) -> Object:
    facts = path.stat()
    return Object(
        uri=_local_uri(path),
        folder=str(path.parent),
        name=path.name,
        size=facts.st_size,
        token=str(facts.st_mtime_ns),
        modified=datetime.fromtimestamp(facts.st_mtime, UTC),
    )


def _local_uri(path: Path) -> str:
    """Return the path, or a percent-encoded URL where its bytes are no text."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return path.as_uri()
    return str(path)


def _list_remote(source: str, excluded: str | None) -> Listing:
    files, name = filesystem(source)

    def listing() -> Listing:
        files.invalidate_cache()
        facts = files.info(name)
        if facts["type"] == "directory":
            return Listing(tuple(_visible(files, name, excluded)))
        single = _remote_object(files, name, facts)
        return Listing((single, *_neighbours(files, single)), single)

    return reach(source, listing)


def _visible(files: "AbstractFileSystem", top: str, excluded: str | None) -> Iterator[Object]:
    without = f"{files._strip_protocol(excluded)}/" if excluded and not is_local(excluded) else None
    for found in sorted(remote_objects(files, top), key=lambda o: (o.folder, o.name)):
        name = f"{found.folder}/{found.name}"
        below = name.removeprefix(top).lstrip("/")
        hidden = any(part != ".." and _is_hidden(part) for part in below.split("/"))
        if not hidden and not (without and name.startswith(without)):
            yield found


def remote_objects(files: "AbstractFileSystem", top: str) -> Iterator[Object]:
    """Yield all objects below a folder of a remote storage; none where there is no such folder."""
    for name, facts in _remote_facts(files, top):
        yield _remote_object(files, name, facts)


def remote_states(files: "AbstractFileSystem", top: str) -> Iterator[tuple[str, str]]:
    """Yield the last parts of the same objects' names with what changes when they are written."""
    for name, facts in _remote_facts(files, top):
        yield name.rpartition("/")[2], f"{_size(facts)}-{_token(facts)}"


def _remote_facts(files: "AbstractFileSystem", top: str) -> Iterator[tuple[str, Json]]:
    """Yield names and facts, as the storage tells them.

    On S3 page by page, so that a bucket of any size needs little memory; parts of an upload that
    is not complete are no objects yet and are in no page.
    """
    try:
        if "s3" in files.protocol:
            yield from _pages(files, top)
            return
        files.invalidate_cache(top)
        found = files.find(top, detail=True)
    except FileNotFoundError:
        return
    for name in sorted(found):
        yield name, found[name]


def _pages(files: "AbstractFileSystem", top: str) -> Iterator[tuple[str, Json]]:
    bucket, key, _ = files.split_path(top)
    prefix = f"{key.rstrip('/')}/" if key else ""
    following: dict[str, str] = {}
    while True:
        page = files.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, **following)
        for facts in page.get("Contents", ()):
            if not facts["Key"].endswith("/"):  # a marker of a folder
                yield f"{bucket}/{facts['Key']}", facts
        if not page.get("IsTruncated"):
            return
        following = {"ContinuationToken": page["NextContinuationToken"]}


def _remote_object(files: "AbstractFileSystem", name: str, facts: Json) -> Object:
    folder, _, last = name.rpartition("/")
    return Object(
        uri=files.unstrip_protocol(name),
        folder=sys.intern(folder),
        name=last,
        size=_size(facts),
        token=_token(facts),
        modified=_modified(facts),
    )


def _size(facts: Json) -> int:
    return int(facts.get("size") or facts.get("Size") or 0)


def _token(facts: Json) -> str:
    """Return what changes with an object's content; where a storage has none, its date."""
    token = next((facts[key] for key in _TOKENS if facts.get(key)), None)
    return str(token or _modified(facts))


def _modified(facts: Json) -> datetime | None:
    return _moment(next((facts[key] for key in _MOMENTS if facts.get(key)), None))


def _moment(value: object) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, int | float):
        value = datetime.fromtimestamp(value, UTC)
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _neighbours(files: "AbstractFileSystem", single: Object) -> Iterator[Object]:
    """Yield the objects of a single recording's folder whose names begin as its name does.

    Where a storage cannot list (a web server), the names that may lie beside it are tried.
    """
    try:
        listed = {facts["name"]: facts for facts in files.ls(single.folder, detail=True)}
    except (OSError, NotImplementedError):
        stems = dict.fromkeys(
            (single.stem, *(unicodedata.normalize(form, single.stem) for form in ("NFC", "NFD")))
        )
        names = [f"{single.folder}/{stem}{suffix}" for stem in stems for suffix in SIBLING_SUFFIXES]
        listed = {name: files.info(name) for name in names if files.exists(name)}
    stem = reading(single.stem)
    for name, facts in sorted(listed.items()):
        last = name.rpartition("/")[2]
        begins_alike = reading(os.path.splitext(last)[0]).startswith(stem)  # noqa: PTH122
        if begins_alike and last != single.name and facts["type"] == "file":
            yield _remote_object(files, name, facts)
