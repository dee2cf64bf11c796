"""Pictures are taken by their timestamps, over the spans only, from whatever can be read."""

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from schemas.errors import InputError
from schemas.media import MediaInfo, VideoStream
from tasks.media.frames import Picture, merge_spans, sampled_pictures
from tests.material.meetings import make_meeting

TICKS = Fraction(1, 1000)


def level(picture: Picture) -> int:
    """Which second a picture of `graded_video` shows."""
    full_range = (float(picture.gray[60:120].mean()) - 16) * 255 / 219
    return round(full_range / 20) - 1


def graded_video(path: Path, times: list[float], codec: str = "libx264", gop: int = 10) -> Path:
    """A video whose brightness tells its second: 20, 40, 60, ..."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.codec_context.gop_size = gop
        stream.codec_context.time_base = stream.time_base = TICKS
        for time in times:
            picture = np.full((180, 320, 3), 20 * (int(time) + 1), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = round(time / TICKS), TICKS
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def info(fps: float = 10.0, origin: float = 0.0) -> MediaInfo:
    video = VideoStream(index=0, width=320, height=180, fps=fps, start=0.0)
    return MediaInfo(container="mp4", duration=10.0, origin=origin, video=video)


def steady(seconds: float, fps: float = 10.0) -> list[float]:
    return [float(t) for t in np.arange(0, seconds, 1 / fps)]


def shown(path: Path, spans: list[tuple[float, float]], about: MediaInfo) -> list[Picture]:
    return list(sampled_pictures(str(path), about, spans, rate=5.0))


def test_spans_that_nearly_touch_are_merged() -> None:
    assert merge_spans([(5, 6), (0, 1), (2, 3), (2.5, 4)], gap=1.0) == [(0, 6)]
    assert merge_spans([(0, 1), (5, 6)], gap=1.0) == [(0, 1), (5, 6)]
    assert merge_spans([(0, 9), (2, 3)], gap=1.0) == [(0, 9)]


def test_five_pictures_a_second_of_the_spans_only(tmp_path: Path) -> None:
    video = graded_video(tmp_path / "a.mp4", steady(9))
    pictures = shown(video, [(1.0, 1.9), (6.0, 6.9)], info())
    assert [round(p.time, 3) for p in pictures] == [
        1.0,
        1.2,
        1.4,
        1.6,
        1.8,
        6.0,
        6.2,
        6.4,
        6.6,
        6.8,
    ]
    assert [level(p) for p in pictures] == [1] * 5 + [6] * 5
    assert [p.leap for p in pictures] == [True, *[False] * 4, True, *[False] * 4]


def test_a_variable_frame_rate_is_read_by_timestamps(tmp_path: Path) -> None:
    times = [0.0, 0.5, 0.9, 4.2, 4.3, 7.05, 7.9]
    video = graded_video(tmp_path / "a.mkv", times)
    pictures = shown(video, [(2.0, 2.5), (7.0, 7.9)], info(fps=3))
    # from 0.9 to 4.2 and from 4.3 to 7.05 the picture stands still
    assert [level(p) for p in pictures] == [0, 0, 0, 4, 7, 7, 7, 7]


def test_times_count_from_the_recordings_second_zero(tmp_path: Path) -> None:
    video = graded_video(tmp_path / "a.mp4", [2 + t for t in steady(6)])
    assert [level(p) for p in shown(video, [(1.0, 1.5)], info(origin=2.0))] == [3, 3, 3]


def test_before_a_late_video_there_is_nothing_to_see(tmp_path: Path) -> None:
    video = graded_video(tmp_path / "a.mp4", [2 + t for t in steady(6)])
    assert [round(p.time, 1) for p in shown(video, [(1.0, 2.5)], info())] == [2.0, 2.2, 2.4]


def test_after_its_end_a_video_is_not_shown_for_long(tmp_path: Path) -> None:
    video = graded_video(tmp_path / "a.mp4", steady(4))
    assert max(p.time for p in shown(video, [(3.0, 9.0)], info())) < 5.0


@pytest.mark.parametrize("gop", [1, 5, 300])
def test_key_frames_may_lie_anywhere(tmp_path: Path, gop: int) -> None:
    video = graded_video(tmp_path / "a.mp4", steady(9), gop=gop)
    spans = [(2.3, 2.7), (7.3, 7.7)]
    assert [level(p) for p in shown(video, spans, info())] == [2, 2, 2, 7, 7, 7]


def test_a_fast_stream_may_lose_pictures_but_never_its_times(tmp_path: Path) -> None:
    video = graded_video(tmp_path / "a.mp4", steady(6, fps=30), gop=60)
    pictures = shown(video, [(0.5, 5.4)], info(fps=30))
    right = [level(p) == int(p.time) for p in pictures if 0.2 < p.time % 1 < 0.95]
    assert len(pictures) == 25
    assert all(right)


def test_a_video_that_breaks_off_gives_what_came_before(tmp_path: Path) -> None:
    whole = graded_video(tmp_path / "a.mkv", steady(9)).read_bytes()
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(whole[: len(whole) * 2 // 3])
    seen = {level(p) for p in shown(broken, [(0.0, 9.0)], info())}
    assert {0, 1, 2, 3} <= seen
    assert 8 not in seen


def test_a_hole_of_damage_is_stepped_over(tmp_path: Path) -> None:
    data = bytearray(make_meeting(tmp_path / "a.mkv").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(data)
    times = [p.time for p in shown(broken, [(0.0, 9.9)], info())]
    assert times[0] == 0.0
    assert len(times) > 15


def test_a_video_without_one_readable_picture_is_an_input_error(tmp_path: Path) -> None:
    fake = tmp_path / "a.mp4"
    fake.write_bytes(b"nothing to see here" * 100)
    with pytest.raises(InputError, match="video of the recording cannot be opened"):
        shown(fake, [(0.0, 1.0)], info())


def test_a_telephones_sideways_video_stands_upright(tmp_path: Path) -> None:
    make_meeting(tmp_path / "a.mp4", duration=2.0, faces=(0,))
    turned = tmp_path / "turned.mp4"
    program = imageio_ffmpeg.get_ffmpeg_exe()
    source = ["-display_rotation", "90", "-i", str(tmp_path / "a.mp4")]
    subprocess.run(
        [program, "-nostdin", "-loglevel", "error", *source, "-c", "copy", str(turned)], check=True
    )
    picture = shown(turned, [(0.0, 0.5)], info())[0]
    assert picture.color(640)[0].shape == (320, 180, 3)
    assert picture.gray.shape == (320, 180)


def test_big_pictures_are_made_small_for_the_search_only(tmp_path: Path) -> None:
    make_meeting(tmp_path / "a.mp4", duration=1.0, faces=(0,), size=(1280, 720))
    picture = shown(tmp_path / "a.mp4", [(0.0, 0.5)], info())[0]
    color, scale = picture.color(640)
    assert (color.shape, scale) == ((360, 640, 3), 2.0)
    assert picture.gray.shape == (720, 1280)
    part, finer = picture.color(100, (320, 180, 200, 100))
    assert (part.shape, finer) == ((50, 100, 3), 2.0)
    whole = cv2.resize(picture.color(1280)[0][180:280, 320:520], (100, 50))
    assert np.abs(part.astype(int) - whole).mean() < 4


def test_a_picture_that_stays_is_known_by_when_it_came(tmp_path: Path) -> None:
    video = graded_video(tmp_path / "a.mkv", [0.0, 0.5, 0.9, 4.2])
    pictures = shown(video, [(1.0, 2.0)], info(fps=3))
    assert {round(p.shown, 2) for p in pictures} == {0.9}
