"""Manifests of published recordings and entries of quarantined ones."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from pydantic import ValidationError

from schemas.consent import Restrictions
from schemas.errors import SettingsError
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

    `fingerprint` covers all that the files depend on but the recording; `judged` the same without
    how results are written down, whose `versions` stand apart: where only these differ, rows and
    page are written anew without judging again. `inputs` covers the content and sidecars.
    `obsolete` are files of an older version that are still to be removed. `notes` are the page's
    sentences about the recording (None: not known), `degraded` what was made smaller for want of
    memory, by stage.
    """

    recording_id: str
    title: str
    sources: tuple[Source, ...]
    fingerprint: str
    judged: str = ""
    versions: dict[str, str] = {}
    inputs: str
    files: dict[str, str]
    obsolete: tuple[str, ...] = ()
    models: dict[str, str]
    notes: tuple[str, ...] | None = None
    degraded: tuple[str, ...] = ()
    purpose_note: str | None = None
    tonescribe_version: str
    annotated_at: datetime


class Marks(Value):
    """What published files are made with now; manifests of files that are current have the same.

    The fields are those of `Manifest`.
    """

    fingerprint: str
    judged: str = ""
    versions: dict[str, str] = {}

    def fit(self, fingerprint: str, judged: str, versions: Mapping[str, str]) -> bool:
        """Whether files with these marks need no work."""
        is_same = bool(judged) and (judged, versions) == (self.judged, self.versions)
        return is_same or fingerprint == self.fingerprint


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


Stored = TypeVar("Stored", Manifest, QuarantineEntry, Tombstone)


def read_stored(kind: type[Stored], content: bytes, path: str) -> Stored:
    """Parse what a dataset keeps as JSON.

    Raises `SettingsError` where it is damaged: a manifest remembers who refused, so that one that
    cannot be read is never taken for one that is not there.
    """
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise SettingsError(
            f"The file {path} of the dataset is damaged; restore it, or remove it and state again "
            "in the sidecar who refused."
        ) from error
