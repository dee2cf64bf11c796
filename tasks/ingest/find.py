"""Find the recordings of a file, folder or bucket, and the files that belong to each."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.media import SourceItem
from tasks.ingest.file_names import (
    CAPTION_SUFFIXES,
    SIBLING_SUFFIXES,
    Object,
    exact_first,
    is_exact,
    is_undecided,
    place_of,
    without_endings,
)
from tasks.ingest.file_types import MEDIA_SUFFIXES, only_recordings
from tasks.ingest.listing import list_source, shown, version_of


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
        return Found((beside.item(listing.single),), is_single=True)
    recordings = only_recordings(listing.objects, SIBLING_SUFFIXES)
    items = sorted((beside.item(each) for each in recordings), key=lambda item: item.uri)
    places, taken = {place_of(o) for o in recordings}, {o.uri for o in recordings}
    rest = [o for o in listing.objects if o.uri not in taken]
    siblings = [o for o in rest if o.suffix in SIBLING_SUFFIXES]
    return Found(
        tuple(items),
        tuple(shown(o.uri) for o in rest if o.suffix not in SIBLING_SUFFIXES),
        tuple(shown(o.uri) for o in siblings if places.isdisjoint(_places(o))),
    )


def _places(sibling: Object) -> Iterator[tuple[str, str]]:
    """Where the recording of a sibling may lie: under its stem, or its stem without a language."""
    folder, stem = place_of(sibling)
    yield folder, stem
    if sibling.suffix in CAPTION_SUFFIXES:
        for shorter in without_endings(stem):
            yield folder, shorter


def _preference(captions: Object) -> tuple[str, int]:
    return place_of(captions)[1], CAPTION_SUFFIXES.index(captions.suffix)


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
                self._siblings[place_of(each), each.suffix].append(each)
        places = {place_of(o) for o in objects if o.suffix in MEDIA_SUFFIXES}
        self._captions: defaultdict[tuple[str, str], list[Object]] = defaultdict(list)
        captions = [o for o in objects if o.suffix in CAPTION_SUFFIXES]
        for candidate in sorted(captions, key=_preference):
            folder, stem = place_of(candidate)
            self._captions[folder, stem].append(candidate)
            if (folder, stem) not in places:
                for shorter in without_endings(stem):
                    self._captions[folder, shorter].append(candidate)

    def item(self, recording: Object) -> SourceItem:
        place = place_of(recording)
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
        named_alike = self._siblings.get((place_of(recording), suffix), [])
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
        preferred = place_of(candidates[0]), candidates[0].suffix
        same = [o for o in candidates if (place_of(o), o.suffix) == preferred]
        return exact_first(recording, same)


def _undecided(recording: Object, siblings: list[Object]) -> str:
    names = " and ".join(f"'{shown(o.uri)}'" for o in siblings[:2])
    return (
        f"{names} both look as if they belonged to {shown(recording.uri)}; "
        "remove one, or give the other the recording's exact name."
    )
