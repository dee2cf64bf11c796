"""The index of a dataset: what planning needs of all manifests and of the quarantine, in one file.

It is never the truth. Each line carries the state (ETag, or size, time and number) of the file
that it was read from; what changed since is read again, and an index that is missing, damaged or
of another version is made anew. Two runs that write it at once: the last one's stays.
"""

import gzip
import io
import json
import logging
import os
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import ValidationError

from schemas.dataset import MANIFESTS, QUARANTINE, Dataset
from schemas.errors import SettingsError, TonescribeError
from schemas.manifest import Manifest, QuarantineEntry
from tasks.dataset.store import remove, storing, write_whole
from tasks.ingest.listing import remote_states
from tasks.ingest.storage import filesystem

INDEX = "index/planning.jsonl.gz"

_FORMAT = ["tonescribe planning index", 1]
_AT_ONCE = 256


class Known(NamedTuple):
    """What planning needs of a published recording; `sources` are addresses and their versions."""

    recording_id: str
    sources: tuple[tuple[str, str], ...]
    fingerprint: str
    judged: str
    versions: dict[str, str]
    has_obsolete: bool

    @classmethod
    def of(cls, manifest: Manifest) -> "Known":
        """Take it from a manifest."""
        return cls(
            manifest.recording_id,
            tuple((source.uri, source.version) for source in manifest.sources),
            sys.intern(manifest.fingerprint),
            sys.intern(manifest.judged),
            # a page without notes cannot be made anew
            manifest.versions if manifest.notes is not None else {},
            bool(manifest.obsolete),
        )


@dataclass(frozen=True)
class Index:
    """All published recordings and all entries of the quarantine."""

    published: tuple[Known, ...]
    quarantined: tuple[QuarantineEntry, ...]


Line = tuple[str, Known | QuarantineEntry]
"""The state of a file, and what was read from it."""


def read_index(dataset: Dataset) -> Index:
    """Return what the dataset holds: one listing, the index, and the files that changed since.

    The index is written where it was not current. Raises `SettingsError` where a manifest or an
    entry of the quarantine is no such thing.
    """
    states = dict(storing(dataset, lambda: [*_states(dataset)]))
    earlier = storing(dataset, lambda: _load(dataset))
    lines = {name: line for name, line in earlier.items() if states.get(name) == line[0]}
    changed = sorted(states.keys() - lines.keys())
    for name, content in storing(dataset, lambda: [*_contents(dataset, changed)]):
        lines[name] = (states[name], _read(name, content))
    if lines.keys() != earlier.keys() or changed:
        _store(dataset, lines)
    ordered = [lines[name][1] for name in sorted(lines)]
    return Index(
        tuple(each for each in ordered if isinstance(each, Known)),
        tuple(each for each in ordered if isinstance(each, QuarantineEntry)),
    )


def remove_index(dataset: Dataset) -> None:
    """Remove the index; the next plan makes it anew."""
    storing(dataset, lambda: remove(dataset, INDEX))


def _states(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield the files of manifests and quarantine with what changes when they are written."""
    for folder in (MANIFESTS, QUARANTINE):
        listed = _on_disk(dataset, folder) if dataset.is_local else _in_store(dataset, folder)
        for name, state in listed:
            if name.endswith(".json") and not name.startswith("."):
                yield f"{folder}/{name}", state


def _on_disk(dataset: Dataset, folder: str) -> Iterator[tuple[str, str]]:
    try:
        with os.scandir(dataset.path(folder)) as entries:
            for entry in entries:
                facts = entry.stat()
                yield entry.name, f"{facts.st_size}-{facts.st_mtime_ns}-{facts.st_ino}"
    except FileNotFoundError:
        return


def _in_store(dataset: Dataset, folder: str) -> Iterator[tuple[str, str]]:
    # not the dataset's own connection: this one reads listings quicker
    files, _ = filesystem(dataset.location)
    yield from remote_states(files, dataset.path(folder))


def _contents(dataset: Dataset, names: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the content of files, many at once; one that is gone since is left out."""
    for first in range(0, len(names), _AT_ONCE):
        some = names[first : first + _AT_ONCE]
        if dataset.is_local:
            found = {name: dataset.read_bytes(name) for name in some}
        else:
            paths = [dataset.path(name) for name in some]
            # unlike `cat` it does not ask first whether each is there
            got = dataset.fs.cat_ranges(paths, None, None, on_error="return")
            found = dict(zip(some, got, strict=True))
        for name, content in found.items():
            if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                raise content
            if isinstance(content, bytes):
                yield name, content


def _read(name: str, content: bytes) -> Known | QuarantineEntry:
    try:
        if name.startswith(f"{QUARANTINE}/"):
            return QuarantineEntry.model_validate_json(content)
        return Known.of(Manifest.model_validate_json(content))
    except ValidationError as error:
        raise SettingsError(
            f"The file {name} of the dataset cannot be read; remove it, and its recording is "
            "annotated again."
        ) from error


def _load(dataset: Dataset) -> dict[str, Line]:
    """Return the lines of the index by name; none where it is missing, damaged or of old."""
    content = dataset.read_bytes(INDEX)
    if content is None:
        return {}
    try:
        with gzip.open(io.BytesIO(content), "rt", encoding="utf-8") as file:
            if json.loads(next(file)) != _FORMAT:
                return {}
            return dict(_line(json.loads(text)) for text in file)
    except (OSError, EOFError, ValueError, TypeError, StopIteration, zlib.error):
        logging.getLogger("tonescribe").info("The index is damaged; it is made anew.")
        return {}


def _line(parts: list[object]) -> tuple[str, Line]:
    name, state, *facts = parts
    assert isinstance(name, str)
    if name.startswith(f"{QUARANTINE}/"):
        return name, (str(state), QuarantineEntry.model_validate(facts[0]))
    fingerprint, judged, versions, has_obsolete, *flat = facts
    if not isinstance(versions, dict) or len(flat) % 2:
        raise ValueError("no line of an index")
    texts = [str(each) for each in flat]
    sources = tuple(zip(texts[::2], texts[1::2], strict=True))
    known = Known(
        name.rpartition("/")[2].removesuffix(".json"),
        sources,
        sys.intern(str(fingerprint)),
        sys.intern(str(judged)),
        _shared(versions),
        bool(has_obsolete),
    )
    return name, (str(state), known)


_versions: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}


def _shared(versions: Mapping[str, str]) -> dict[str, str]:
    """Return one object for equal versions: there are few, in very many lines."""
    return _versions.setdefault(tuple(versions.items()), dict(versions))


def _store(dataset: Dataset, lines: Mapping[str, Line]) -> None:
    """Write the index; one that cannot be written is missing, which costs time alone."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=3, mtime=0) as file:
        file.write(json.dumps(_FORMAT).encode() + b"\n")
        for name in sorted(lines):
            state, found = lines[name]
            file.write(json.dumps([name, state, *_facts(found)]).encode() + b"\n")
    try:
        write_whole(dataset, INDEX, buffer.getvalue())
    except TonescribeError as error:
        logging.getLogger("tonescribe").info("The index is not written: %s", error.sentence)


def _facts(found: Known | QuarantineEntry) -> list[object]:
    if isinstance(found, QuarantineEntry):
        return [found.model_dump(mode="json")]
    flat = [text for source in found.sources for text in source]
    return [found.fingerprint, found.judged, found.versions, found.has_obsolete, *flat]
