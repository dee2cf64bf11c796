"""Recordings are found in files and folders, with what lies beside them."""

import os
from pathlib import Path

import pytest

from schemas.errors import SettingsError
from tasks.ingest.find import find_recordings


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names_of(source: str | Path, dataset: str | None = None) -> list[str]:
    return [Path(item.uri).name for item in find_recordings(str(source), dataset)]


def test_a_folder_is_searched_recursively_and_sorted(tmp_path: Path) -> None:
    touch(tmp_path, "b.mp4", "a.WAV", "2026/11/c.opus", "notes.txt", "2026/d.vtt")
    assert [
        Path(item.uri).relative_to(tmp_path).as_posix() for item in find_recordings(str(tmp_path))
    ] == [
        "2026/11/c.opus",
        "a.WAV",
        "b.mp4",
    ]


def test_hidden_files_sidecars_and_unfinished_uploads_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", ".b.mp4", "._a.mp4", ".trash/c.mp4", "d.mp4.part", "a.toml", "a.rttm")
    assert names_of(tmp_path) == ["a.mp4"]


def test_the_dataset_is_no_source(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "out/pages/b.mp4", "output/c.mp4")
    assert names_of(tmp_path, str(tmp_path / "out")) == ["a.mp4", "c.mp4"]


def test_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (tmp_path / "folder.mp4").mkdir()
    assert names_of(tmp_path) == ["a.mp4"]


def test_a_linked_folder_is_not_walked_in_circles(tmp_path: Path) -> None:
    touch(tmp_path, "a/b.mp4")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert names_of(tmp_path) == ["b.mp4"]


def test_one_file_is_a_source_whatever_its_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "a.recording", "b.mp4", "a.vtt")
    (item,) = find_recordings(str(tmp_path / "a.recording"))
    assert item.uri == str(tmp_path / "a.recording")
    assert item.captions_uri == str(tmp_path / "a.vtt")


def test_a_file_url_is_a_path(tmp_path: Path) -> None:
    touch(tmp_path, "a meeting.mp4")
    (item,) = find_recordings((tmp_path / "a meeting.mp4").as_uri())
    assert item.uri == str(tmp_path / "a meeting.mp4")


def test_an_empty_folder_has_no_recordings(tmp_path: Path) -> None:
    assert find_recordings(str(tmp_path)) == []


def test_what_lies_beside_is_found(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "a.vtt", "a.rttm", "a.toml", "sub/a.srt", "b.mp4", "ab.vtt")
    first, second = find_recordings(str(tmp_path))
    assert (first.captions_uri, first.turns_uri, first.sidecar_uri) == tuple(
        str(tmp_path / name) for name in ("a.vtt", "a.rttm", "a.toml")
    )
    assert (second.captions_uri, second.turns_uri, second.sidecar_uri) == (None, None, None)


@pytest.mark.parametrize(
    ("beside", "chosen"),
    [
        (["a.vtt", "a.srt"], "a.vtt"),
        (["a.srt", "a.en.vtt"], "a.srt"),
        (["a.en.vtt"], "a.en.vtt"),
        (["a.pt-BR.srt"], "a.pt-BR.srt"),
        (["a.VTT"], "a.VTT"),
        (["a.transcript.vtt"], "a.transcript.vtt"),
        (["a.cc.vtt"], "a.cc.vtt"),
        (["a.de.ttml", "a.sbv"], "a.sbv"),
        (["a.de.ttml"], "a.de.ttml"),
        (["a.dfxp"], "a.dfxp"),
        (["a.final-cut.vtt"], None),
        (["a.en.mp4", "a.en.vtt"], None),
    ],
)
def test_captions_may_name_their_language(
    beside: list[str], chosen: str | None, tmp_path: Path
) -> None:
    touch(tmp_path, "a.mp4", *beside)
    item = next(i for i in find_recordings(str(tmp_path)) if i.uri.endswith("/a.mp4"))
    assert item.captions_uri == (str(tmp_path / chosen) if chosen else None)


def test_the_version_changes_with_the_recording_and_with_what_lies_beside(tmp_path: Path) -> None:
    def version() -> str:
        (item,) = find_recordings(str(tmp_path))
        return item.version

    touch(tmp_path, "a.mp4", "other.txt")
    seen = [version()]
    assert version() == seen[0]
    (tmp_path / "other.txt").write_text("does not matter")
    assert version() == seen[0]
    (tmp_path / "a.vtt").write_text("WEBVTT\n")
    seen.append(version())
    (tmp_path / "a.vtt").write_text("WEBVTT\n\n")
    seen.append(version())
    (tmp_path / "a.mp4").write_bytes(b"xy")
    seen.append(version())
    assert len(set(seen)) == 4


@pytest.mark.parametrize(
    "name",
    [
        'it\'s "a".mp4',
        "new\nline.mp4",
        "tab\tbell\a.mp4",
        "a..mp4.mp4",
        "a::b*?.mp4",
        "😀 %20#.mp4",
    ],
)
def test_any_name_is_found_as_it_is(name: str, tmp_path: Path) -> None:
    touch(tmp_path, name)
    (item,) = find_recordings(str(tmp_path))
    assert item.uri == str(tmp_path / name)
    (again,) = find_recordings(item.uri)
    assert again == item


def test_a_name_that_is_no_text_travels_as_a_url(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.mp4"
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(b"x")
    (item,) = find_recordings(str(tmp_path))
    assert item.uri.endswith("/caf%E9.mp4")
    assert item.model_dump_json()
    assert find_recordings(item.uri) == [item]


def test_a_missing_folder_is_one_sentence() -> None:
    with pytest.raises(SettingsError, match="There is no file or folder 'meetings'"):
        find_recordings("/nowhere/meetings")


def test_an_unknown_scheme_is_one_sentence() -> None:
    with pytest.raises(SettingsError, match="There is no storage 'gopher://'"):
        find_recordings("gopher://host/meetings")


def test_another_storage_of_fsspec(tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe(
        {"/rec/a.mp4": b"x", "/rec/a.srt": b"y", "/rec/.b.mp4": b"z", "/rec/out/c.mp4": b""}
    )
    (item,) = find_recordings("memory://rec", "memory://rec/out")
    assert item.uri == "memory:///rec/a.mp4"
    assert item.captions_uri == "memory:///rec/a.srt"
    (alone,) = find_recordings("memory://rec/a.mp4")
    assert alone == item
