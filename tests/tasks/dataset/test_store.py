"""Files that are published together appear in order, or none does."""

import errno
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import tasks.dataset.store as store
from schemas.dataset import Dataset
from schemas.errors import FullDiskError, ResourceError
from schemas.sidecar import Sidecar
from tests.material.annotations import recording
from tests.tasks.dataset.test_publish import put


@pytest.fixture(params=["disk", "memory"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    places = {"disk": str(tmp_path / "dataset"), "memory": f"memory://{tmp_path.name}"}
    return Dataset(places[request.param], create=True)


def content(dataset: Dataset) -> dict[str, bytes]:
    return {
        name.removeprefix(dataset.root): bytes(dataset.fs.cat_file(name))
        for name in dataset.fs.find(dataset.root)
    }


def failing_at(
    monkeypatch: pytest.MonkeyPatch, dataset: Dataset, turn: int, seen: list[str]
) -> None:
    """Let the file number `turn` not appear; nothing that comes after has a fault."""
    name = "appear" if dataset.is_local else "put"
    work = getattr(store, name)

    def call(*given: Any) -> None:
        seen.append(str(given[1]))
        if len(seen) == turn:
            raise OSError(errno.EIO, "Input/output error")
        work(*given)

    monkeypatch.setattr(store, name, call)


@pytest.mark.parametrize("turn", [1, 2, 3, 4])
def test_a_failed_publishing_leaves_nothing(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, turn: int
) -> None:
    failing_at(monkeypatch, dataset, turn, [])
    with pytest.raises(ResourceError):
        put(dataset, recording())
    assert content(dataset) == {}


@pytest.mark.parametrize("turn", [1, 3, 4])
def test_a_failed_publishing_brings_the_older_version_back(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, turn: int
) -> None:
    put(dataset, recording())
    before = content(dataset)
    failing_at(monkeypatch, dataset, turn, [])
    with pytest.raises(ResourceError):
        put(dataset, recording(title="renamed"), fingerprint="f2")
    assert content(dataset) == before


def test_utterances_appear_after_page_and_recording_and_before_the_manifest(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    failing_at(monkeypatch, dataset, 99, seen)
    put(dataset, recording(sidecar=Sidecar(date=date(2026, 11, 20))))
    folders = ("pages", "recordings", "reactions", "insights", "utterances", "manifests")
    assert [
        next(f for f in folders if f"/{f}/" in name or name.startswith(f)) for name in seen
    ] == list(folders)


def test_a_full_disk_shows_before_the_first_file_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Dataset(str(tmp_path / "dataset"), create=True)
    seen: list[str] = []
    failing_at(monkeypatch, dataset, 99, seen)
    count = 0

    def full(_: int) -> None:
        nonlocal count
        count += 1
        if count == 4:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FullDiskError, match="is full; free some space"):
        put(dataset, recording())
    assert seen == []
    assert content(dataset) == {}
