"""A recording is brought here, known by its content, with what its operator knows of it."""

import hashlib
import os
from datetime import date
from pathlib import Path

import fsspec
import pytest

from schemas.errors import InputError
from schemas.media import Recording, SourceItem
from tasks.ingest.fetch import fetch
from tasks.ingest.find import find_recordings

CONTENT = bytes(range(256)) * 5000


def meeting(folder: Path, name: str = "Weekly.mp4", **beside: str) -> SourceItem:
    """A recording, and siblings by their suffix."""
    path = folder / name
    path.write_bytes(CONTENT)
    for suffix, text in beside.items():
        path.with_suffix(f".{suffix}").write_text(text)
    return find_recordings(str(path))[0]


def test_a_recording_is_known_by_its_content(tmp_path: Path) -> None:
    item = meeting(tmp_path)
    recording = fetch(item, tmp_path / "scratch")
    assert recording.recording_id == hashlib.sha256(CONTENT).hexdigest()[:16]
    assert recording.size == len(CONTENT)
    assert recording.version == item.version


def test_a_local_recording_is_used_where_it_is(tmp_path: Path) -> None:
    recording = fetch(meeting(tmp_path), tmp_path / "scratch")
    assert recording.path == str(tmp_path / "Weekly.mp4")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_title_is_the_name_unless_the_sidecar_has_one(tmp_path: Path) -> None:
    assert fetch(meeting(tmp_path), tmp_path).title == "Weekly"
    assert fetch(meeting(tmp_path, toml='title = "Board"'), tmp_path).title == "Board"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("a\nb\tc.mp4", "a b c"),
        ("\u202egnp.mp4", "gnp"),
        ("😀.mp4", "😀"),
        ('it\'s "x".mp4', 'it\'s "x"'),
    ],
)
def test_a_title_can_be_shown_on_one_line(name: str, title: str, tmp_path: Path) -> None:
    assert fetch(meeting(tmp_path, name), tmp_path).title == title


def test_a_name_without_visible_letters_is_titled_by_its_id(tmp_path: Path) -> None:
    recording = fetch(meeting(tmp_path, "\n\a.mp4"), tmp_path)
    assert recording.title == recording.recording_id


def test_the_sidecar_is_read(tmp_path: Path) -> None:
    text = """
        date = 2026-11-20
        language = "de"
        context = "research"
        speakers = 2
        participants = [{ name = "Ana", consent = true }, { name = "Bo", consent = false }]
    """
    sidecar = fetch(meeting(tmp_path, toml=text), tmp_path).sidecar
    assert sidecar.date == date(2026, 11, 20)
    assert (sidecar.language, sidecar.context, sidecar.speakers) == ("de", "research", 2)
    assert [(p.name, p.consent) for p in sidecar.participants] == [("Ana", True), ("Bo", False)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'titel = "Weekly"',
            r"Weekly\.toml is wrong: There is no setting 'titel'; did you mean 'title'\?",
        ),
        (
            'participants = [{ name = "Bo", consnt = false }]',
            r"There is no setting 'participants\.0\.consnt'; did you mean 'consent'\?",
        ),
        ("min_speakers = 3\nmax_speakers = 2", "min_speakers is more than max_speakers"),
        ("speakers = 0", r"Weekly\.toml is wrong: speakers is wrong"),
        ('language = "English"', r"Weekly\.toml is wrong: language is wrong"),
        ('title = "Weekly', r"Weekly\.toml is no TOML file: "),
    ],
)
def test_a_wrong_sidecar_is_one_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=sentence):
        fetch(meeting(tmp_path, toml=text), tmp_path)


def test_a_sidecar_in_latin_1_is_one_sentence(tmp_path: Path) -> None:
    item = meeting(tmp_path, toml="")
    (tmp_path / "Weekly.toml").write_bytes('title = "Café"'.encode("latin-1"))
    with pytest.raises(InputError, match="is no TOML file"):
        fetch(item, tmp_path)


def test_a_sidecar_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    item = meeting(tmp_path, toml="")
    (tmp_path / "Weekly.toml").write_text('title = "Café"', encoding="utf-8-sig")
    assert fetch(item, tmp_path).title == "Café"


def test_a_recording_that_has_gone_is_one_sentence(tmp_path: Path) -> None:
    item = meeting(tmp_path)
    (tmp_path / "Weekly.mp4").unlink()
    with pytest.raises(InputError, match=r"Weekly\.mp4 cannot be read: No such file"):
        fetch(item, tmp_path)


def test_a_name_that_is_no_text_gets_a_path_that_is(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/caf\xe9.mp4", "wb") as file:  # noqa: PTH123
        file.write(CONTENT)
    (item,) = find_recordings(str(tmp_path))
    recording = fetch(item, tmp_path / "scratch")
    assert recording.model_dump_json()
    assert Path(recording.path).read_bytes() == CONTENT
    assert recording.title == "caf"


def remote(files: dict[str, bytes]) -> SourceItem:
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pipe({f"/bucket/{name}": content for name, content in files.items()})
    (item,) = find_recordings("memory://bucket")
    return item


def fetch_remote(files: dict[str, bytes], scratch: Path) -> Recording:
    return fetch(remote(files), scratch)


def test_a_remote_recording_is_copied_with_what_lies_beside(tmp_path: Path) -> None:
    files = {"a.mp4": CONTENT, "a.en.srt": b"1", "a.rttm": b"2", "a.toml": b'title = "T"'}
    recording = fetch_remote(files, tmp_path)
    assert Path(recording.path).read_bytes() == CONTENT
    assert recording.recording_id == hashlib.sha256(CONTENT).hexdigest()[:16]
    assert recording.title == "T"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "captions.en.srt",
        "recording.mp4",
        "turns.rttm",
    ]
    assert recording.captions_path == str(tmp_path / "captions.en.srt")
    assert recording.turns_path == str(tmp_path / "turns.rttm")


@pytest.mark.parametrize("name", ["../../up.mp4", "a'; rm -rf \n\".mp4", "x/" + "n" * 300 + ".mkv"])
def test_scratch_names_owe_nothing_to_remote_names(name: str, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    recording = fetch_remote({name: CONTENT}, scratch)
    assert Path(recording.path).parent == scratch
    assert Path(recording.path).stem == "recording"
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]


def test_a_remote_recording_that_has_gone_is_one_sentence(tmp_path: Path) -> None:
    item = remote({"a.mp4": CONTENT})
    fsspec.filesystem("memory").store.clear()
    with pytest.raises(InputError, match=r"a\.mp4 cannot be read any more"):
        fetch(item, tmp_path)
    assert not (tmp_path / "recording.mp4").exists()
