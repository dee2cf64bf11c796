"""Write rows and pages anew where only their form changed; nothing is judged again."""

import functools
from collections.abc import Iterable
from typing import NamedTuple

from flows.failures import StageFailedError
from flows.steps import guarded, log
from schemas.dataset import Dataset
from schemas.manifest import Marks
from tasks.dataset.index import read_index
from tasks.dataset.leases import Leases
from tasks.dataset.manifests import read_manifest
from tasks.dataset.refresh import current_versions, refresh


class Refreshed(NamedTuple):
    """The recordings that were written anew, and those that need `annotate`, with the reason."""

    done: tuple[str, ...]
    left: dict[str, str]


def refresh_dataset(dataset: Dataset, *, everything: bool = False) -> Refreshed:
    """Write anew what is not in today's form, or `everything`."""
    now = current_versions()
    wanted = [
        known.recording_id
        for known in guarded("index", lambda: read_index(dataset)).published
        if everything or known.versions != now
    ]
    return refresh_recordings(dataset, wanted)


def refresh_recordings(
    dataset: Dataset, recording_ids: Iterable[str], marks: Marks | None = None
) -> Refreshed:
    """Write recordings anew, each under its lease; one that cannot be is left as it is."""
    done: list[str] = []
    left: dict[str, str] = {}
    for recording_id in recording_ids:
        try:
            if guarded("refresh", functools.partial(_one, dataset, recording_id, marks)):
                done.append(recording_id)
            else:
                left[recording_id] = "It is being annotated by another run."
        except StageFailedError as failure:
            left[recording_id] = failure.sentence
            log("%s is not written anew: %s", recording_id, failure.sentence)
    return Refreshed(tuple(done), left)


def _one(dataset: Dataset, recording_id: str, marks: Marks | None) -> bool:
    with Leases(dataset) as leases:
        if not leases.take(recording_id):
            return False
        manifest = read_manifest(dataset, recording_id)
        if manifest is not None:
            leases.note(recording_id, manifest.files)
            refresh(dataset, manifest, marks)
        return True
