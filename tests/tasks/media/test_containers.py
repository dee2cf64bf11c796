"""Containers as recorders leave them: rare formats, late starts, subtitles, two pictures."""

import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from schemas.media import MediaInfo, Recording
from schemas.settings import Settings
from schemas.sidecar import Sidecar
from tasks.ingest.file_types import MEDIA_SUFFIXES, is_media
from tasks.media.frames import sampled_pictures
from tasks.media.probe import probe
from tasks.media.split import ffmpeg_program, split
from tests.material.sounds import CONVERSATION, tone_voices, write_wav

pytestmark = pytest.mark.slow

SETTINGS = Settings()
ONSETS = [turn.start for turn in CONVERSATION]
PICTURE = ("-f", "lavfi", "-i", "testsrc=s=160x120:r=10:d=10")
RARE: dict[str, tuple[str, ...]] = {
    ".avi": (*PICTURE, "-c:v", "mpeg4", "-c:a", "pcm_s16le"),
    ".3gp": (*PICTURE, "-c:v", "h263", "-s", "176x144", "-c:a", "aac"),
    ".ts": (*PICTURE, "-c:v", "libx264", "-c:a", "aac"),
    ".mts": (*PICTURE, "-c:v", "libx264", "-c:a", "ac3", "-f", "mpegts", "-mpegts_m2ts_mode", "1"),
    ".wmv": (*PICTURE, "-c:v", "wmv2", "-c:a", "wmav2"),
    ".flv": (*PICTURE, "-c:v", "flv", "-c:a", "aac"),
    ".mpg": (*PICTURE, "-r", "25", "-c:v", "mpeg2video", "-c:a", "mp2"),
    ".aiff": (),
    ".aac": (),
    ".wma": (),
    ".au": (),
    ".caf": (),
    ".m4b": ("-c:a", "aac", "-f", "mp4"),
    ".amr": ("-f", "amr"),
    ".w64": (),
    ".mp2": (),
}


def ffmpeg(*options: object) -> None:
    command = [ffmpeg_program(), "-nostdin", "-loglevel", "error", "-y", *map(str, options)]
    subprocess.run(command, check=True, timeout=60)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "source.wav", tone_voices(CONVERSATION, 10.0))


def onsets(path: Path, info: MediaInfo) -> list[float]:
    recording = Recording(
        recording_id="0" * 16, uri=str(path), title="a", path=str(path), size=1, version="1"
    )
    made = split(recording, info, SETTINGS, path.parent / "scratch")
    samples, rate = soundfile.read(made.audio_path, dtype="float32")
    loud = np.convolve(np.abs(samples) > 0.05, np.ones(800))[: len(samples)] > 0
    return [float(at) / rate for at in np.flatnonzero(np.diff(loud.astype(int)) == 1)]


