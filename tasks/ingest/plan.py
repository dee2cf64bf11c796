"""Plan which recordings of a source need work, without reading any of them."""

import gc
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

from schemas.dataset import Dataset
from schemas.manifest import Marks, QuarantineEntry
from schemas.media import SourceItem
from schemas.values import Seconds, Value
from tasks.dataset.index import read_index
from tasks.dataset.refresh import is_rewritable
from tasks.ingest.find import Found, find_all

_MOST_NAMES = 5


class Plan(Value):
    """What a run over a source has to do.

    `passed_over` is the sentence about files that are no recordings; `earlier` are the recordings
    that a pending address held before, by address; `held` maps an address to the ids under which
    it is in quarantine; `leftovers` are recordings of which old files are still to be removed,
    `refreshable` those whose rows and page are written anew without judging again. `unchanged` and
    `uploading` are addresses.
    """

    pending: tuple[SourceItem, ...]
    unchanged: tuple[str, ...]
    quarantined: tuple[QuarantineEntry, ...]
    uploading: tuple[str, ...] = ()
    passed_over: str = ""
    earlier: dict[str, tuple[str, ...]] = {}
    held: dict[str, tuple[str, ...]] = {}
    leftovers: tuple[str, ...] = ()
    refreshable: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What there is to do, for the user."""
        parts = [f"{len(self.pending)} to annotate", f"{len(self.unchanged)} unchanged"]
        if self.quarantined:
            parts.append(f"{len(self.quarantined)} in quarantine")
        if self.uploading:
            parts.append(f"{len(self.uploading)} still being uploaded")
        if self.refreshable:
            parts.append(f"{len(self.refreshable)} to write anew")
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
    marks: Marks,
    *,
    limit: int | None = None,
    requeue: bool = False,
    settle_seconds: Seconds = 0.0,
) -> Plan:
    """Compare a source with what is published.

    An object is unchanged when a manifest lists it in this version and was made with the same
    settings and models, and no other manifest lists its address. One in quarantine is left there
    unless `requeue`, unless it, the settings or the models changed, or unless it was time, memory
    or disk that ran out. One that was written within `settle_seconds` is left for the next run.
    Lists the source once and the dataset once, and reads what changed since the last plan.
    """
    with _without_pauses(), ThreadPoolExecutor(1) as meanwhile:  # two storages answer at once
        finding = meanwhile.submit(find_all, source, dataset.location)
        index = read_index(dataset)
        found = finding.result()
    published: set[tuple[str, str]] = set()
    refreshable: list[str] = []
    holders: dict[str, tuple[str, ...]] = {}
    for known in index.published:
        fits = marks.fit(known.fingerprint, known.judged, known.versions)
        if not fits and known.judged == marks.judged and is_rewritable(known.versions):
            fits = True
            refreshable.append(known.recording_id)
        if fits:
            published.update(known.sources)
        for address in {uri for uri, _ in known.sources}:
            holders[address] = (*holders.get(address, ()), known.recording_id)
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for entry in index.quarantined:
        for source_held in entry.sources:
            ids[source_held.uri].append(entry.recording_id)
    held = {
        (source.uri, source.version): entry
        for entry in index.quarantined
        if entry.fingerprint == marks.fingerprint and entry.cause != "resource"
        for source in entry.sources
    }
    pending: list[SourceItem] = []
    unchanged: list[str] = []
    quarantined: list[QuarantineEntry] = []
    uploading: list[str] = []
    now = datetime.now(UTC)
    for item in found.recordings:
        key = (item.uri, item.version)
        if key in published and len(holders[item.uri]) == 1:
            unchanged.append(item.uri)
        elif key in held and not requeue:
            quarantined.append(held[key])
        elif not found.is_single and _is_fresh(item, now, settle_seconds):
            uploading.append(item.uri)
        else:
            pending.append(item)
    pending = pending[:limit]
    return Plan(
        pending=tuple(pending),
        unchanged=tuple(unchanged),
        quarantined=tuple(quarantined),
        uploading=tuple(uploading),
        passed_over=_passed_over(found),
        earlier={i.uri: holders[i.uri] for i in pending if i.uri in holders},
        held={uri: tuple(known) for uri, known in ids.items()},
        leftovers=tuple(known.recording_id for known in index.published if known.has_obsolete),
        refreshable=tuple(refreshable),
    )


@contextmanager
def _without_pauses() -> Iterator[None]:
    """Do not look for circles of garbage among very many values that hold none.

    Of a bucket of a hundred thousand recordings that would be a third of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _is_fresh(item: SourceItem, now: datetime, settle_seconds: Seconds) -> bool:
    """Whether an item was written just now; a date far ahead is that of a wrong clock."""
    if not settle_seconds or item.touched is None:
        return False
    return abs((now - item.touched).total_seconds()) < settle_seconds
