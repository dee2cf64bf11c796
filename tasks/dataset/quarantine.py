"""Keep recordings that could not be annotated in quarantine, each with its cause."""

from collections.abc import Sequence

from schemas.dataset import QUARANTINE, Dataset, quarantine_path
from schemas.manifest import QuarantineEntry, read_stored
from tasks.dataset.store import remove, write_whole


def quarantine(dataset: Dataset, entry: QuarantineEntry) -> None:
    """Write why a recording could not be annotated; counts the tries, keeps all its addresses."""
    if content := dataset.read_bytes(quarantine_path(entry.recording_id)):
        before = read_stored(QuarantineEntry, content, quarantine_path(entry.recording_id))
        known = {s.uri: s for s in (*before.sources, *entry.sources)}
        sources = tuple(known[uri] for uri in sorted(known))
        entry = entry.model_copy(update={"tries": before.tries + 1, "sources": sources})
    _write(dataset, entry)


def all_quarantined(dataset: Dataset, ids: Sequence[str] | None = None) -> list[QuarantineEntry]:
    """Return everything that is in quarantine, or the entries with these ids."""
    if ids is None:
        names = list(dataset.list(QUARANTINE, ".json"))
    else:
        names = [quarantine_path(recording_id) for recording_id in ids]
    found = ((name, dataset.read_bytes(name)) for name in names)
    return [
        read_stored(QuarantineEntry, content, name)
        for name, content in found
        if content is not None
    ]


def release(dataset: Dataset, uri: str, held: Sequence[str] | None = None) -> None:
    """Take an object out of quarantine, under whatever content it was put there.

    `held` are the ids of the entries that name it, where they are known; else all are read.
    """
    for entry in all_quarantined(dataset, held):
        if uri not in {source.uri for source in entry.sources}:
            continue
        rest = tuple(source for source in entry.sources if source.uri != uri)
        if rest:
            _write(dataset, entry.model_copy(update={"sources": rest}))
        else:
            remove(dataset, quarantine_path(entry.recording_id))


def _write(dataset: Dataset, entry: QuarantineEntry) -> None:
    content = entry.model_dump_json(indent=2).encode()
    write_whole(dataset, quarantine_path(entry.recording_id), content)