@pytest.mark.parametrize("suffix", [s for s in RARE if s != ".amr"])
@pytest.mark.parametrize("renamed", [False, True])
def test_rare_formats_are_found_and_read(
    suffix: str, renamed: bool, sound: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"a{suffix}"
    ffmpeg("-i", sound, *RARE[suffix], path)
    if renamed:
        path = path.rename(tmp_path / "recording")
    assert is_media(path.read_bytes()[:4096])
    info = probe(str(path), SETTINGS)
    assert info.duration == pytest.approx(10.0, abs=0.3)
    assert info.damage is None
    assert onsets(path, info) == pytest.approx(ONSETS, abs=0.1)
    if PICTURE[3] in RARE[suffix]:
        assert info.video is not None
        pictures = list(sampled_pictures(str(path), info, [(2.0, 4.0)], 5.0))
        assert len(pictures) == 11


def test_known_suffixes_are_all_lower_case_and_listed_once() -> None:
    assert len(set(MEDIA_SUFFIXES)) == len(MEDIA_SUFFIXES)
    assert all(s == s.lower() and s.startswith(".") for s in MEDIA_SUFFIXES)


@pytest.mark.parametrize(
    "head",
    [
        b"\x00\x00\x00\x1cftypheic",
        b"\xff\xd8\xff\xe0" + bytes(500),
        b"\x89PNG\r\n\x1a\n" + bytes(500),
        b"%PDF-1.7\n" + bytes(500),
        b"PK\x03\x04" + bytes(500),
        b"GGGG" * 300,
        b"\xff\xfb" * 300,
        b"RIFF\0\0\0\0WEBP" + bytes(500),
        "ÿû text of no meaning".encode("latin-1") * 30,
        b"",
    ],
)
def test_other_files_are_no_media(head: bytes) -> None:
    assert not is_media(head)


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mov"])
def test_a_recording_that_starts_at_one_hour_is_whole(
    suffix: str, sound: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"a{suffix}"
    codecs = ("-c:v", "libx264", "-c:a", "aac")
    ffmpeg("-i", sound, *PICTURE, *codecs, "-output_ts_offset", 3600, path)
    info = probe(str(path), SETTINGS)
    assert info.damage is None
    assert info.duration == pytest.approx(10.0, abs=0.3)
    assert onsets(path, info) == pytest.approx(ONSETS, abs=0.1)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_subtitles_longer_than_the_meeting_are_no_damage(
    suffix: str, sound: Path, tmp_path: Path
) -> None:
    captions, path = tmp_path / "a.srt", tmp_path / f"a{suffix}"
    captions.write_text("1\n00:00:01,000 --> 00:30:00,000\nhello\n")
    kind = "mov_text" if suffix == ".mp4" else "srt"
    ffmpeg("-i", sound, "-i", captions, "-c:a", "aac", "-c:s", kind, path)
    info = probe(str(path), SETTINGS)
    assert info.damage is None
    assert info.duration == pytest.approx(10.0, abs=0.1)


def two_pictures(sound: Path, path: Path, *titles: str | None) -> Path:
    sizes = ("320x180", "160x120")
    given = [x for size in sizes for x in ("-f", "lavfi", "-i", f"testsrc=s={size}:r=10:d=10")]
    maps = ("-map", "1", "-map", "2", "-map", "0", "-c:v", "libx264", "-c:a", "aac")
    named = [
        x
        for n, title in enumerate(titles)
        if title
        for x in (f"-metadata:s:v:{n}", f"title={title}", f"-metadata:s:v:{n}", f"handler={title}")
    ]
    ffmpeg("-i", sound, *given, *maps, *named, path)
    return path


@pytest.mark.parametrize(
    ("titles", "width"),
    [
        (("Screen share", None), 160),
        (("Shared content", "Camera"), 160),
        (("Camera", "Desktop"), 320),
        ((None, "Webcam of Ana"), 160),
    ],
)
def test_a_shared_screen_is_not_the_camera(
    titles: tuple[str | None, str | None], width: int, sound: Path, tmp_path: Path
) -> None:
    info = probe(str(two_pictures(sound, tmp_path / "a.mkv", *titles)), SETTINGS)
    assert info.video is not None
    assert info.video.width == width
    assert info.damage is None


def test_two_pictures_without_titles_are_a_guess_and_it_says_so(
    sound: Path, tmp_path: Path
) -> None:
    info = probe(str(two_pictures(sound, tmp_path / "a.mkv")), SETTINGS)
    assert info.video is not None
    assert info.video.width == 320
    assert info.damage == (
        "The recording has 2 pictures and does not say which is the camera's; number 1 was taken."
    )


NOW = datetime.now(UTC)
MAY = datetime(2025, 5, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("created", "modified", "expected"),
    [
        (datetime(2026, 11, 20, 10, tzinfo=UTC), NOW, date(2026, 11, 20)),
        (NOW + timedelta(days=400), MAY, date(2025, 5, 4)),
        (
            datetime(2000, 1, 1, 0, 0, 7, tzinfo=UTC),
            MAY,
            date(2025, 5, 4),
        ),
        (None, datetime(1980, 1, 1, tzinfo=UTC), None),
        (None, datetime(1970, 1, 1, tzinfo=UTC), None),
        (None, NOW + timedelta(days=3), None),
        (datetime(2024, 1, 1, 14, tzinfo=UTC), None, date(2024, 1, 1)),
    ],
)
def test_a_date_to_come_or_the_zero_of_a_clock_is_no_meeting_date(
    created: datetime | None, modified: datetime | None, expected: date | None
) -> None:
    info = MediaInfo(container="mp4", duration=1.0, origin=0.0, created=created)
    recording = Recording(
        recording_id="0" * 16, uri="a", title="a", path="a", size=1, version="1", modified=modified
    )
    assert info.meeting_date(recording) == expected
    told = recording.model_copy(update={"sidecar": Sidecar(date=date(2026, 1, 1))})
    assert info.meeting_date(told) == date(2026, 1, 1)


def test_a_container_of_the_year_2036_has_no_date(sound: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    ffmpeg("-i", sound, "-metadata", "creation_time=2036-05-05T10:00:00Z", path)
    assert probe(str(path), SETTINGS).created is None
