"""Reach a storage: addresses, connections, and its driver's errors as ours."""

import functools
import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote_to_bytes, urlsplit

from schemas.errors import ResourceError, SettingsError, UnavailableError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

Result = TypeVar("Result")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_ACCESS = ("AWS_", "AZURE_", "FSSPEC_", "GOOGLE_")
_MOST_SHOWN = 80


def is_local(uri: str) -> bool:
    """Whether an address is a path of this machine."""
    scheme = _SCHEME.match(uri)
    return scheme is None or scheme[1].lower() == "file"


def local_path(uri: str) -> Path:
    """Return the path that a local address names; may hold any character that a file name may."""
    if _SCHEME.match(uri):
        return Path(os.fsdecode(unquote_to_bytes(urlsplit(uri).path)))
    return Path(uri).expanduser()


def shown(uri: str) -> str:
    """Return the last part of an address as a message may show it: one line, nothing invisible."""
    name = uri.rstrip("/").rsplit("/", 1)[-1]
    visible = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    return visible if len(visible) <= _MOST_SHOWN else visible[: _MOST_SHOWN - 1] + "…"


def filesystem(uri: str) -> "tuple[AbstractFileSystem, str]":
    """Return the fsspec file system of a remote address, and the name of the object in it.

    The name is not parsed beyond its scheme: `::`, `*` and `?` are letters like others.
    """
    found = _SCHEME.match(uri)
    scheme = found[1].lower() if found else "file"
    access = {name: value for name, value in os.environ.items() if name.startswith(_ACCESS)}
    files = _connect(scheme, tuple(sorted(access.items())), os.getpid())
    return files, str(files._strip_protocol(uri))


@functools.lru_cache(maxsize=8)
def _connect(
    scheme: str,
    access: tuple[tuple[str, str], ...],  # noqa: ARG001 - a part of the cache's key
    process: int,  # noqa: ARG001 - as well
) -> "AbstractFileSystem":
    """Connect to a storage once, and anew when its credentials or endpoint change, or in a fork.

    fsspec's own cache of connections does not look at the environment.
    """
    import fsspec

    try:
        return _with_quick_dates(fsspec.filesystem(scheme, skip_instance_cache=True))
    except ImportError as error:
        raise SettingsError(
            f"Reading {scheme}:// needs a package that is not installed ({error}); "
            "for s3:// install tonescribe[s3]."
        ) from error
    except ValueError as error:
        raise SettingsError(
            f"There is no storage '{scheme}://'; give a path, or a URL such as s3://bucket/folder."
        ) from error


def _with_quick_dates(files: "AbstractFileSystem") -> "AbstractFileSystem":
    """Let S3's driver read dates as what they are, ISO 8601.

    By default it tries every way in which dates are written, two thirds of the time that it takes
    to read a page of a listing.
    """
    if "s3" not in files.protocol or files.session is not None:
        return files
    from aiobotocore.session import AioSession
    from botocore.utils import parse_timestamp

    def parse(value: str | float) -> datetime:
        try:
            return datetime.fromisoformat(str(value))
        except ValueError:
            moment: datetime = parse_timestamp(value)
            return moment

    files.session = AioSession(**files.kwargs)  # as the driver makes it itself
    factory = files.session.get_component("response_parser_factory")
    factory.set_parser_defaults(timestamp_parser=parse)
    return files


def reach(uri: str, action: Callable[[], Result]) -> Result:
    """Call remote storage; its driver's errors become ours."""
    try:
        return action()
    except (SettingsError, ResourceError):
        raise
    except FileNotFoundError as error:
        raise SettingsError(
            f"There is no bucket, folder or object '{uri}'; check its name."
        ) from error
    except PermissionError as error:
        raise SettingsError(
            f"Access to '{uri}' is denied; check the credentials in the environment."
        ) from error
    except Exception as error:  # each of the many drivers has error classes of its own
        if "credential" in str(error).lower():
            raise SettingsError(f"There are no credentials for '{uri}': {error}.") from error
        raise UnavailableError(
            f"The storage of '{uri}' does not answer: {error}; try again later."
        ) from error
