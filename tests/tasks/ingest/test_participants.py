"""Files of single participants belong to the recording of all, and tell names."""

from pathlib import Path

from tasks.ingest.find import find_recordings


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * (1 + len(name)))


def found(source: Path) -> list[tuple[str, list[str | None], bool]]:
    return [
        (Path(item.uri).name, [name for name, _ in item.tracks], item.is_parts)
        for item in find_recordings(str(source))
    ]


ZOOM = ("Audio Record/audioAnaGarcia11234567890.m4a", "Audio Record/audioBo21234567890.m4a")


def test_zooms_folder_of_participants_belongs_to_the_recording_beside_it(tmp_path: Path) -> None:
    touch(tmp_path, "video1234567890.mp4", *ZOOM)
    assert found(tmp_path) == [("video1234567890.mp4", ["Ana Garcia", "Bo"], False)]
    assert found(tmp_path / "video1234567890.mp4") == found(tmp_path)


def test_zooms_folder_may_lie_one_folder_above(tmp_path: Path) -> None:
    touch(tmp_path, "converted/weekly.mp4", *ZOOM)
    assert found(tmp_path) == [("weekly.mp4", ["Ana Garcia", "Bo"], False)]
    assert found(tmp_path / "converted" / "weekly.mp4") == found(tmp_path)


def test_among_several_recordings_the_numbers_of_zooms_files_decide(tmp_path: Path) -> None:
    touch(tmp_path, "video1234567890.mp4", "video5555555555.mp4", *ZOOM)
    assert found(tmp_path) == [
        ("video1234567890.mp4", ["Ana Garcia", "Bo"], False),
        ("video5555555555.mp4", [], False),
    ]


def test_files_of_participants_without_a_recording_stay_recordings(tmp_path: Path) -> None:
    touch(tmp_path, *ZOOM)
    assert len(found(tmp_path)) == 2


def test_craigs_files_are_one_meeting(tmp_path: Path) -> None:
    touch(tmp_path, "1-ana_garcia.flac", "2-bo_1234.flac", "info.txt", "raw.dat")
    assert found(tmp_path) == [("1-ana_garcia.flac", ["ana garcia", "bo"], True)]


def test_numbered_files_are_no_participants_without_craigs_notes(tmp_path: Path) -> None:
    touch(tmp_path, "1-intro.flac", "2-talk.flac")
    assert [tracks for _, tracks, _ in found(tmp_path)] == [[], []]


def test_riversides_takes_are_meetings_with_the_best_file_of_each_person(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "riverside_ana-garcia_raw-audio_weekly_0001.wav",
        "riverside_ana-garcia_raw-synced-audio_weekly_0001.wav",
        "riverside_bo_raw-audio_weekly_0001.wav",
        "riverside_bo_raw-audio_weekly_0002.wav",
    )
    items = {name: tracks for name, tracks, _ in found(tmp_path)}
    assert ["ana garcia", "bo"] in items.values()


def test_a_changed_file_of_a_participant_changes_the_recordings_version(tmp_path: Path) -> None:
    touch(tmp_path, "video1234567890.mp4", *ZOOM)
    (before,) = find_recordings(str(tmp_path))
    (tmp_path / ZOOM[1]).write_bytes(b"another")
    (after,) = find_recordings(str(tmp_path))
    assert before.version != after.version
