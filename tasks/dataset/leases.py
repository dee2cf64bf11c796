"""Leases: who works on a recording now, so that two runs do not do the same work.

A lease is a small file in the dataset, `leases/<key>.json`, made exclusively and renewed by a
thread. One that is not renewed any more is taken over. On a disk its folder's lock makes this
exact, on S3 conditional puts do; on a storage with neither, two runs that start within the same
moment may both hold it. Even then nothing is doubled: they publish the same names.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from schemas.dataset import LEASES, Dataset, lease_path
from schemas.errors import ResourceError
from schemas.values import Seconds, Value
from tasks.dataset.manifests import read_manifest
from tasks.dataset.store import put, remove, storing, write_whole
from tasks.scratch import is_abandoned, owner

BEAT_SECONDS: Seconds = 20.0
"""How often a lease is renewed."""

SILENT_SECONDS: Seconds = 90.0
"""A lease that was watched for so long and not renewed is nobody's: four beats and a half."""

STALE_SECONDS: Seconds = 600.0
"""A lease that was renewed so long ago by the clock is nobody's; far more than clocks differ."""

_TRIES = 3
_POLL_SECONDS: Seconds = 2.0


class LostLeaseError(ResourceError):
    """Another run took the recording over while this one stood still; it publishes nothing."""


class Lease(Value):
    """Who holds a lease; `files` are what its holder is about to publish of a recording."""

    owner: str
    renewed_at: datetime
    recording_id: str | None = None
    files: tuple[str, ...] = ()

    @property
    def is_stale(self) -> bool:
        """Whether its holder is dead: no process of this host any more, or silent for long."""
        age = (datetime.now(UTC) - self.renewed_at).total_seconds()
        return is_abandoned(self.owner) or age > STALE_SECONDS

    @property
    def process(self) -> str:
        """The process that holds it; it may hold others, too."""
        return self.owner.rpartition("-")[0]


def key_of_worker(run: str) -> str:
    """Return the key of the lease that a worker renews while it lives, by the id of its run."""
    return f"worker-{run}"


def key_of_address(uri: str) -> str:
    """Return the key of the lease on an address; that on a content is the recording's id."""
    return "at-" + hashlib.sha256(uri.encode("utf-8", "surrogateescape")).hexdigest()[:16]


