"""Read and write manifests: which recordings are published, and under which addresses."""

from collections.abc import Iterable

from schemas.dataset import MANIFESTS, Dataset, is_of_table, manifest_path
from schemas.manifest import Manifest, Source, read_stored
from tasks.dataset.rows import parquet_bytes
from tasks.dataset.store import digest, remove, write_together, write_whole


def write_manifest(dataset: Dataset, manifest: Manifest) -> None:
    """Write the manifest; it is what makes a recording published."""
    write_whole(dataset, manifest_path(manifest.recording_id), manifest_bytes(manifest))


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return a manifest as it is stored."""
    return manifest.model_dump_json(indent=2).encode()


def read_manifest(dataset: Dataset, recording_id: str) -> Manifest | None:
    """Return a recording's manifest, or None where it is not published."""
    path = manifest_path(recording_id)
    content = dataset.read_bytes(path)
    return read_stored(Manifest, content, path) if content is not None else None


def all_manifests(dataset: Dataset) -> list[Manifest]:
    """Return the manifests of all published recordings."""
    found = ((name, dataset.read_bytes(name)) for name in dataset.list(MANIFESTS, ".json"))
    return [read_stored(Manifest, content, name) for name, content in found if content is not None]


def clear_obsolete(dataset: Dataset, manifest: Manifest) -> Manifest:
    """Remove the files that an older version of a recording had; return the manifest without them.

    The manifest names them until they are gone: if the run is killed meanwhile, the next one
    removes the rest, and readers know which files count.
    """
    if not manifest.obsolete:
        return manifest
    for name in manifest.obsolete:
        remove(dataset, name)
    cleared = manifest.model_copy(update={"obsolete": ()})
    write_manifest(dataset, cleared)
    return cleared


def merge_sources(before: Manifest | None, source: Source) -> tuple[Source, ...]:
    """Return all objects with this content, the newest version of each, in order of their names."""
    known = {s.uri: s for s in (before.sources if before else ())}
    known[source.uri] = source
    return tuple(known[uri] for uri in sorted(known))


def add_source(dataset: Dataset, manifest: Manifest, source: Source) -> Manifest:
    """Record one more address of content that is annotated already, unless it is there."""
    if source in manifest.sources:
        return manifest
    return _with_sources(dataset, manifest, merge_sources(manifest, source))


def _with_sources(dataset: Dataset, manifest: Manifest, sources: tuple[Source, ...]) -> Manifest:
    import pyarrow.parquet as pq

    files = dict(manifest.files)
    name = next(name for name in files if is_of_table(name, "recordings"))
    with dataset.fs.open(dataset.path(name), "rb") as file:
        row = pq.read_table(file).to_pylist()[0]
    row["uris"] = [s.uri for s in sources]
    content = parquet_bytes("recordings", [row])
    files[name] = digest(content)
    updated = manifest.model_copy(update={"sources": sources, "files": files})
    contents = {name: content, manifest_path(manifest.recording_id): manifest_bytes(updated)}
    write_together(dataset, contents, replaced=tuple(contents))
    return updated


def supersede(dataset: Dataset, uri: str, earlier: Iterable[str], current: str) -> None:
    """Take an address from the recordings that it held before; `current` is what it holds now.

    A recording without any address is removed, its manifest last: if this is interrupted, two
    manifests list the address, and the next run does it again.
    """
    for recording_id in earlier:
        manifest = read_manifest(dataset, recording_id)
        if manifest is None or recording_id == current:
            continue
        rest = tuple(source for source in manifest.sources if source.uri != uri)
        if rest:
            _with_sources(dataset, manifest, rest)
            continue
        for name in (*manifest.files, *manifest.obsolete, manifest_path(recording_id)):
            remove(dataset, name)
