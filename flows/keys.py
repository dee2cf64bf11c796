"""Cache keys of stages, and the fingerprint that shows whether published rows are current."""

import hashlib
import json
from typing import Any

from flows.stages import wanted_stages
from flows.work import Stage
from models.architectures.joint_fusion import parts_of
from models.registry import identify
from schemas.manifest import Marks
from schemas.media import Recording
from schemas.policy import Policy
from schemas.settings import Settings
from schemas.tables import SCHEMA_VERSION
from schemas.values import Json
from tasks.dataset import page, publish
from tasks.dataset.refresh import current_versions
from tasks.ingest import beside, fetch

REPORTED_SECTIONS = ("profile", "purpose", "purpose_note", "jurisdiction", "context")
"""Settings that no stage reads but that stand in the rows."""

UNKEYED = {
    "limits": (
        "stage_seconds_per_minute",
        "fetch_seconds_per_gigabyte",
        "max_streams",
        "max_pixels",
        "max_frames",
    ),
    "speakers": ("enrolled",),
}
"""Settings that change no result of a stage that reads their section: limits that end or refuse
work, and where the clips of enrolled voices lie (`Stage.files` digests what they hold)."""


def stage_keys(recording: Recording, settings: Settings, policy: Policy) -> dict[str, str]:
    """Return the cache key of every stage for one recording: `<recording_id>/<stage>-<digest>`."""
    keys: dict[str, str] = {}
    for stage in wanted_stages(settings):
        part = _own_part(stage, settings) | {
            "recording": recording.recording_id,
            "inputs": stage.inputs(recording),
            "after": [keys[name] for name in stage.after if name in keys],
            "text_only": policy.text_only if stage.biometric or stage.name == "fuse" else None,
        }
        keys[stage.name] = f"{recording.recording_id}/{stage.name}-{_digest(part)}"
    return keys


def fingerprint(settings: Settings) -> str:
    """Return the digest of everything but the recordings that published rows depend on."""
    parts: Json = {stage.name: _own_part(stage, settings) for stage in wanted_stages(settings)}
    parts["rows"] = settings.model_dump(mode="json", include=set(REPORTED_SECTIONS))
    # these are no stages of the table, but the dataset holds what they write
    parts["around"] = [SCHEMA_VERSION, *(m.STAGE_VERSION for m in (fetch, publish, page))]
    return _digest(parts)


def judged(settings: Settings) -> str:
    """Return the digest of what results depend on, without how they are written down."""
    parts: Json = {stage.name: _own_part(stage, settings) for stage in wanted_stages(settings)}
    parts["rows"] = settings.model_dump(mode="json", include=set(REPORTED_SECTIONS))
    parts["fetch"] = fetch.STAGE_VERSION
    return _digest(parts)


def marks(settings: Settings) -> Marks:
    """Return what files are made with under these settings."""
    return Marks(
        fingerprint=fingerprint(settings), judged=judged(settings), versions=current_versions()
    )


def inputs_digest(recording: Recording) -> str:
    """Return the digest of the captions, turns and sidecar beside a recording."""
    return _digest(beside.everything(recording))


def _own_part(stage: Stage, settings: Settings) -> Json:
    """Return everything but the recording that a stage's result depends on, as JSON."""
    chosen = settings.model_dump(mode="json", include=set(stage.sections))
    for section, names in UNKEYED.items():
        for name in names if section in chosen else ():
            del chosen[section][name]
    files = stage.files(settings)
    # for a joint network the branches keep more than scores
    represents = stage.name in parts_of(settings.weights)
    jobs = (*stage.engines, *(("fusion",) if represents else ()))
    return {
        **({} if files is None else {"files": files}),
        "stage": stage.name,
        "version": stage.version,
        "settings": chosen,
        "engines": [identify(job, settings.engine(job), settings.weights) for job in jobs],
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:24]
