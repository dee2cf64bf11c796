"""Plan: which recordings of a source need work, without reading any of them."""

from collections import defaultdict

from schemas.dataset import Dataset
from schemas.manifest import QuarantineEntry
from schemas.media import SourceItem
from schemas.values import Value
from tasks.ingest import find_recordings
from tasks.publish import all_manifests, all_quarantined


class Plan(Value):
    """What a run over a source has to do.

    `held` maps an address to the ids under which it is in quarantine.
    """

    pending: tuple[SourceItem, ...]
    unchanged: tuple[SourceItem, ...]
    quarantined: tuple[QuarantineEntry, ...]
    held: dict[str, tuple[str, ...]] = {}

    @property
    def sentence(self) -> str:
        """What there is to do, for the user."""
        parts = [f"{len(self.pending)} to annotate", f"{len(self.unchanged)} unchanged"]
        if self.quarantined:
            parts.append(f"{len(self.quarantined)} in quarantine")
        return ", ".join(parts)


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
    settings and models. One in quarantine is left there unless `requeue`, unless it, the settings
    or the models changed, or unless it was time, memory or disk that ran out.
    """
    published = {
        (source.uri, source.version)
        for manifest in all_manifests(dataset)
        if manifest.fingerprint == fingerprint
        for source in manifest.sources
    }
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
    for item in find_recordings(source, dataset.location):
        key = (item.uri, item.version)
        if key in published:
            unchanged.append(item)
        elif key in held and not requeue:
            quarantined.append(held[key])
        else:
            pending.append(item)
    return Plan(
        pending=tuple(pending[:limit]),
        unchanged=tuple(unchanged),
        quarantined=tuple(quarantined),
        held={uri: tuple(found) for uri, found in ids.items()},
    )
