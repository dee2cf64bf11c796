"""What a container holds is found out by its content, and nothing is followed out of it."""

import http.server
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import pytest

from schemas.errors import InputError
from schemas.settings import LimitSettings, Settings
from tasks.media.demux import describe
from tasks.media.probe import probe
from tasks.media.split import ffmpeg_program
from tests.material import broken
from tests.material.meetings import CODECS, Track, make_meeting
from tests.material.pictures import draw_meeting
from tests.material.sounds import CONVERSATION, tone_voices, write_wav

SETTINGS = Settings()


@pytest.mark.parametrize("suffix", CODECS)
def test_every_promised_container_is_read(suffix: str, tmp_path: Path) -> None:
    path = make_meeting(tmp_path / f"meeting{suffix}")
    info = probe(str(path), SETTINGS)
    assert info.duration == pytest.approx(10.0, abs=0.05)
    assert len(info.audio) == 1
    assert info.has_video == (CODECS[suffix][0] is not None)
    assert info.damage is None


def test_the_name_does_not_matter(tmp_path: Path) -> None:
    path = make_meeting(tmp_path / "meeting.mkv").rename(tmp_path / "meeting.mp3")
    assert probe(str(path), SETTINGS).container == "matroska,webm"


def test_size_and_rate_of_the_picture(tmp_path: Path) -> None:
    path = make_meeting(tmp_path / "a.mp4", duration=3.0, size=(640, 360), fps=12.5, tracks=[])
    info = probe(str(path), SETTINGS)
    assert info.video is not None
    assert (info.video.width, info.video.height) == (640, 360)
    assert info.video.fps == pytest.approx(12.5, abs=0.01)
    assert info.audio == ()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".mov"])
def test_tracks_have_titles_and_starts_of_their_own(suffix: str, tmp_path: Path) -> None:
    tracks = [Track(CONVERSATION, "Ana"), Track(CONVERSATION, "Bo", start=1.5)]
    info = probe(str(make_meeting(tmp_path / f"a{suffix}", tracks=tracks)), SETTINGS)
    assert [stream.title for stream in info.audio] == ["Ana", "Bo"]
    assert info.audio[1].start - info.origin == pytest.approx(1.5, abs=0.03)


def test_origin_is_the_earliest_stream(tmp_path: Path) -> None:
    late = [Track(CONVERSATION, start=2.0)]
    times = [0.7, 1.0, 4.0, 9.0]
    info = probe(str(make_meeting(tmp_path / "a.webm", tracks=late, frame_times=times)), SETTINGS)
    assert info.origin == pytest.approx(0.7, abs=0.01)
    assert info.duration == pytest.approx(9.3, abs=0.1)


@pytest.mark.parametrize("suffix", [".m4a", ".mp3"])
def test_a_cover_image_is_no_video(suffix: str, tmp_path: Path) -> None:
    sound = make_meeting(tmp_path / f"sound{suffix}")
    picture = tmp_path / "cover.png"
    cv2.imwrite(str(picture), draw_meeting(0.0, [0], []))
    path = tmp_path / f"song{suffix}"
    given = ["-i", sound, "-i", picture, "-map", "0", "-map", "1", "-c:a", "copy", "-c:v", "mjpeg"]
    command = [ffmpeg_program(), "-nostdin", "-loglevel", "error", *given]
    subprocess.run([*command, "-disposition:v", "attached_pic", path], check=True, timeout=60)
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    info = probe(str(path), SETTINGS)
    assert info.video is None
    assert len(info.audio) == 1


def test_a_wav_of_zero_length_is_as_long_as_its_samples(tmp_path: Path) -> None:
    path = broken.wav_of_zero_length(tmp_path / "crashed.wav")
    assert probe(str(path), SETTINGS).duration == pytest.approx(10.0, abs=0.01)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_cut_recording_is_as_long_as_what_is_left(suffix: str, tmp_path: Path) -> None:
    path = broken.truncated(tmp_path / f"cut{suffix}", index_first=True)
    info = probe(str(path), SETTINGS)
    assert 4.0 < info.duration < 8.0
    assert info.damage is not None
    assert "of 10.0 seconds" in info.damage


def test_a_broken_index_is_read_from_the_start(tmp_path: Path) -> None:
    path = broken.broken_index(tmp_path / "broken.mkv")
    assert probe(str(path), SETTINGS).duration == pytest.approx(10.0, abs=0.05)


