"""Names that look alike belong together; nothing is passed over without a word."""

import unicodedata
from pathlib import Path

import fsspec
import pytest

from schemas.dataset import Dataset
from schemas.errors import InputError
from schemas.manifest import Marks
from schemas.media import SourceItem
from tasks.ingest.fetch import fetch, sidecar_of
from tasks.ingest.file_names import reading
from tasks.ingest.find import find_all, find_recordings
from tasks.ingest.plan import plan
from tests.material.meetings import make_meeting

REFUSAL = b'participants = [{ name = "Bo", consent = false }]'
NFC = unicodedata.normalize("NFC", "Caf\u00e9 Z\u00fcrich")
NFD = unicodedata.normalize("NFD", NFC)


def put(folder: Path, **files: bytes) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


def one(folder: Path, name: str) -> SourceItem:
    return next(i for i in find_recordings(str(folder)) if Path(i.uri).name == name)


@pytest.mark.parametrize(
    ("recording", "sidecar"),
    [
        (f"{NFC}.mp4", f"{NFD}.toml"),
        (f"{NFD}.mp4", f"{NFC}.toml"),
        ("Weekly.mp4", "weekly.toml"),
        ("weekly.MP4", "WEEKLY.TOML"),
        ("Weekly\u200b.mp4", "Weekly.toml"),
        ("Weekly.mp4", "\ufeffWeekly\u200e.toml"),
        ("10.30\u202fAM.mp4", "10.30 AM.toml"),
        ("Stra\u00dfe.mp4", "STRASSE.toml"),
    ],
)
def test_a_refusal_of_consent_is_found_however_its_name_is_written(
    recording: str, sidecar: str, tmp_path: Path
) -> None:
    put(tmp_path, **{recording: b"x" * 100, sidecar: REFUSAL})
    for source in (tmp_path, tmp_path / recording):
        (item,) = find_recordings(str(source))
        assert item.sidecar_uri == str(tmp_path / sidecar)
        (person,) = fetch(item, tmp_path / "scratch").sidecar.participants
        assert (person.name, person.consent) == ("Bo", False)
    assert sidecar_of(str(tmp_path / recording)) is not None


def test_captions_and_turns_are_found_likewise(tmp_path: Path) -> None:
    put(tmp_path, **{f"{NFC}.mp4": b"x" * 100, f"{NFD}.EN.vtt": b"1", f"{NFD}.rttm": b"2"})
    (item,) = find_recordings(str(tmp_path))
    assert item.captions_uri == str(tmp_path / f"{NFD}.EN.vtt")
    assert item.turns_uri == str(tmp_path / f"{NFD}.rttm")
    assert find_recordings(item.uri) == [item]


def test_the_exact_name_wins_and_a_refusal_beside_it_still_holds(tmp_path: Path) -> None:
    put(tmp_path, **{"Weekly.mp4": b"x" * 100, "Weekly.toml": b'title = "T"'})
    before = one(tmp_path, "Weekly.mp4").version
    put(tmp_path, **{"weekly.toml": REFUSAL})
    item = one(tmp_path, "Weekly.mp4")
    assert item.version != before
    sidecar = fetch(item, tmp_path / "scratch").sidecar
    assert sidecar.title == "T"
    assert [(p.name, p.consent) for p in sidecar.participants] == [("Bo", False)]


@pytest.mark.parametrize("suffix", ["toml", "rttm", "vtt", "en.srt"])
def test_two_candidates_without_the_exact_name_are_one_sentence(
    suffix: str, tmp_path: Path
) -> None:
    names = {"Weekly.mp4": b"x" * 100, f"weekly.{suffix}": b"", f"WEEKLY.{suffix}": b""}
    put(tmp_path, **names)
    item = one(tmp_path, "Weekly.mp4")
    with pytest.raises(InputError, match=r"both look as if they belonged to Weekly\.mp4; remove"):
        fetch(item, tmp_path / "scratch")
    (tmp_path / f"WEEKLY.{suffix}").unlink()
    changed = one(tmp_path, "Weekly.mp4")
    assert changed.version != item.version
    assert changed.undecided is None


def test_what_has_another_recordings_exact_name_is_that_ones_alone(tmp_path: Path) -> None:
    put(tmp_path, **{"Weekly.mp4": b"x" * 100, "weekly.mp4": b"y" * 100, "Weekly.toml": REFUSAL})
    put(tmp_path, **{"weekly.en.vtt": b""})
    upper, lower = one(tmp_path, "Weekly.mp4"), one(tmp_path, "weekly.mp4")
    assert (upper.sidecar_uri, upper.captions_uri) == (str(tmp_path / "Weekly.toml"), None)
    assert (lower.sidecar_uri, lower.captions_uri) == (None, str(tmp_path / "weekly.en.vtt"))


def test_a_bucket_matches_names_likewise() -> None:
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pipe({f"/b/{NFC}/{NFC}.mp4": b"x" * 100, f"/b/{NFC}/{NFD}.toml": REFUSAL})
    (item,) = find_recordings("memory://b")
    assert item.sidecar_uri == f"memory:///b/{NFC}/{NFD}.toml"
    assert find_recordings(item.uri) == [item]


def test_names_that_look_different_stay_different() -> None:
    assert len({reading(name) for name in ("a", "b", "a b", "ab", "\u00e1", "a1")}) == 6


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A recording under names that say much, little, nothing and wrong; and what is none."""
    folder = tmp_path / "folder"
    folder.mkdir()
    sound = make_meeting(tmp_path / "a.mp3", duration=3.0).read_bytes()
    movie = make_meeting(tmp_path / "a.mp4", duration=1.0).read_bytes()
    put(folder, **{"a.mp3": sound, "no suffix": sound, "b.bak": movie, "c.dat": b"\0" * 5000})
    put(folder, **{"code.ts": b"export const x: number = 1;\n" * 99, "notes.txt": b"n" * 99})
    put(
        folder,
        **{"d.pdf": movie, "e.mp4.part": movie, "tiny": b"x", "lost.toml": b"", "a.vtt": b""},
    )
    return folder


def test_recordings_are_told_by_content_where_the_name_does_not_tell(mixed: Path) -> None:
    found = find_all(str(mixed))
    assert [Path(i.uri).name for i in found.recordings] == ["a.mp3", "b.bak", "no suffix"]
    assert sorted(found.others) == ["c.dat", "code.ts", "d.pdf", "e.mp4.part", "notes.txt", "tiny"]
    assert found.strays == ("lost.toml",)


def test_a_bucket_is_sniffed_likewise(mixed: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pipe({f"/b/{path.name}": path.read_bytes() for path in mixed.iterdir()})
    names = [Path(item.uri).name for item in find_recordings("memory://b")]
    assert names == ["a.mp3", "b.bak", "no suffix"]


def test_what_is_passed_over_is_counted_in_one_line(mixed: Path, tmp_path: Path) -> None:
    todo = plan(
        str(mixed), Dataset(str(tmp_path / "out"), create=True), Marks(fingerprint="made-with")
    )
    assert todo.passed_over.startswith("6 files are not recordings: c.dat, code.ts, ")
    assert todo.passed_over.endswith(", …; 1 file lies beside no recording: lost.toml")
    only = plan(
        str(mixed / "a.mp3"),
        Dataset(str(tmp_path / "out"), create=True),
        Marks(fingerprint="made-with"),
    )
    assert only.passed_over == ""
