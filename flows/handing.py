"""Hand a recording to a worker elsewhere, and its report back, by files of the dataset.

Prefect's database is given the id of an address alone (`flows/discretion.py`); the address itself
and the report, which hold names, pass through `handed/` and are removed when they are read.
"""

from datetime import UTC, datetime, timedelta

from flows.batch import Job
from flows.discretion import address_id
from schemas.dataset import HANDED, Dataset
from schemas.errors import SettingsError
from schemas.reports import RecordingReport
from schemas.values import Value
from tasks.dataset.store import remove, write_whole

_KEPT = timedelta(days=2)
"""After so long nobody waits for it any more."""


class Handed(Value):
    """A recording for a worker; `made_with` is the fingerprint of the settings of its batch."""

    job: Job
    made_with: str
    handed_at: datetime


def hand(dataset: Dataset, job: Job, made_with: str) -> None:
    """Lay a recording out for the worker that will be given its id."""
    content = (
        Handed(job=job, made_with=made_with, handed_at=datetime.now(UTC)).model_dump_json().encode()
    )
    write_whole(dataset, _path(job.item.uri, "job"), content)


def handed_job(dataset: Dataset, source: str, made_with: str) -> Job | None:
    """Return the recording that was laid out for an address or its id; None where none was.

    Raises `SettingsError` where the settings here are not those of the batch: the next run would
    annotate it anew.
    """
    content = dataset.read_bytes(_path(source, "job"))
    if content is None:
        return None
    handed = Handed.model_validate_json(content)
    if handed.made_with == made_with:
        return handed.job
    raise SettingsError(
        "The settings or weights of this worker differ from those of the batch; give every worker "
        "the same tonescribe.toml and version."
    )


def answer(dataset: Dataset, source: str, report: RecordingReport) -> None:
    """Give the report of a recording that was laid out back."""
    write_whole(dataset, _path(source, "report"), report.model_dump_json().encode())


def take_answer(dataset: Dataset, source: str) -> RecordingReport | None:
    """Return the report of a recording that was laid out, once there is one."""
    content = dataset.read_bytes(_path(source, "report"))
    return RecordingReport.model_validate_json(content) if content else None


def take_back(dataset: Dataset, source: str) -> None:
    """Remove what was laid out for an address, and its report."""
    for kind in ("job", "report"):
        remove(dataset, _path(source, kind))


def sweep_handed(dataset: Dataset) -> None:
    """Remove what batches that were killed laid out long ago."""
    for name in dataset.list(HANDED, ".job.json"):
        content = dataset.read_bytes(name)
        if content is None:
            continue
        handed = Handed.model_validate_json(content)
        if datetime.now(UTC) - handed.handed_at > _KEPT:
            take_back(dataset, handed.job.item.uri)


def _path(source: str, kind: str) -> str:
    return f"{HANDED}/{address_id(source)}.{kind}.json"
