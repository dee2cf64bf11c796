"""Forget a recording in all files of a dataset: its own, and everything that names it.

What is done is safe to do again. Of people: `tasks/dataset/forget_person.py`.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

from schemas.dataset import (
    CORRECTED,
    FORGOTTEN,
    MANIFESTS,
    QUARANTINE,
    Dataset,
    manifest_path,
)
from schemas.errors import SettingsError
from schemas.names import name_key
from schemas.values import Value
from tasks.dataset.manifests import all_manifests
from tasks.dataset.quarantine import all_quarantined
from tasks.dataset.store import remove
from tasks.dataset.tombstones import allow_again, bury
from tasks.dataset.traces import (
    all_files,
    files_with,
    is_of_layout,
    whole_text,
)

_LEAST_SHARE_OF_TEXTS = 0.5
_LEAST_LETTERS = 8
"""A file that nobody listed, and that holds half of a recording's utterances of so many letters, is
an export of it."""


class Forgotten(Value):
    """What forgetting did, or would do: paths in the dataset, and rows that are not shown now.

    `addresses` and `mentions` count what stays: files of the source that carry the name, and other
    people's utterances that hold it.
    """

    recordings: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    rows: int = 0
    addresses: int = 0
    mentions: int = 0


def forget_recording(
    dataset: Dataset, wanted: str, *, dry_run: bool = False, again: bool = False
) -> Forgotten:
    """Remove a recording from every file; it does not come back unless `again`.

    `wanted` is its id, or 8 or more of the id's first digits. Raises `SettingsError` where nothing
    has it.
    """
    recording_id = _known_id(dataset, wanted)
    exports = exports_of(dataset, [recording_id])
    found = tuple(dict.fromkeys((*traces_of_recording(dataset, recording_id), *exports)))
    manifest = manifest_path(recording_id)
    if not dry_run:
        if again:
            allow_again(dataset, recording_id)
        else:
            bury(dataset, recording_id)
        for path in sorted(found, key=lambda path: path != manifest):  # unpublished first
            remove(dataset, path)
    return Forgotten(recordings=(recording_id,), removed=tuple(sorted(found)))


def traces_of_recording(dataset: Dataset, recording_id: str) -> list[str]:
    """Return every file that names a recording, or lies in quarantine for its address."""
    addresses = {
        source.uri
        for manifest in all_manifests(dataset)
        if manifest.recording_id == recording_id
        for source in manifest.sources
    }
    held = {
        f"{QUARANTINE}/{entry.recording_id}.json"
        for entry in all_quarantined(dataset)
        if addresses & {source.uri for source in entry.sources}
    }
    return sorted({*files_with(dataset, lambda text: recording_id in text), *held})


def _known_id(dataset: Dataset, wanted: str) -> str:
    ids = {m.recording_id for m in all_manifests(dataset)}
    ids |= {entry.recording_id for entry in all_quarantined(dataset)}
    ids |= {PurePosixPath(name).stem for name in dataset.list(FORGOTTEN, ".json")}
    found = [i for i in ids if i == wanted or (len(wanted) >= 8 and i.startswith(wanted))]
    if len(found) == 1:
        return found[0]
    if len(wanted) == 16 and files_with(dataset, lambda text: wanted in text):
        return wanted  # what an interrupted run left
    raise SettingsError(
        f"There is no recording '{wanted}' in {dataset.location}; 'tonescribe show' prints the ids."
    )


def strays(dataset: Dataset) -> list[str]:
    """Return the files that are no part of the layout: exports, notes, an index."""
    known = {f for m in all_manifests(dataset) for f in (*m.files, *m.obsolete)}
    folders = (f"{MANIFESTS}/", f"{QUARANTINE}/", f"{CORRECTED}/")
    return [
        path
        for path in all_files(dataset)
        if path not in known and not path.startswith(folders) and not is_of_layout(path)
    ]


def exports_of(dataset: Dataset, ids: Sequence[str]) -> list[str]:
    """Return the files in the dataset that hold what is said in some recordings, in any format."""
    unlisted = strays(dataset)
    if not unlisted:
        return []
    said: dict[str, list[str]] = {recording_id: [] for recording_id in ids}
    for row in dataset.arrow("utterances").to_table(["recording_id", "text"]).to_pylist():
        text = row["text"] or ""
        if row["recording_id"] in said and len(text) >= _LEAST_LETTERS:
            said[row["recording_id"]].append(name_key(text))
    found = []
    for path in unlisted:
        content = name_key(whole_text(dataset, path))
        shares = [
            sum(text in content for text in texts) / len(texts) for texts in said.values() if texts
        ]
        is_named = any(recording_id in content for recording_id in ids)
        if is_named or max(shares, default=0.0) >= _LEAST_SHARE_OF_TEXTS:
            found.append(path)
    return found
