"""Temporary files that name the run they belong to, so that the next run can sweep up.

A run that is killed removes nothing. Its files carry its host, process id and start time, and it
holds a lock on them: when no such process lives any more on this host and nobody holds the lock,
they are nobody's. The lock also keeps alive what a run of another container or with another clock
works on.
"""

import fcntl
import functools
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from schemas.values import Seconds

_OWNER = re.compile(r"(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-(?P<start>\d+)")
_PREFIX = "tonescribe-"
_LOCK = ".lock"

FOREIGN_SECONDS: Seconds = 2 * 24 * 3600.0
"""After so long without a change and without a lock, what another host left is nobody's, too.

Containers get a new host name each time they start and may share a folder.
"""


@functools.cache
def _host() -> str:
    return sha256(socket.gethostname().encode()).hexdigest()[:8]


def _started(pid: int) -> int | None:
    """Return when a process started, in milliseconds; None where it does not live."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return round(process.create_time() * 1000)
    except psutil.Error:
        return None


def owner() -> str:
    """Return an identity of this process that no other ever has."""
    return f"{_host()}-{os.getpid()}-{_started(os.getpid())}"


def is_abandoned(name: str) -> bool:
    """Whether a name carries an owner of this host that does not live any more."""
    found = _OWNER.search(name)
    if found is None or found["host"] != _host():
        return False
    return _started(int(found["pid"])) != int(found["start"])


def is_left(path: Path) -> bool:
    """Whether a file or folder is of a run that was killed: its owner is gone and its lock free."""
    found = _OWNER.search(path.name)
    if found is None:
        return False
    try:
        age = time.time() - path.stat().st_mtime
        is_foreign = found["host"] != _host() and age > FOREIGN_SECONDS
        return (is_foreign or is_abandoned(path.name)) and _is_free(path)
    except FileNotFoundError:  # another run sweeps, too
        return False


def _is_free(path: Path) -> bool:
    """Whether nobody holds the lock of a file or folder; without one nobody does."""
    lock = path / _LOCK if path.is_dir() else path
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except FileNotFoundError:
        return True
    except PermissionError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


@contextmanager
def held_file(path: Path) -> Iterator[None]:
    """Hold the lock of a file that is there; a run that is killed lets it go."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a private folder and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{owner()}-") as made:
        folder = Path(made)
        (folder / _LOCK).touch(mode=0o600)
        with held_file(folder / _LOCK):
            yield folder


def sweep_scratch(*, with_own: bool = False) -> None:
    """Remove the scratch folders of runs that were killed, and `with_own` those of this process."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            is_ours = folder.stat().st_uid == os.getuid()
        except FileNotFoundError:
            continue
        if is_ours and ((with_own and owner() in folder.name) or is_left(folder)):
            shutil.rmtree(folder, ignore_errors=True)
