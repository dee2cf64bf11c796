"""Forget recordings and people: in the dataset, the cache of stages, Prefect's artifacts.

What was done is proved by searching what is left, file by file.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flows.artifacts import artifact_key
from schemas.dataset import Dataset
from schemas.settings import Settings
from schemas.values import Value
from tasks.dataset.forget import Forgotten, forget_recording, traces_of_recording
from tasks.dataset.forget_person import forget_speaker, traces_of_speaker
from tasks.dataset.traces import all_files, names_in

_PREFECT_DATABASE = Path("prefect.db")


class Searched(Value):
    """A place that was searched afterwards: how much lies there, and where something was left.

    `searched` is None where the place could not be reached; `note` says why.
    """

    place: str
    searched: int | None
    left: tuple[str, ...] = ()
    note: str = ""


class ForgetReport(Value):
    """What was forgotten, what else had to go, and what the search for traces found."""

    done: Forgotten
    cached: int = 0
    artifacts: int | None = None
    proof: tuple[Searched, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left in any place that could be searched."""
        return not any(place.left for place in self.proof)


def forget(
    dataset: Dataset,
    settings: Settings,
    *,
    recording: str | None = None,
    speaker: str | None = None,
    dry_run: bool = False,
    again: bool = False,
) -> ForgetReport:
    """Forget a recording or a speaker and search for what is left; `dry_run` changes nothing.

    The cache is this machine's: other workers have their own. Raises `SettingsError` where there is
    no such recording or speaker.
    """
    if recording is not None:
        done = forget_recording(dataset, recording, dry_run=dry_run, again=again)
    else:
        done = forget_speaker(dataset, str(speaker), dry_run=dry_run)
    folders = [f for f in _cache_folders(settings, done.recordings) if f.is_dir()]
    cached = sum(1 for folder in folders for path in folder.rglob("*") if path.is_file())
    if dry_run:
        return ForgetReport(done=done, cached=cached)
    for folder in folders:
        shutil.rmtree(folder)
    artifacts, reached = _remove_artifacts(settings, done.recordings)
    proof = [
        _search_dataset(dataset, done.recordings, speaker),
        _search_cache(settings, done, speaker),
    ]
    return ForgetReport(
        done=done,
        cached=cached,
        artifacts=artifacts,
        proof=(*proof, reached),
    )


def outdated(dataset: Dataset, days: int, now: datetime | None = None) -> list[str]:
    """Return the ids of recordings of meetings more than `days` days ago.

    Of a meeting without a date the day of its annotation counts.
    """
    limit = ((now or datetime.now(UTC)) - timedelta(days=days)).date()
    columns = ["recording_id", "meeting_date", "annotated_at"]
    rows = dataset.arrow("recordings").to_table(columns).to_pylist()
    dated = [
        (row["meeting_date"] or row["annotated_at"].date(), row["recording_id"]) for row in rows
    ]
    return [recording_id for day, recording_id in sorted(dated) if day < limit]


def _cache_folders(settings: Settings, ids: Sequence[str]) -> list[Path]:
    return [settings.cache.expanduser().absolute() / recording_id for recording_id in ids]


def _search_dataset(dataset: Dataset, ids: Sequence[str], speaker: str | None) -> Searched:
    if speaker is not None:
        left = traces_of_speaker(dataset, speaker)
    else:
        left = [path for recording_id in ids for path in traces_of_recording(dataset, recording_id)]
    return Searched(place="dataset", searched=len(all_files(dataset)), left=tuple(left))


def _search_cache(settings: Settings, done: Forgotten, speaker: str | None) -> Searched:
    """Search the whole cache: for a recording's id, for a name as a value of its own."""
    folder = settings.cache.expanduser().absolute()
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []

    def is_trace(path: Path) -> bool:
        if any(recording_id in str(path) for recording_id in done.recordings):
            return True
        return speaker is not None and names_in(path.read_text("utf-8", "replace"), f'"{speaker}"')

    left = tuple(str(path.relative_to(folder)) for path in files if is_trace(path))
    return Searched(place="cache", searched=len(files), left=left)


@contextmanager
def _prefect_api(settings: Settings) -> Iterator[str | None]:
    """Yield the address of Prefect's API: the one that is set, else one on the local database."""
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME

    from flows.server import NoServerError, is_alive, temporary_prefect

    if url := PREFECT_API_URL.value():
        yield url if is_alive(url) else None
        return
    if settings.server == "none" or not (Path(PREFECT_HOME.value()) / _PREFECT_DATABASE).is_file():
        yield None
        return
    try:
        with temporary_prefect() as url:
            yield url
    except NoServerError:
        yield None


def _remove_artifacts(settings: Settings, ids: Sequence[str]) -> tuple[int | None, Searched]:
    """Remove the artifacts of recordings from Prefect and look again."""
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
    with _prefect_api(settings) as url:
        if url is None:
            note = "no Prefect server answers; its artifacts stay until it is there"
            return None, Searched(place="Prefect", searched=None, note=note)
        return _through_api(ids)


def _through_api(ids: Sequence[str]) -> tuple[int, Searched]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    with get_client(sync_client=True) as client:

        def found(recording_id: str) -> Callable[[], list[object]]:
            pattern = ArtifactFilterKey(like_=f"{artifact_key(recording_id)}-%")
            chosen = ArtifactFilter(key=pattern)
            return lambda: list(client.read_artifacts(artifact_filter=chosen))

        removed = 0
        left: list[str] = []
        for recording_id in ids:
            look = found(recording_id)
            while batch := look():
                for artifact in batch:
                    client.delete_artifact(artifact.id)  # type: ignore[attr-defined]
                removed += len(batch)
            left += [str(artifact) for artifact in look()]
    return removed, Searched(place="Prefect", searched=removed, left=tuple(left))