def test_a_browser_recording_without_duration_is_measured(tmp_path: Path) -> None:
    whole = make_meeting(tmp_path / "whole.webm", duration=6.0)
    path = tmp_path / "live.webm"
    with av.open(str(whole)) as source, av.open(str(path), "w", options={"live": "1"}) as out:
        streams = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    with av.open(str(path)) as live:
        assert live.duration is None
    assert probe(str(path), SETTINGS).duration == pytest.approx(6.0, abs=0.1)


def test_a_truncated_mp4_without_index_is_refused(tmp_path: Path) -> None:
    path = broken.truncated(tmp_path / "cut.mp4")
    with pytest.raises(InputError, match="index"):
        probe(str(path), SETTINGS)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="empty"):
        probe(str(broken.empty(tmp_path / "a.mp4")), SETTINGS)


def test_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="text file"):
        probe(str(broken.text_named_as_media(tmp_path / "a.mp4")), SETTINGS)


def test_text_is_refused_wherever_a_letter_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    for shift in range(4):
        path.write_text("x" * shift + "\N{OK HAND SIGN}" * 2000)
        with pytest.raises(InputError, match="text file"):
            probe(str(path), SETTINGS)


def test_noise_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(range(256)) * 64)
    with pytest.raises(InputError, match="no format"):
        probe(str(path), SETTINGS)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        probe(str(tmp_path / "nothing.mp4"), SETTINGS)


@pytest.fixture
def visits() -> Iterator[tuple[str, list[str]]]:
    """A web server that notes who came."""
    seen: list[str] = []

    class Notes(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notes)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/secret.ts", seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("make", [broken.playlist, broken.concat_script])
def test_a_playlist_is_not_followed(
    make: Callable[[Path, str], Path], tmp_path: Path, visits: tuple[str, list[str]]
) -> None:
    target, seen = visits
    path = make(tmp_path / "a.mp4", target)
    with pytest.raises(InputError, match="playlist or script"):
        probe(str(path), SETTINGS)
    assert "fault" in describe(str(path)), "libav itself must refuse it too"
    assert seen == []


@pytest.mark.parametrize("make", [broken.playlist, broken.concat_script])
def test_a_script_does_not_read_other_files(
    make: Callable[[Path, str], Path], tmp_path: Path
) -> None:
    other = write_wav(tmp_path / "other.wav", tone_voices(CONVERSATION, 10.0))
    path = make(tmp_path / "a.mp4", str(other))
    with pytest.raises(InputError, match="playlist or script"):
        probe(str(path), SETTINGS)
    assert "fault" in describe(str(path))


def test_a_deadline_ends_the_probe(tmp_path: Path) -> None:
    settings = Settings(limits=LimitSettings(probe_seconds=0.001))
    path = make_meeting(tmp_path / "a.mp4", duration=1.0)
    with pytest.raises(InputError, match=r"within 0\.001 seconds"):
        probe(str(path), settings)


@pytest.mark.parametrize(
    ("limit", "name"),
    [
        ({"max_hours": 0.0001}, "a.wav"),
        ({"max_pixels": 1000}, "a.mp4"),
        ({"max_frames": 5}, "a.mp4"),
    ],
)
def test_a_recording_over_a_limit_is_refused(
    tmp_path: Path, limit: dict[str, float], name: str
) -> None:
    settings = Settings(limits=LimitSettings(**limit))
    with pytest.raises(InputError, match=next(iter(limit))):
        probe(str(make_meeting(tmp_path / name, duration=1.0)), settings)


def test_a_wav_without_samples_is_refused(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone_voices([], 0.0))
    with pytest.raises(InputError, match="nothing was recorded"):
        probe(str(path), SETTINGS)


@pytest.mark.parametrize(
    "name", ['it\'s "a" meeting.mp4', "new\nline.mp4", "-i 😀 %d.mp4", "a:b.mp4"]
)
def test_no_name_breaks_the_probe(name: str, tmp_path: Path) -> None:
    path = make_meeting(tmp_path / "a.mp4", duration=1.0).rename(tmp_path / name)
    assert probe(str(path), SETTINGS).duration == pytest.approx(1.0, abs=0.05)


def test_the_date_comes_from_the_container(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    sound = make_meeting(tmp_path / "b.wav", duration=1.0)
    with av.open(str(sound)) as source, av.open(str(path), "w") as out:
        out.metadata["creation_time"] = "2026-11-20T10:00:00Z"
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    assert probe(str(path), SETTINGS).created == datetime(2026, 11, 20, 10, tzinfo=UTC)
