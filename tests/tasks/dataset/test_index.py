"""The index spares planning to read what it knows, and is never believed against the dataset."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.dataset import Dataset
from schemas.errors import SettingsError
from schemas.manifest import QuarantineEntry, Source
from tasks.dataset import index as indexing
from tasks.dataset.index import INDEX, read_index, remove_index
from tasks.dataset.manifests import read_manifest, write_manifest
from tasks.dataset.publish import publish
from tasks.dataset.quarantine import quarantine
from tasks.dataset.store import remove, write_whole
from tests.material.annotations import annotated, annotation, recording
from tests.tasks.dataset.test_publish import INFO

IDS = ("0123456789abcdef", "1123456789abcdef", "2123456789abcdef")


@pytest.fixture(params=["disk", "s3", "memory"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    name = f"index-{abs(hash(request.node.name))}"
    if request.param == "disk":
        made = Dataset(str(tmp_path / "dataset"), create=True)
    elif request.param == "memory":
        made = Dataset(f"memory://{name}", create=True)
    else:
        request.getfixturevalue("s3").mkdir(name)
        made = Dataset(f"s3://{name}/dataset", create=True)
    for each in IDS:
        item = recording(recording_id=each, uri=f"/meetings/{each}.mp4")
        publish(made, annotation(item, INFO, annotated()), "<p>")
    quarantine(
        made,
        QuarantineEntry(
            recording_id="abc",
            sources=(Source(uri="b.mp4", version="1"),),
            cause="input",
            stage="probe",
            sentence="It is empty.",
            quarantined_at=datetime.now(UTC),
        ),
    )
    return made


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were read for the index."""
    names: list[str] = []
    read = indexing._read

    def counted(name: str, content: bytes) -> Any:
        names.append(name)
        return read(name, content)

    monkeypatch.setattr(indexing, "_read", counted)
    return names


def test_what_did_not_change_is_not_read_again(dataset: Dataset, reads: list[str]) -> None:
    first = read_index(dataset)
    assert [known.recording_id for known in first.published] == list(IDS)
    assert len(reads) == 4
    written = dataset.read_bytes(INDEX)
    assert read_index(dataset) == first
    assert len(reads) == 4
    assert dataset.read_bytes(INDEX) == written


def test_only_what_changed_is_read(dataset: Dataset, reads: list[str]) -> None:
    read_index(dataset)
    reads.clear()
    manifest = read_manifest(dataset, IDS[1])
    assert manifest is not None
    source = Source(uri="/meetings/copy.mp4", version="2")
    write_manifest(dataset, manifest.model_copy(update={"sources": (source,)}))
    remove(dataset, f"manifests/{IDS[0]}.json")
    remove(dataset, "quarantine/abc.json")
    found = read_index(dataset)
    assert [known.recording_id for known in found.published] == [IDS[1], IDS[2]]
    assert found.published[0].sources == (("/meetings/copy.mp4", "2"),)
    assert found.quarantined == ()
    assert reads == [f"manifests/{IDS[1]}.json"]


@pytest.mark.parametrize("content", [b"", b"no gzip", None])
def test_an_index_that_is_damaged_or_gone_is_made_anew(
    dataset: Dataset, reads: list[str], content: bytes | None
) -> None:
    first = read_index(dataset)
    if content is None:
        remove_index(dataset)
    else:
        write_whole(dataset, INDEX, content or (dataset.read_bytes(INDEX) or b"")[:-20])
    reads.clear()
    assert read_index(dataset) == first
    assert len(reads) == 4


def test_a_manifest_that_is_none_is_one_sentence(dataset: Dataset) -> None:
    write_whole(dataset, f"manifests/{IDS[0]}.json", b"{")
    with pytest.raises(SettingsError, match=r"manifests/0123456789abcdef\.json of the dataset"):
        read_index(dataset)
