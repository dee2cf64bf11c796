"""Remember that a recording, or somebody in it, must not come back: digests alone."""

from schemas.consent import name_digest
from schemas.dataset import FORGOTTEN, Dataset, forgotten_path
from schemas.manifest import Tombstone, read_stored
from tasks.dataset.store import remove, write_whole


def read_tombstone(dataset: Dataset, recording_id: str) -> Tombstone | None:
    """Return what was forgotten of a recording, or None."""
    path = forgotten_path(recording_id)
    content = dataset.read_bytes(path)
    return read_stored(Tombstone, content, path) if content is not None else None


def is_forgotten(dataset: Dataset, recording_id: str) -> bool:
    """Whether a recording as a whole must not come back."""
    stone = read_tombstone(dataset, recording_id)
    return stone is not None and stone.whole


def refused_for_good(dataset: Dataset, recording_id: str) -> tuple[str, ...]:
    """Return digests of the names of people who were forgotten in a recording."""
    stone = read_tombstone(dataset, recording_id)
    return stone.refused if stone else ()


def bury(dataset: Dataset, recording_id: str, name: str | None = None) -> None:
    """Remember that a recording, or somebody in it by name, must not come back."""
    stone = read_tombstone(dataset, recording_id) or Tombstone(recording_id=recording_id)
    if name is None:
        stone = Tombstone(recording_id=recording_id, whole=True)
    else:
        refused = {*stone.refused, name_digest(recording_id, name)}
        stone = stone.model_copy(update={"refused": tuple(sorted(refused))})
    write_whole(dataset, forgotten_path(recording_id), stone.model_dump_json(indent=2).encode())


def allow_again(dataset: Dataset, recording_id: str) -> None:
    """Let a recording and everybody in it come back with the next run."""
    remove(dataset, forgotten_path(recording_id))


def count_forgotten(dataset: Dataset) -> int:
    """Count the recordings of which something must not come back."""
    return len(list(dataset.list(FORGOTTEN, ".json")))
