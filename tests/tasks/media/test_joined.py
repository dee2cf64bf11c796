"""Joined, cut and damaged files: all that is there at its right time, else a sentence."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from schemas.media import MediaInfo, Recording
from schemas.settings import Settings
from tasks.media.probe import probe
from tasks.media.split import ffmpeg_program, split
from tests.material.sounds import Spoken, tone_voices, write_wav

SETTINGS = Settings()
FIRST, SECOND = (Spoken(0, 0.5, 2.5),), (Spoken(2, 1.0, 3.0),)
TURNS = [(300.0, 0.5, 2.5), (600.0, 4.0, 6.0)]
"""Pitch, start and end of both turns, where a file of four follows one of three seconds."""

OPTIONS: dict[str, tuple[str, ...]] = {
    ".webm": ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"),
    ".mpg": ("-c:v", "mpeg2video", "-r", "25", "-c:a", "mp2"),
    ".ts": ("-c:v", "libx264", "-c:a", "aac"),
    ".mp4": ("-c:v", "libx264", "-c:a", "aac"),
}


def encode(path: Path, spoken: tuple[Spoken, ...], seconds: float, *options: str) -> bytes:
    source = write_wav(path.with_suffix(".source.wav"), tone_voices(spoken, seconds))
    picture = ("-f", "lavfi", "-i", f"testsrc=s=160x120:r=10:d={seconds}")
    video = picture if path.suffix in OPTIONS else ()
    command = [ffmpeg_program(), "-nostdin", "-loglevel", "error", "-y", "-i", str(source), *video]
    options = (*OPTIONS.get(path.suffix, ()), *options)
    subprocess.run([*command, *options, str(path)], check=True, timeout=60)
    return path.read_bytes()


def join(folder: Path, suffix: str, *second_options: str) -> Path:
    parts = (
        encode(folder / f"one{suffix}", FIRST, 3.0),
        encode(folder / f"two{suffix}", SECOND, 4.0, *second_options),
    )
    path = folder / f"joined{suffix}"
    path.write_bytes(b"".join(parts))
    return path


def read(path: Path) -> tuple[MediaInfo, list[tuple[float, float, float]]]:
    """What the probe says, and the turns that are in the sound: pitch, start, end."""
    info = probe(str(path), SETTINGS)
    recording = Recording(
        recording_id="0" * 16, uri=str(path), title="a", path=str(path), size=1, version="1"
    )
    made = split(recording, info, SETTINGS, path.parent / "scratch")
    samples, rate = soundfile.read(made.audio_path, dtype="float32")
    loud = np.convolve(np.abs(samples) > 0.05, np.ones(800))[: len(samples)] > 0
    edges = np.flatnonzero(np.diff(np.concatenate(([0], loud.astype(int), [0])))).reshape(-1, 2)
    turns = []
    for first, last in edges:
        spectrum = np.abs(np.fft.rfft(samples[first : last - 800]))
        pitch = float(spectrum.argmax()) * rate / (last - 800 - first)
        turns.append((pitch, first / rate, (last - 800) / rate))
    return info, turns


def assert_turns(
    turns: list[tuple[float, float, float]], expected: list[tuple[float, float, float]]
) -> None:
    assert len(turns) == len(expected), turns
    for turn, truth in zip(turns, expected, strict=True):
        assert turn[0] == pytest.approx(truth[0], abs=5)
        assert turn[1:] == pytest.approx(truth[1:], abs=0.15)  # encoders begin with a delay


@pytest.mark.parametrize(
    "suffix", [".ogg", ".opus", ".flac", ".mp3", ".aac", ".webm", ".mpg", ".ts"]
)
def test_all_of_a_joined_file_is_read_at_its_right_time(suffix: str, tmp_path: Path) -> None:
    info, turns = read(join(tmp_path, suffix))
    assert_turns(turns, TURNS)
    assert info.duration == pytest.approx(7.0, abs=0.4)
    if suffix not in (".mp3", ".aac"):  # without a header of their own they are one recording
        assert info.damage is not None
        assert "2 recordings joined into one file" in info.damage
    if suffix in OPTIONS:
        assert info.damage is not None
        assert info.video is None, "the pictures' times begin anew"
        assert "without their pictures" in info.damage


def test_mp3s_of_two_rates_keep_their_times(tmp_path: Path) -> None:
    _, turns = read(join(tmp_path, ".mp3", "-ar", "22050"))
    assert_turns(turns, TURNS)


@pytest.mark.parametrize("suffix", [".mp3", ".aac", ".ts"])
def test_joined_mono_and_stereo_are_read(suffix: str, tmp_path: Path) -> None:
    _, turns = read(join(tmp_path, suffix, "-ac", "2"))
    assert_turns(turns, TURNS)


@pytest.mark.parametrize("suffix", [".ogg", ".opus"])
def test_ogg_of_other_channels_is_read_so_far_and_it_says_so(suffix: str, tmp_path: Path) -> None:
    info, turns = read(join(tmp_path, suffix, "-ac", "2"))
    assert_turns(turns, TURNS[:1])
    assert info.damage is not None
    assert info.damage.startswith("After 3.0 seconds a recording of another kind is joined")


def test_parts_whose_tracks_differ_are_read_so_far_and_it_says_so(tmp_path: Path) -> None:
    encode(tmp_path / "one.webm", FIRST, 3.0)
    sound = encode(tmp_path / "two.mka", SECOND, 4.0, "-c:a", "libopus")
    path = tmp_path / "joined.webm"
    path.write_bytes((tmp_path / "one.webm").read_bytes() + sound)
    info, turns = read(path)
    assert_turns(turns, TURNS[:1])
    assert info.damage is not None
    assert re.search(r"tracks differ .* only 3\.\d seconds of its sound", info.damage)


@pytest.mark.parametrize("suffix", [".wav", ".m4a", ".mp4"])
def test_what_cannot_be_read_of_a_joined_file_is_one_sentence(suffix: str, tmp_path: Path) -> None:
    info, turns = read(join(tmp_path, suffix))
    assert_turns(turns, TURNS[:1])
    assert info.damage is not None
    assert re.search(r"only the first 3\.\d seconds can be read; split the file", info.damage)


@pytest.mark.parametrize("suffix", [".ogg", ".mp3", ".flac", ".webm", ".mpg", ".ts", ".mp4"])
def test_a_whole_file_has_no_damage(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"whole{suffix}"
    encode(path, FIRST, 3.0)
    info, turns = read(path)
    assert info.damage is None
    assert_turns(turns, TURNS[:1])


def test_a_cut_wav_is_one_sentence(tmp_path: Path) -> None:
    content = encode(tmp_path / "a.wav", FIRST, 10.0)
    path = tmp_path / "cut.wav"
    path.write_bytes(content[: int(len(content) * 0.6)])
    info, turns = read(path)
    assert info.damage == "The recording ends after 6.0 of 10.0 seconds."
    assert_turns(turns, TURNS[:1])


@pytest.mark.parametrize("length", [0x7FFF_F000, 0x7FFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FF00])
def test_a_wav_of_unknown_length_is_not_cut(length: int, tmp_path: Path) -> None:
    content = bytearray(encode(tmp_path / "a.wav", FIRST, 10.0))
    at = content.index(b"data") + 4
    content[at : at + 4] = length.to_bytes(4, "little")
    path = tmp_path / "streamed.wav"
    path.write_bytes(bytes(content))
    info, turns = read(path)
    assert info.damage is None
    assert info.duration == pytest.approx(10.0, abs=0.1)
    assert_turns(turns, TURNS[:1])


@pytest.mark.parametrize("noise", [False, True])
def test_an_mp3_damaged_in_the_middle_keeps_the_times_of_what_follows(
    noise: bool, tmp_path: Path
) -> None:
    spoken = (Spoken(0, 0.5, 2.5), Spoken(2, 7.0, 9.0))
    content = bytearray(encode(tmp_path / "a.mp3", spoken, 10.0, "-b:a", "64k", "-ac", "1"))
    lost = 8000 * 2  # two seconds at 64 kbit/s
    begin = 8000 * 4
    random = np.random.default_rng(0).integers(0, 256, lost, np.uint8).tobytes()
    content[begin : begin + lost] = random if noise else bytes(lost)
    path = tmp_path / "damaged.mp3"
    path.write_bytes(bytes(content))
    info, turns = read(path)
    assert_turns([turns[0], turns[-1]], [(300.0, 0.5, 2.5), (600.0, 7.0, 9.0)])
    assert info.duration == pytest.approx(10.0, abs=0.2)
    assert info.damage is not None
    assert re.search(r"About (1\.9|2\.0) seconds are damaged, the first at 0:0[34]", info.damage)


def test_an_mp3_with_a_cover_between_two_parts_lost_nothing(tmp_path: Path) -> None:
    first, second = (
        encode(tmp_path / f"{n}.mp3", spoken, seconds)
        for n, spoken, seconds in ((1, FIRST, 3.0), (2, SECOND, 4.0))
    )
    size = 200_000
    sizes = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    tag = b"ID3\x04\x00\x00" + sizes + b"APIC" + bytes(size - 4)
    path = tmp_path / "joined.mp3"
    path.write_bytes(first + tag + second)
    info, turns = read(path)
    assert_turns(turns, TURNS)
    assert info.damage is None
