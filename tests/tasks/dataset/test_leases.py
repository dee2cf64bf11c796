"""Two runs on one recording: one works, the other sees it; what a dead run left is taken over."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.dataset import Dataset, lease_path
from tasks.dataset import leases as leasing
from tasks.dataset.leases import (
    STALE_SECONDS,
    Lease,
    Leases,
    LostLeaseError,
    outwait,
    swap,
    sweep_leases,
)
from tasks.dataset.store import write_whole
from tasks.scratch import owner

KEY = "0123456789abcdef"
ORPHAN = f"utterances/month=2026-11/{KEY}.parquet"


@pytest.fixture(params=["disk", "s3"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    if request.param == "disk":
        return Dataset(str(tmp_path / "dataset"), create=True)
    files: Any = request.getfixturevalue("s3")
    name = f"leases-{abs(hash(request.node.name))}"
    files.mkdir(name)
    return Dataset(f"s3://{name}/dataset", create=True)


def dead_owner() -> str:
    host, pid, start = owner().split("-")
    return f"{host}-{pid}-{int(start) - 5}"


def leave(dataset: Dataset, **facts: Any) -> bytes:
    """Write a lease as a run leaves it that was killed in publishing."""
    given = {"owner": "00000000-1-1", "renewed_at": datetime.now(UTC), "recording_id": KEY}
    content = Lease(**(given | facts)).model_dump_json().encode()
    write_whole(dataset, ORPHAN, b"rows")
    assert swap(dataset, KEY, content, expected=None)
    return content


def test_only_one_of_two_runs_holds_a_lease_and_it_is_gone_afterwards(dataset: Dataset) -> None:
    with Leases(dataset) as first, Leases(dataset) as second:
        assert first.take(KEY)
        assert not second.take(KEY)
        assert first.take(KEY)
    assert dataset.read_bytes(lease_path(KEY)) is None
    with Leases(dataset) as third:
        assert third.take(KEY)


def test_a_swap_needs_the_content_that_was_seen(dataset: Dataset) -> None:
    assert swap(dataset, KEY, b"one", expected=None)
    assert not swap(dataset, KEY, b"two", expected=None)
    assert not swap(dataset, KEY, b"two", expected=b"other")
    assert swap(dataset, KEY, b"two", expected=b"one")
    assert dataset.read_bytes(lease_path(KEY)) == b"two"


@pytest.mark.parametrize("trace", ["dead process", "silent for long"])
def test_the_next_start_takes_back_what_a_dead_run_half_published(
    dataset: Dataset, trace: str
) -> None:
    facts: dict[str, Any] = {"files": (ORPHAN,)}
    if trace == "dead process":
        facts["owner"] = dead_owner()
    else:
        facts["renewed_at"] = datetime.now(UTC) - timedelta(seconds=STALE_SECONDS + 1)
    leave(dataset, **facts)
    sweep_leases(dataset)
    assert dataset.read_bytes(lease_path(KEY)) is None
    assert dataset.read_bytes(ORPHAN) is None


def test_what_a_living_run_of_another_machine_does_is_left_alone(dataset: Dataset) -> None:
    leave(dataset, files=(ORPHAN,))
    sweep_leases(dataset)
    with Leases(dataset) as leases:
        assert not leases.take(KEY)
    assert dataset.read_bytes(ORPHAN) == b"rows"


def test_a_lease_that_falls_silent_while_it_is_watched_is_free(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leasing, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(leasing, "_POLL_SECONDS", 0.1)
    leave(dataset, files=(ORPHAN,))
    outwait(dataset, [KEY])
    assert dataset.read_bytes(lease_path(KEY)) is None
    assert dataset.read_bytes(ORPHAN) is None


def test_a_holder_renews_and_is_not_outwaited(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leasing, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(leasing, "SILENT_SECONDS", 5.0)
    monkeypatch.setattr(leasing, "_POLL_SECONDS", 0.4)
    with Leases(dataset) as holder, Leases(dataset) as other:
        assert holder.take(KEY)
        outwait(dataset, [KEY])
        assert not other.take(KEY)


def test_whoever_lost_a_lease_publishes_nothing(dataset: Dataset) -> None:
    with Leases(dataset) as holder:
        assert holder.take(KEY)
        current = dataset.read_bytes(lease_path(KEY))
        assert swap(dataset, KEY, b"another's", expected=current)
        with pytest.raises(LostLeaseError):
            holder.note(KEY, [ORPHAN])
    assert dataset.read_bytes(lease_path(KEY)) == b"another's"
