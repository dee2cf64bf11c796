"""Write files of a dataset whole or not at all."""

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

from schemas.dataset import Dataset
from tasks.scratch import is_abandoned, owner

UNFINISHED = ".unfinished"
"""Folder of a dataset on a disk for files that are being written. It is there only meanwhile."""

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600


def write_whole(dataset: Dataset, name: str, content: bytes) -> str:
    """Write a file so that readers see it whole or not at all; return its SHA-256.

    On a local disk: a hidden file, flushed, then renamed. On an object store: one put under the
    final key, which such stores make visible only when it is complete.
    """
    if not dataset.is_local:
        dataset.fs.pipe_file(dataset.path(name), content)
        return hashlib.sha256(content).hexdigest()
    target = Path(dataset.path(name))
    _make_folders(dataset, target.parent)
    hidden = _open_hidden(dataset)
    try:
        with hidden.open("wb") as file:
            if dataset.is_private:
                hidden.chmod(PRIVATE_FILE)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(target)
    finally:
        hidden.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another run writes there
            hidden.parent.rmdir()
    return hashlib.sha256(content).hexdigest()


def _open_hidden(dataset: Dataset) -> Path:
    """Make an empty file; another run may just remove the folder that it found empty."""
    folder = Path(dataset.path(UNFINISHED))
    hidden = folder / f"{owner()}.{secrets.token_hex(4)}"
    while True:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        try:
            hidden.touch(exist_ok=False)
        except FileNotFoundError:
            continue
        return hidden


def _make_folders(dataset: Dataset, folder: Path) -> None:
    root = Path(dataset.root)
    missing = [f for f in (folder, *folder.parents) if f.is_relative_to(root) and not f.exists()]
    for each in reversed(missing):
        each.mkdir(parents=True, exist_ok=True)
        if dataset.is_private:
            each.chmod(PRIVATE_FOLDER)


def remove(dataset: Dataset, name: str) -> None:
    """Remove a file that may be gone already."""
    with contextlib.suppress(FileNotFoundError):
        dataset.fs.rm_file(dataset.path(name))


def sweep_unfinished(dataset: Dataset) -> None:
    """Remove what runs that were killed left half written on this host."""
    folder = Path(dataset.path(UNFINISHED))
    if not dataset.is_local or not folder.is_dir():
        return
    for file in folder.iterdir():
        if is_abandoned(file.name):
            file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()
