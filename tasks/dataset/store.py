"""Write files of a dataset whole or not at all, alone or several together."""

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from schemas.dataset import Dataset
from schemas.errors import FullDiskError, ResourceError, SettingsError
from tasks.ingest.storage import reach
from tasks.scratch import held_file, is_left, owner

Result = TypeVar("Result")

UNFINISHED = ".unfinished"
"""Folder of a dataset on a disk for files that are being written. It is there only meanwhile."""

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What a system says where no byte more can be written."""


def write_whole(dataset: Dataset, name: str, content: bytes) -> str:
    """Write a file so that readers see it whole or not at all; return its SHA-256.

    On a local disk: a hidden file, flushed, then renamed. On an object store: one put under the
    final key, which such stores make visible only when it is complete. Raises `FullDiskError`,
    `UnavailableError` or `ResourceError`.
    """
    if dataset.is_local:
        storing(dataset, lambda: _write_on_disk(dataset, {name: content}))
    else:  # one put needs no taking back: it arrives whole or not
        storing(dataset, lambda: put(dataset, name, content))
    return digest(content)


def digest(content: bytes) -> str:
    """Return the SHA-256 under which a manifest lists a file."""
    return hashlib.sha256(content).hexdigest()


def write_together(
    dataset: Dataset, contents: Mapping[str, bytes], replaced: Collection[str] = ()
) -> None:
    """Write files so that they appear one by one in their order; where one fails, none stays.

    On a disk all of them are written and flushed before the first appears, so that a full disk
    shows before. `replaced` are files that may be there already and come back if this fails.
    Raises what `write_whole` raises.
    """
    write = _write_on_disk if dataset.is_local else _write_to_store
    storing(dataset, lambda: write(dataset, contents, replaced))


def storing(dataset: Dataset, action: Callable[[], Result]) -> Result:
    """Call the storage of a dataset; its errors become ours."""
    if not dataset.is_local:
        return reach(dataset.location, action)
    try:
        return action()
    except OSError as error:
        if error.errno in FULL:
            raise FullDiskError(
                f"The disk of the dataset {dataset.location} is full; free some space."
            ) from error
        kind = SettingsError if isinstance(error, NotADirectoryError) else ResourceError
        cause = error.strerror or error
        raise kind(f"The dataset {dataset.location} cannot be written: {cause}.") from error


def _write_on_disk(
    dataset: Dataset, contents: Mapping[str, bytes], replaced: Collection[str] = ()
) -> None:
    targets = {name: Path(dataset.path(name)) for name in contents}
    with contextlib.ExitStack() as hiding:
        hidden = {name: hiding.enter_context(_hidden(dataset)) for name in contents}
        for name, content in contents.items():
            _make_folders(dataset, targets[name].parent)
            _fill(hidden[name], content, is_private=dataset.is_private)
        earlier = {name: hiding.enter_context(_hidden(dataset)) for name in replaced}
        for name, copy in earlier.items():
            _keep(Path(dataset.path(name)), copy)
        shown: list[str] = []
        try:
            for name, target in targets.items():
                if shown and name == list(targets)[-1]:
                    _settle({targets[each].parent for each in shown})
                appear(hidden[name], target)
                shown.append(name)
        except BaseException:
            for name in reversed(shown):
                _take_back(targets[name], earlier.get(name))
            raise


def _write_to_store(
    dataset: Dataset, contents: Mapping[str, bytes], replaced: Collection[str]
) -> None:
    earlier = {name: dataset.read_bytes(name) for name in replaced if name in contents}
    sent: list[str] = []
    try:
        for name, content in contents.items():
            sent.append(name)  # a put whose answer is lost may have arrived
            put(dataset, name, content)
    except BaseException:
        for name in reversed(sent):
            with contextlib.suppress(Exception):  # the storage may be gone for good
                if (before := earlier.get(name)) is not None:
                    put(dataset, name, before)
                else:
                    remove(dataset, name)
        raise


def put(dataset: Dataset, name: str, content: bytes) -> None:
    """Put one object, which appears when it is complete."""
    dataset.fs.pipe_file(dataset.path(name), content)


def appear(hidden: Path, target: Path) -> None:
    """Give a hidden file that is complete its name."""
    hidden.replace(target)


def _fill(hidden: Path, content: bytes, *, is_private: bool) -> None:
    with hidden.open("wb") as file:
        if is_private:
            hidden.chmod(PRIVATE_FILE)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _keep(target: Path, copy: Path) -> None:
    """Make `copy` a second name of a file, or a copy of it where the disk knows no such names."""
    copy.unlink()
    with contextlib.suppress(FileNotFoundError):
        try:
            os.link(target, copy)
        except OSError:
            shutil.copy2(target, copy)


def _settle(folders: Collection[Path]) -> None:
    """Flush the names in folders, so that after a loss of power no manifest lists what is not."""
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _take_back(target: Path, earlier: Path | None) -> None:
    with contextlib.suppress(OSError):
        if earlier is not None and earlier.exists():
            earlier.replace(target)
        else:
            target.unlink()


@contextmanager
def _hidden(dataset: Dataset) -> Iterator[Path]:
    """Make an empty file that no reader looks at; it is gone at the end.

    Another run may just remove the folder that it found empty.
    """
    folder = Path(dataset.path(UNFINISHED))
    path = folder / f"{owner()}.{secrets.token_hex(4)}"
    while True:
        _make_folders(dataset, folder.parent)
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        try:
            path.touch(exist_ok=False)
        except FileNotFoundError:
            continue
        break
    try:
        with held_file(path):
            yield path
    finally:
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another run writes there
            folder.rmdir()


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
    """Remove what runs that were killed left half written."""
    folder = Path(dataset.path(UNFINISHED))
    if not dataset.is_local or not folder.is_dir():
        return
    for file in folder.iterdir():
        if is_left(file):
            file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()
