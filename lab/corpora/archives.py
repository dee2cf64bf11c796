"""Files inside archives, as corpora are distributed: `ravdess.tar::03-01-01-01-01-01-01.opus`."""

import functools
import tarfile
import zipfile
import zlib
from pathlib import Path

from schemas.errors import InputError

MEMBER = "::"
"""Stands between an archive and the file in it."""

_ZIP = ".zip"


def member_names(archive: Path) -> list[str]:
    """Names of the files in a tar or zip; raises `InputError` for what is neither."""
    if archive.suffix.lower() != _ZIP:
        return list(archive_members(archive))
    with _open_zip(archive) as file:
        return [entry.filename for entry in file.infolist() if not entry.is_dir()]


def read_member(archive: Path, member: str) -> bytes:
    """Content of one file in an archive.

    Raises `InputError` for a damaged archive, `KeyError` for a name that is not in it.
    """
    if archive.suffix.lower() != _ZIP:
        offset, size = archive_members(archive)[member]
        with archive.open("rb") as tar:
            tar.seek(offset)
            return tar.read(size)
    with _open_zip(archive) as file:
        try:
            return file.read(member)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise InputError(f"{archive}{MEMBER}{member} is damaged: {error}.") from error


@functools.lru_cache(maxsize=32)
def archive_members(archive: Path) -> dict[str, tuple[int, int]]:
    """Where each file of an uncompressed tar lies: name -> (offset, size) in bytes."""
    try:
        with tarfile.open(archive, "r:") as tar:
            return {m.name: (m.offset_data, m.size) for m in tar.getmembers() if m.isfile()}
    except (OSError, tarfile.TarError) as error:
        raise InputError(
            f"{archive} is no whole, uncompressed tar ({error}): unpack it or fetch it anew."
        ) from error


def stem(source: str) -> str:
    """Return the file's name without folder, archive and suffix."""
    return Path(source.rsplit(MEMBER, 1)[-1]).stem


def _open_zip(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{archive} is no whole zip ({error}): fetch it anew.") from error
