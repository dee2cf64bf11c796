"""Plan which recordings of a source need work, without reading any of them."""

from collections import defaultdict

from schemas.dataset import Dataset
from schemas.manifest import QuarantineEntry
from schemas.media import SourceItem
from schemas.values import Value
from tasks.dataset.manifests import all_manifests
from tasks.dataset.quarantine import all_quarantined
from tasks.ingest.find import Found, find_all

_MOST_NAMES = 5


class Plan(Value):
    """What a run over a source has to do.

    `passed_over` is the sentence about files that are no recordings; `earlier` are the recordings
    that a pending address held before, by address; `held` maps an address to the ids under which
    it is in quarantine; `leftovers` are recordings of which old files are still to be removed.
    """

    pending: tuple[SourceItem, ...]
    unchanged: tuple[SourceItem, ...]
    quarantined: tuple[QuarantineEntry, ...]
    passed_over: str = ""
    earlier: dict[str, tuple[str, ...]] = {}
    held: dict[str, tuple[str, ...]] = {}
    leftovers: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What there is to do, for the user."""
        parts = [f"{len(self.pending)} to annotate", f"{len(self.unchanged)} unchanged"]
        if self.quarantined:
            parts.append(f"{len(self.quarantined)} in quarantine")
        return ", ".join(parts)


def _passed_over(found: Found) -> str:
    """Return a sentence that counts the files that are left alone, with a few names."""
    kinds = (
        (found.others, "is not a recording", "are not recordings"),
        (found.strays, "lies beside no recording", "lie beside no recording"),
    )
    return "; ".join(
        f"{len(names)} {f'file {one}' if len(names) == 1 else f'files {many}'}: "
        + ", ".join((*names[:_MOST_NAMES], *(["…"] if len(names) > _MOST_NAMES else [])))
        for names, one, many in kinds
        if names
    )


def plan(
    source: str,
    dataset: Dataset,
    fingerprint: str,
    *,
    limit: int | None = None,
    requeue: bool = False,
) -> Plan:
    """Compare a source with what is published.

    An object is unchanged when a manifest lists it in this version and was made with the same
    settings and models, and no other manifest lists its address. One in quarantine is left there
    unless `requeue`, unless it, the settings or the models changed, or unless it was time, memory
    or disk that ran out.
    """
    manifests = all_manifests(dataset)
    published = {
        (source.uri, source.version)
        for manifest in manifests
        if manifest.fingerprint == fingerprint
        for source in manifest.sources
    }
    holders: defaultdict[str, list[str]] = defaultdict(list)
    for manifest in manifests:
        for address in {each.uri for each in manifest.sources}:
            holders[address].append(manifest.recording_id)
    entries = all_quarantined(dataset)
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for entry in entries:
        for source_held in entry.sources:
            ids[source_held.uri].append(entry.recording_id)
    held = {
        (source.uri, source.version): entry
        for entry in entries
        if entry.fingerprint == fingerprint and entry.cause != "resource"
        for source in entry.sources
    }
    pending: list[SourceItem] = []
    unchanged: list[SourceItem] = []
    quarantined: list[QuarantineEntry] = []
    found = find_all(source, dataset.location)
    for item in found.recordings:
        key = (item.uri, item.version)
        if key in published and len(holders[item.uri]) == 1:
            unchanged.append(item)
        elif key in held and not requeue:
            quarantined.append(held[key])
        else:
            pending.append(item)
    return Plan(
        pending=tuple(pending[:limit]),
        unchanged=tuple(unchanged),
        quarantined=tuple(quarantined),
        passed_over=_passed_over(found),
        earlier={i.uri: tuple(holders[i.uri]) for i in pending[:limit] if i.uri in holders},
        held={uri: tuple(found) for uri, found in ids.items()},
        leftovers=tuple(manifest.recording_id for manifest in manifests if manifest.obsolete),
    )
