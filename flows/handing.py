"""Lay the recordings of a batch out for workers elsewhere, and take their reports, by files.

Prefect's database is given the name of a batch alone (`flows/discretion.py`); addresses and
reports, which hold names, pass through `handed/` of the dataset and are removed when they are read.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Self

from flows.batch import Job
from flows.discretion import address_id
from schemas.dataset import HANDED, Dataset
from schemas.errors import SettingsError
from schemas.reports import RecordingReport
from schemas.values import Value
from tasks.dataset.leases import swap_file
from tasks.dataset.store import remove, write_whole

_KEPT = timedelta(days=2)
"""After so long nobody waits for it any more."""

_JOB, _CLAIM, _REPORT = _KINDS = (".job.json", ".claim.json", ".report.json")


class Handed(Value):
    """A recording for a worker; `made_with` is the fingerprint of the settings of its batch."""

    job: Job
    made_with: str
    handed_at: datetime


@dataclass(frozen=True)
class Laid:
    """The ids of the addresses of a batch that are laid out, claimed and answered."""

    jobs: frozenset[str]
    claimed: frozenset[str]
    answered: frozenset[str]

    @classmethod
    def out(cls, dataset: Dataset, batch: str) -> Self:
        """List what lies there now."""
        names = [PurePosixPath(name).name for name in _names(dataset, batch)]
        ids = (
            frozenset(
                name.removeprefix(f"{batch}-").removesuffix(kind)
                for name in names
                if name.endswith(kind)
            )
            for kind in _KINDS
        )
        return cls(*ids)

    @property
    def free(self) -> frozenset[str]:
        """What nobody has claimed."""
        return self.jobs - self.claimed - self.answered

    @property
    def at_work(self) -> frozenset[str]:
        """What is claimed and not answered yet."""
        return self.jobs & self.claimed - self.answered


def hand(dataset: Dataset, batch: str, job: Job, made_with: str) -> None:
    """Lay a recording out for whichever worker comes first."""
    handed = Handed(job=job, made_with=made_with, handed_at=datetime.now(UTC))
    write_whole(dataset, _path(batch, job.item.uri, _JOB), handed.model_dump_json().encode())


def claim_jobs(dataset: Dataset, batch: str, made_with: str, worker: str) -> Iterator[Job]:
    """Yield recordings of a batch that nobody has claimed, each claimed, until none is left.

    Each worker goes through them in an order of its own, so that two seldom reach for the same
    one. Raises `SettingsError` where the settings here are not those of the batch: the next run
    would annotate everything anew.
    """

    def own(address: str) -> bytes:
        return hashlib.sha256((worker + address).encode()).digest()

    while free := Laid.out(dataset, batch).free:
        for address in sorted(free, key=own):
            content = dataset.read_bytes(_path(batch, address, _JOB))
            if content is None:
                continue
            handed = Handed.model_validate_json(content)
            if handed.made_with != made_with:
                raise SettingsError(
                    "The settings or weights of this worker differ from those of the batch; give "
                    "every worker the same tonescribe.toml and version."
                )
            if swap_file(dataset, _path(batch, address, _CLAIM), worker.encode(), expected=None):
                yield handed.job


def claimed_by(dataset: Dataset, batch: str, address: str, worker: str) -> bool:
    """Whether this worker has claimed an address."""
    return dataset.read_bytes(_path(batch, address, _CLAIM)) == worker.encode()


def free_again(dataset: Dataset, batch: str, address: str) -> None:
    """Take a claim back, so that another worker may have the recording."""
    remove(dataset, _path(batch, address, _CLAIM))


def answer(dataset: Dataset, batch: str, report: RecordingReport) -> None:
    """Give the report of a recording that was laid out back."""
    write_whole(dataset, _path(batch, report.uri, _REPORT), report.model_dump_json().encode())


def take_answer(dataset: Dataset, batch: str, source: str) -> RecordingReport | None:
    """Return the report of an address or its id, once there is one."""
    content = dataset.read_bytes(_path(batch, source, _REPORT))
    return RecordingReport.model_validate_json(content) if content else None


def take_back(dataset: Dataset, batch: str, source: str) -> None:
    """Remove what was laid out for an address or its id, its claim and its report."""
    for kind in _KINDS:
        remove(dataset, _path(batch, source, kind))


def clear_handed(dataset: Dataset, batch: str) -> None:
    """Remove all that is left of a batch."""
    for name in _names(dataset, batch):
        remove(dataset, name)


def sweep_handed(dataset: Dataset) -> None:
    """Remove what batches that were killed laid out long ago, and what nobody waits for."""
    rest = [name for name in _names(dataset) if not name.endswith(_JOB)]
    kept = set()
    for name in _names(dataset):  # listed after the rest: each of that had a job then
        content = dataset.read_bytes(name) if name.endswith(_JOB) else None
        if content is None:
            continue
        if datetime.now(UTC) - Handed.model_validate_json(content).handed_at > _KEPT:
            remove(dataset, name)
        else:
            kept.add(_address_part(name))
    for name in rest:
        if _address_part(name) not in kept:
            remove(dataset, name)


def _names(dataset: Dataset, batch: str = "") -> list[str]:
    dataset.fs.invalidate_cache(dataset.path(HANDED))
    prefix = f"{HANDED}/{batch}"
    return [name for name in dataset.list(HANDED, ".json") if name.startswith(prefix)]


def _address_part(name: str) -> str:
    """Return batch and address of a file's name."""
    return PurePosixPath(name).name.split(".")[0]


def _path(batch: str, source: str, suffix: str) -> str:
    return f"{HANDED}/{batch}-{address_id(source)}{suffix}"
