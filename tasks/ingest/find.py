"""Find the recordings of a file, folder or bucket, and the files that belong to each."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas.media import SourceItem
from tasks.ingest.file_names import (
    CAPTION_SUFFIXES,
    SIBLING_SUFFIXES,
    Object,
    exact_first,
    is_exact,
    is_undecided,
    without_endings,
)
from tasks.ingest.file_types import MEDIA_SUFFIXES, only_recordings
from tasks.ingest.listing import list_source, version_of
from tasks.ingest.participants import Group, groups_of
from tasks.ingest.storage import shown


@dataclass(frozen=True)
class Found:
    """The content of a source: recordings, other files, and siblings without a recording.

    `is_single` says that the source names one recording.
    """

    recordings: tuple[SourceItem, ...]
    others: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    is_single: bool = False


def find_recordings(source: str, dataset: str | None = None) -> list[SourceItem]:
    """List the recordings of a file, a folder (recursively) or an fsspec URL, sorted by address.

    Hidden files and the folder `dataset` are left out. A file that is named itself is taken
    whatever its suffix is. Raises `SettingsError` where there is no such source.
    """
    return list(find_all(source, dataset).recordings)


def find_all(source: str, dataset: str | None = None) -> Found:
    """List the recordings of a source and the files that are none."""
    listing = list_source(source, dataset)
    beside = _Beside(listing.objects)
    if listing.single:
        near = [o for o in listing.objects if o.suffix in MEDIA_SUFFIXES]
        groups = groups_of(near, [o for o in listing.objects if o not in near])
        of_it = [g for g in groups if listing.single in g.whole]
        item = _with_parts(beside.item(listing.single), listing.single, of_it)
        return Found((item,), is_single=True)
    recordings = only_recordings(listing.objects, SIBLING_SUFFIXES)
    return _found(listing.objects, recordings, beside)


def _found(objects: Sequence[Object], recordings: list[Object], beside: "_Beside") -> Found:
    taken = {o.uri for o in recordings}
    groups = groups_of(recordings, [o for o in objects if o.uri not in taken])
    parts = {part.file.uri for group in groups for part in group.parts}
    leading = {_leading(group).uri: group for group in groups if not group.whole}
    chosen = [o for o in recordings if o.uri not in parts or o.uri in leading]
    items = sorted(
        (_with_parts(beside.item(o), o, _groups_with(o, groups)) for o in chosen),
        key=lambda item: item.uri,
    )
    places = {o.place for o in recordings}
    rest = [o for o in objects if o.uri not in taken]
    siblings = [o for o in rest if o.suffix in SIBLING_SUFFIXES]
    return Found(
        tuple(items),
        tuple(shown(o.uri) for o in rest if o.suffix not in SIBLING_SUFFIXES),
        tuple(shown(o.uri) for o in siblings if places.isdisjoint(_places(o))),
    )


def _leading(group: Group) -> Object:
    """Return the part that stands for a meeting without a recording of all: the largest."""
    return max((part.file for part in group.parts), key=lambda file: (file.size, file.uri))


def _groups_with(recording: Object, groups: Sequence[Group]) -> list[Group]:
    return [g for g in groups if recording in (g.whole or (_leading(g),))]


def _with_parts(item: SourceItem, recording: Object, groups: Sequence[Group]) -> SourceItem:
    """Add the files of participants to a recording; they are a part of its version."""
    if not groups:
        return item
    parts = groups[0].parts
    versions = version_of([recording, *(part.file for part in parts)])
    return item.model_copy(
        update={
            "version": f"{item.version}-{versions}",
            "tracks": tuple((part.name, part.file.uri) for part in parts),
            "is_parts": not groups[0].whole,
        }
    )


def _places(sibling: Object) -> Iterator[tuple[str, str]]:
    """Where the recording of a sibling may lie: under its stem, or its stem without a language."""
    folder, stem = sibling.place
    yield folder, stem
    if sibling.suffix in CAPTION_SUFFIXES:
        for shorter in without_endings(stem):
            yield folder, shorter


def _preference(captions: Object) -> tuple[str, int]:
    return captions.place[1], CAPTION_SUFFIXES.index(captions.suffix)


class _Beside:
    """Captions, turns and sidecars beside recordings, by folder and stem.

    Names that look alike belong together; a sibling that has another recording's exact name is
    that one's alone.
    """

    def __init__(self, objects: tuple[Object, ...]) -> None:
        self._owned = {(o.folder, o.stem) for o in objects if o.suffix in MEDIA_SUFFIXES}
        self._siblings: defaultdict[tuple[tuple[str, str], str], list[Object]] = defaultdict(list)
        for each in objects:
            if each.suffix in SIBLING_SUFFIXES:
                self._siblings[each.place, each.suffix].append(each)
        places = {o.place for o in objects if o.suffix in MEDIA_SUFFIXES}
        self._captions: defaultdict[tuple[str, str], list[Object]] = defaultdict(list)
        captions = [o for o in objects if o.suffix in CAPTION_SUFFIXES]
        for candidate in sorted(captions, key=_preference):
            folder, stem = candidate.place
            self._captions[folder, stem].append(candidate)
            if (folder, stem) not in places:
                for shorter in without_endings(stem):
                    self._captions[folder, shorter].append(candidate)

    def item(self, recording: Object) -> SourceItem:
        place = recording.place
        candidates = self._free(recording, self._captions.get(place, []))
        captions = self._alike(recording, candidates)
        turns, sidecars = self._own(recording, ".rttm"), self._own(recording, ".toml")
        undecided = next(
            (each for each in (captions, turns, sidecars) if is_undecided(recording, each)), None
        )
        others = [o for o in candidates if o not in captions]
        siblings = [*captions[:1], *others, *turns[:1], *sidecars, *(undecided or ())]
        return SourceItem(
            uri=recording.uri,
            size=recording.size,
            version=version_of([recording, *dict.fromkeys(siblings)]),
            modified=recording.modified,
            touched=max((o.modified for o in (recording, *siblings) if o.modified), default=None),
            captions_uri=captions[0].uri if captions else None,
            other_captions_uris=tuple(o.uri for o in others),
            turns_uri=turns[0].uri if turns else None,
            sidecar_uri=sidecars[0].uri if sidecars else None,
            other_sidecar_uris=tuple(o.uri for o in sidecars[1:]),
            undecided=_undecided(recording, undecided) if undecided else None,
        )

    def _own(self, recording: Object, suffix: str) -> list[Object]:
        """Return the siblings of one suffix, the exact name first."""
        named_alike = self._siblings.get((recording.place, suffix), [])
        return exact_first(recording, self._free(recording, named_alike))

    def _free(self, recording: Object, siblings: list[Object]) -> list[Object]:
        """Leave out what has another recording's exact name."""
        return [o for o in siblings if is_exact(recording, o) or not self._is_owned(o)]

    def _is_owned(self, sibling: Object) -> bool:
        stems = [sibling.stem]
        if sibling.suffix in CAPTION_SUFFIXES:
            stems += without_endings(sibling.stem)
        return any((sibling.folder, stem) in self._owned for stem in stems)

    def _alike(self, recording: Object, candidates: list[Object]) -> list[Object]:
        """Return the preferred captions and all that look the same, the exact name first."""
        if not candidates:
            return []
        preferred = candidates[0].place, candidates[0].suffix
        same = [o for o in candidates if (o.place, o.suffix) == preferred]
        return exact_first(recording, same)


def _undecided(recording: Object, siblings: list[Object]) -> str:
    names = " and ".join(f"'{shown(o.uri)}'" for o in siblings[:2])
    return (
        f"{names} both look as if they belonged to {shown(recording.uri)}; "
        "remove one, or give the other the recording's exact name."
    )
