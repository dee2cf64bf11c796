"""Channels are looked at before they are mixed: no voice is cancelled, halved or shifted."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from schemas.media import Recording
from schemas.settings import Settings
from tasks.media.probe import probe
from tasks.media.split import WavFile, ffmpeg_program, split
from tests.material.sounds import CONVERSATION, Spoken, tone_voices, write_wav

SETTINGS = Settings()
ANA, BO = CONVERSATION[::2], CONVERSATION[1::2]


def sound_of(path: Path) -> WavFile:
    recording = Recording(
        recording_id="0" * 16, uri=str(path), title="a", path=str(path), size=1, version="1"
    )
    made = split(recording, probe(str(path), SETTINGS), SETTINGS, path.parent / "scratch")
    assert made.audio_path is not None
    assert sorted(p.name for p in (path.parent / "scratch").iterdir()) == ["audio.wav"]
    return WavFile(made.audio_path)


def level(sound: WavFile, start: float, end: float) -> float:
    return float(np.sqrt((sound.read(start, end) ** 2).mean()))


def level_of(spoken: Spoken) -> float:
    return spoken.loudness / 2**0.5


def write(path: Path, *channels: NDArray[np.float32], rate: int = 16_000) -> Path:
    soundfile.write(str(path), np.stack(channels, axis=1), rate, subtype="PCM_16")
    return path


def ffmpeg(source: Path, target: Path, *options: str) -> Path:
    command = [ffmpeg_program(), "-nostdin", "-loglevel", "error", "-y", "-i", str(source)]
    subprocess.run([*command, *options, str(target)], check=True, timeout=60)
    return target


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".mkv"])
def test_channels_in_opposite_phase_are_one_voice(suffix: str, tmp_path: Path) -> None:
    """The command with which a listener meets it: one plug's wires swapped."""
    spoken = tone_voices(CONVERSATION, 10.0)
    mono = write_wav(tmp_path / "a.wav", spoken)
    path = ffmpeg(mono, tmp_path / f"x{suffix}", "-af", "pan=stereo|c0=c0|c1=-1*c0")
    sound = sound_of(path)
    for turn in CONVERSATION:
        assert level(sound, turn.start + 0.1, turn.end - 0.1) == pytest.approx(
            level_of(turn), rel=0.1
        )
    if suffix == ".wav":
        np.testing.assert_allclose(sound.read(0, 10), spoken, atol=2e-4)


def test_a_voice_in_phase_and_one_in_opposite_phase_both_stay(tmp_path: Path) -> None:
    ana, bo = tone_voices(ANA, 10.0), tone_voices(BO, 10.0)
    sound = sound_of(write(tmp_path / "a.wav", ana + bo, ana - bo))
    for turn in CONVERSATION:
        assert level(sound, turn.start + 0.1, turn.end - 0.1) == pytest.approx(
            level_of(turn) / 2**0.5, rel=0.05
        )
    assert level(sound, 2.6, 2.9) < 1e-3


def test_both_stay_where_they_speak_at_once(tmp_path: Path) -> None:
    ana, bo = (tone_voices([Spoken(n, 1, 3), Spoken(n, n + 3, n + 4)], 6.0) for n in (0, 1))
    sound = sound_of(write(tmp_path / "a.wav", ana + bo, ana - bo))
    spectrum = np.abs(np.fft.rfft(sound.read(1.5, 2.5))) / 8000
    assert spectrum[300] == pytest.approx(0.2 / 2**0.5, rel=0.05)
    assert spectrum[450] == pytest.approx(0.2 / 2**0.5, rel=0.05)


@pytest.mark.parametrize("silent", [0, 1])
def test_silence_on_one_side_costs_no_level(silent: int, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    voice = tone_voices(CONVERSATION, 10.0)
    hiss = (3e-5 * random.standard_normal(len(voice))).astype(np.float32)
    sides = [hiss, voice] if silent == 0 else [voice, hiss]
    sound = sound_of(write(tmp_path / "a.wav", *sides))
    np.testing.assert_allclose(sound.read(0, 10), voice, atol=2e-4)


def test_people_on_two_sides_both_stay(tmp_path: Path) -> None:
    sides = tone_voices(ANA, 10.0), tone_voices(BO, 10.0)
    sound = sound_of(write(tmp_path / "a.wav", *sides))
    np.testing.assert_allclose(sound.read(0, 10), sum(sides) / 2, atol=2e-4)


def six(tmp_path: Path, places: Sequence[float], suffix: str) -> Path:
    """A 5.1 recording with the voice on each channel in a strength, in order FL FR FC LFE SL SR."""
    voice = tone_voices(CONVERSATION, 10.0, 48_000)
    raw = write(tmp_path / "raw.wav", *(strength * voice for strength in places), rate=48_000)
    return ffmpeg(raw, tmp_path / f"six{suffix}", "-af", "channelmap=channel_layout=5.1")


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".m4a"])
@pytest.mark.parametrize(
    "places", [(1, -1, 0, 0, 0, 0), (0, 0, 1, 0, 0, 0), (1, 1, -1, 0, 0, 0), (1, -1, 1, 9, 1, -1)]
)
def test_five_channels_and_a_bass_keep_the_voice_at_its_level(
    places: Sequence[float], suffix: str, tmp_path: Path
) -> None:
    sound = sound_of(six(tmp_path, [min(p, 4.0) for p in places], suffix))
    for turn in CONVERSATION:
        assert level(sound, turn.start + 0.1, turn.end - 0.1) == pytest.approx(
            level_of(turn), rel=0.1
        )


def test_a_constant_offset_is_taken_out_and_nothing_else(tmp_path: Path) -> None:
    voice = tone_voices(CONVERSATION, 10.0)
    sound = sound_of(write_wav(tmp_path / "a.wav", voice + 0.3))
    assert np.abs(sound.read(0.0, 0.45)).max() < 1e-3, "no thump at the start"
    assert abs(float(sound.read(0, 10).mean())) < 1e-4
    for turn in CONVERSATION:
        assert level(sound, turn.start + 0.1, turn.end - 0.1) == pytest.approx(
            level_of(turn), rel=0.01
        )


def test_blocks_leave_no_seam(tmp_path: Path) -> None:
    """Longer than the block in which files are read."""
    ana, bo = tone_voices([Spoken(0, 1, 69)], 75.0), tone_voices([Spoken(1, 70, 74)], 75.0)
    sound = sound_of(write(tmp_path / "a.wav", ana + bo, ana - bo))
    steps = np.abs(np.diff(sound.read(58, 62)))
    assert steps.max() < 1.1 * np.quantile(steps, 0.99)


@pytest.mark.parametrize("seconds", [0.1, 0.6])
def test_a_moment_of_stereo_is_read(seconds: float, tmp_path: Path) -> None:
    voice = tone_voices([Spoken(0, 0, seconds)], seconds)
    sound = sound_of(write(tmp_path / "a.wav", voice, -voice))
    np.testing.assert_allclose(sound.read(0, seconds), voice, atol=2e-4)


def test_stereo_silence_stays_silence(tmp_path: Path) -> None:
    nothing = np.zeros(32_000, np.float32)
    assert not sound_of(write(tmp_path / "a.wav", nothing, nothing)).read(0, 2).any()


def test_more_channels_than_any_layout_are_read(tmp_path: Path) -> None:
    voice = tone_voices(CONVERSATION, 10.0)
    path = write(tmp_path / "a.wav", *([voice] * 10))
    assert level(sound_of(path), 1.0, 2.0) > 0.01
