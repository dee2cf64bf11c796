"""Manifests of published recordings and entries of quarantined ones."""

from datetime import datetime

from schemas.consent import Restrictions
from schemas.values import Value


class Source(Value):
    """An object that was annotated: where it is, and its version when it was read.

    `restrictions` are what its own sidecar forbade: they hold after that sidecar is gone.
    """

    uri: str
    version: str
    restrictions: Restrictions = Restrictions()


class Manifest(Value):
    """Describes what was published; written last, so all it lists is there.

    `fingerprint` covers settings, stage versions and models; `inputs` the content and sidecars.
    `obsolete` are files of an older version that are still to be removed.
    """

    recording_id: str
    title: str
    sources: tuple[Source, ...]
    fingerprint: str
    inputs: str
    files: dict[str, str]
    obsolete: tuple[str, ...] = ()
    models: dict[str, str]
    purpose_note: str | None = None
    tonescribe_version: str
    annotated_at: datetime


class QuarantineEntry(Value):
    """A recording that could not be annotated, and why.

    `fingerprint` is that of the settings and models that failed: others may succeed.
    """

    recording_id: str
    sources: tuple[Source, ...]
    cause: str
    stage: str
    sentence: str
    quarantined_at: datetime
    fingerprint: str = ""
    tries: int = 1


class Tombstone(Value):
    """Remembers what must not come back, by digests alone: the `whole` recording, or people in it.

    `refused` are digests of names as in `Restrictions`.
    """

    recording_id: str
    whole: bool = False
    refused: tuple[str, ...] = ()


class RunFacts(Value):
    """How one recording's run went; `stage_seconds` are wall seconds."""

    stage_seconds: dict[str, float]
    peak_rss_mb: float
    wall_seconds: float