class Leases:
    """The leases that the work on one recording holds; a thread renews them until the end."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._owner = f"{owner()}-{secrets.token_hex(4)}"
        self._held: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._beat, name="lease", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        with self._lock:
            for key, content in self._held.items():
                with contextlib.suppress(Exception):  # a lease that stays becomes stale
                    _give_back(self._dataset, key, content)
            self._held.clear()

    def take(self, key: str) -> bool:
        """Take a lease; False where a run that lives holds it. What a dead one left is removed."""
        for _ in range(_TRIES):
            current = self._dataset.read_bytes(lease_path(key))
            before = _parsed(current)
            if before is not None and not before.is_stale:
                return key in self._held
            if self.take_over(key, current):
                return True
        return False

    def take_over(self, key: str, current: bytes | None) -> bool:
        """Take a lease if it still has this content (None: if there is none)."""
        mine = self._content(None, ())
        if not swap(self._dataset, key, mine, expected=current):
            return False
        with self._lock:
            self._held[key] = mine
        if (before := _parsed(current)) is not None:
            _clear_orphans(self._dataset, before)
        return True

    def clear(self, key: str) -> None:
        """Take a lease from a holder that is known to be dead."""
        if (current := self._dataset.read_bytes(lease_path(key))) is not None:
            self.take_over(key, current)

    def note(self, recording_id: str, files: Iterable[str]) -> None:
        """Say what is about to be published, so that whoever finds this run dead can clear it up.

        Raises `LostLeaseError` where a lease is not ours any more.
        """
        content = self._content(recording_id, tuple(files))
        with self._lock:
            for key in self._held:
                self._renew(key, content)

    def _content(self, recording_id: str | None, files: tuple[str, ...]) -> bytes:
        lease = Lease(
            owner=self._owner, renewed_at=datetime.now(UTC), recording_id=recording_id, files=files
        )
        return lease.model_dump_json().encode()

    def _renew(self, key: str, content: bytes) -> None:
        if not swap(self._dataset, key, content, expected=self._held[key]):
            raise LostLeaseError(
                "Another run took this recording over, because this one stood still too long."
            )
        self._held[key] = content

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            with self._lock:
                for key, content in self._held.items():
                    lease = _parsed(content)
                    if lease is None or self._ended.is_set():
                        continue
                    # a storage that is away is tried at the next beat; a lost lease shows later
                    with contextlib.suppress(Exception):
                        self._renew(key, self._content(lease.recording_id, lease.files))


def swap(dataset: Dataset, key: str, content: bytes, expected: bytes | None) -> bool:
    """Write a lease if it still has the expected content (None: if there is none)."""
    return swap_file(dataset, lease_path(key), content, expected)


def swap_file(dataset: Dataset, name: str, content: bytes, expected: bytes | None) -> bool:
    """Write any small file of a dataset as a lease is written: only one of several writers wins."""
    swapped = _swap_on_disk if dataset.is_local else _swap_in_store
    return storing(dataset, lambda: swapped(dataset, name, content, expected))


def _swap_on_disk(dataset: Dataset, name: str, content: bytes, expected: bytes | None) -> bool:
    with _locked(dataset):
        if dataset.read_bytes(name) != expected:
            return False
        write_whole(dataset, name, content)
        return True


@contextmanager
def _locked(dataset: Dataset) -> Iterator[None]:
    """Hold the lock of the folder of leases; a process that is killed lets it go."""
    folder = Path(dataset.path(LEASES))
    folder.mkdir(mode=0o700 if dataset.is_private else 0o777, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _swap_in_store(dataset: Dataset, name: str, content: bytes, expected: bytes | None) -> bool:
    path = dataset.path(name)
    try:
        if expected is None:
            dataset.fs.pipe_file(path, content, mode="create")
        elif "s3" in dataset.fs.protocol:
            token = dataset.fs.info(path, refresh=True)["ETag"]
            if dataset.read_bytes(name) != expected:
                return False
            dataset.fs.pipe_file(path, content, IfMatch=token)
        else:
            if dataset.read_bytes(name) != expected:
                return False
            put(dataset, name, content)
    except FileExistsError:
        return False
    except Exception as error:
        if "PreconditionFailed" in str(error) or "ConditionalRequestConflict" in str(error):
            return False
        raise
    return dataset.read_bytes(name) == content


def _give_back(dataset: Dataset, key: str, content: bytes) -> None:
    name = lease_path(key)
    with _locked(dataset) if dataset.is_local else contextlib.nullcontext():
        if dataset.read_bytes(name) == content:
            remove(dataset, name)


def _parsed(content: bytes | None) -> Lease | None:
    """Return a lease; one that cannot be read is nobody's."""
    try:
        return Lease.model_validate_json(content) if content else None
    except ValidationError:
        return None


def _clear_orphans(dataset: Dataset, lease: Lease) -> None:
    """Remove what a dead run wrote of a recording and no manifest lists."""
    if lease.recording_id is None:
        return
    manifest = read_manifest(dataset, lease.recording_id)
    listed = manifest.files if manifest else {}
    for name in lease.files:
        if name not in listed:
            storing(dataset, functools.partial(remove, dataset, name))


def sweep_leases(dataset: Dataset) -> None:
    """Remove the leases of runs that were killed, and the files that they published in part."""
    for key in lease_keys(dataset):
        if (lease := read_lease(dataset, key)) is None or lease.is_stale:
            with Leases(dataset) as leases:
                leases.take(key)


def outwait(dataset: Dataset, keys: Sequence[str]) -> None:
    """Wait until each lease is given back, is renewed (its holder lives), or falls silent.

    One that falls silent is removed. Takes `SILENT_SECONDS` at most.
    """
    seen = {key: dataset.read_bytes(lease_path(key)) for key in keys}
    until = time.monotonic() + SILENT_SECONDS
    while seen and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
        seen = {k: c for k, c in seen.items() if c and dataset.read_bytes(lease_path(k)) == c}
    for key, content in seen.items():
        with Leases(dataset) as leases:
            leases.take_over(key, content)


def read_lease(dataset: Dataset, key: str) -> Lease | None:
    """Return a lease; None where nobody holds it, or what is there cannot be read."""
    return _parsed(dataset.read_bytes(lease_path(key)))


def lease_keys(dataset: Dataset) -> list[str]:
    """Return the keys of all leases that somebody holds or held."""
    dataset.fs.invalidate_cache(dataset.path(LEASES))
    return [PurePosixPath(name).stem for name in dataset.list(LEASES, ".json")]
