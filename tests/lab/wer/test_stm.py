"""Reference transcripts as they come, and as they come damaged."""

from pathlib import Path

import pytest

from lab.wer.stm import Segment, find_audio, read_stm
from schemas.errors import InputError, SettingsError


def write(folder: Path, text: str) -> Path:
    path = folder / "set.stm"
    path.write_text(text, encoding="utf-8")
    return path


def test_segments_labels_comments_and_recordings_without_words_are_read(tmp_path: Path) -> None:
    found = read_stm(
        write(
            tmp_path,
            "\ufeff;; a comment\n"
            "two 1 B 5.5 6.25 <o,f0,male> Second words\n"
            "two A A 1 2 First one\n"
            "\n"
            "noise 1 nobody 0 60\n"
            "labelled 1 nobody 0 60 <o,f0,unknown>\n"
            "two 1 excluded 9 12 IGNORE_TIME_SEGMENT_IN_SCORING\n",
        )
    )
    assert list(found) == ["two", "noise", "labelled"]
    assert found["two"].segments == (
        Segment("A", 1.0, 2.0, "First one"),
        Segment("B", 5.5, 6.25, "Second words"),
    )
    assert found["two"].ignored == ((9.0, 12.0),)
    assert found["two"].end == 6.25
    assert found["noise"].segments == found["labelled"].segments == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("m 1 A 0 1 fine\nm 1 A 3", r"Line 2 of the reference set\.stm is no STM: FILE CHANNEL"),
        ("m 1 A one 2 words", r"Line 1 of the reference set\.stm has the times 'one' and '2'"),
        ("m 1 A 4 2 words", r"'4' and '2'; they must be seconds, the first before the second"),
        ("m 1 A -1 2 words", "'-1' and '2'"),
        ("m 1 A nan 2 words", "'nan' and '2'"),
        ("m 1 A 0 inf words", "'0' and 'inf'"),
        ("m 1 A 0 1 { um / uh } yes", "Line 1 .* offers alternatives in braces"),
        (";; nothing\n\n", r"set\.stm holds no line of a recording"),
    ],
)
def test_a_damaged_reference_is_named_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_stm(write(tmp_path, text))


def test_a_reference_that_is_no_text_or_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "set.stm").write_bytes(b"m 1 A 0 1 \xff\xfe")
    with pytest.raises(InputError, match=r"set\.stm cannot be read as text"):
        read_stm(tmp_path / "set.stm")
    with pytest.raises(SettingsError, match=r"There is no reference .*none\.stm"):
        read_stm(tmp_path / "none.stm")


def test_recordings_are_found_by_their_stem(tmp_path: Path) -> None:
    for name in ("a.FLAC", "b.mp4", "b.stm", "other.wav"):
        (tmp_path / name).touch()
    found = find_audio(tmp_path, ["b", "a"], tmp_path / "b.stm")
    assert found == {"b": tmp_path / "b.mp4", "a": tmp_path / "a.FLAC"}


def test_a_recording_that_is_missing_or_there_twice_is_named(tmp_path: Path) -> None:
    for name in ("b.mp4", "b.wav"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"set\.stm tells of a, but .* has no recording a\.wav"):
        find_audio(tmp_path, ["a"], Path("set.stm"))
    with pytest.raises(InputError, match=r"has b\.mp4 and b\.wav: leave one"):
        find_audio(tmp_path, ["b"], Path("set.stm"))
    with pytest.raises(SettingsError, match="There is no folder"):
        find_audio(tmp_path / "none", ["b"], Path("set.stm"))


@pytest.mark.needs_shared
def test_the_meetings_of_ami_are_read(shared: Path) -> None:
    folder = shared / "data" / "meeting"
    found = read_stm(folder / "reference.stm")
    assert set(found) == set(find_audio(folder, list(found), folder / "reference.stm"))
    assert {segment.speaker for segment in found["dev00_ES2003a"].segments} == {"MEE009", "MEE012"}
