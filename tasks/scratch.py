"""Temporary files that name the run they belong to, so that the next run can sweep up.

A run that is killed removes nothing. Its files carry its host, process id and start time: when
no such process lives any more on this host, they are nobody's.
"""

import functools
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

_OWNER = re.compile(r"(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-(?P<start>\d+)")
_PREFIX = "tonescribe-"


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


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a private folder and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{owner()}-") as folder:
        yield Path(folder)


def sweep_scratch(*, with_own: bool = False) -> None:
    """Remove the scratch folders of runs that were killed, and `with_own` those of this process."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        is_own = with_own and owner() in folder.name
        if (is_own or is_abandoned(folder.name)) and folder.stat().st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)
