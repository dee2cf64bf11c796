"""Sound is split off on one time line, whichever stream starts late."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.protocols import Waveform
from schemas.errors import InputError, ResourceError
from schemas.media import ParticipantTrack, Recording, SplitMedia
from schemas.settings import LimitSettings, Settings
from tasks.ingest.file_types import MEDIA_SUFFIXES
from tasks.media.probe import probe
from tasks.media.programs import run_program
from tasks.media.split import WavFile, ffmpeg_program, split
from tests.material import broken
from tests.material.meetings import CODECS, Track, make_meeting
from tests.material.sounds import CONVERSATION, VOICE_HZ, Spoken, tone_voices, write_wav

SETTINGS = Settings()
ONSETS = [turn.start for turn in CONVERSATION]


def recording_of(path: Path) -> Recording:
    return Recording(
        recording_id="0" * 16, uri=str(path), title="a", path=str(path), size=1, version="1"
    )


def split_file(path: Path) -> SplitMedia:
    info = probe(str(path), SETTINGS)
    return split(recording_of(path), info, SETTINGS, path.parent / "scratch")


def onsets(path: str | None) -> list[float]:
    """Where sound begins after silence, to about 5 ms."""
    assert path is not None
    samples, rate = soundfile.read(path, dtype="float32")
    loud = np.convolve(np.abs(samples) > 0.05, np.ones(160))[: len(samples)] > 0
    return [float(at) / rate for at in np.flatnonzero(np.diff(loud.astype(int)) == 1)]


def test_sound_is_16_khz_mono_16_bit(tmp_path: Path) -> None:
    made = split_file(make_meeting(tmp_path / "a.mp4", tracks=[Track(CONVERSATION, channels=2)]))
    facts = soundfile.info(made.audio_path)
    assert (facts.samplerate, facts.channels, facts.subtype) == (16_000, 1, "PCM_16")
    assert facts.duration == pytest.approx(10.0, abs=0.05)


@pytest.mark.parametrize("suffix", CODECS)
def test_sound_keeps_its_time_in_every_container(suffix: str, tmp_path: Path) -> None:
    made = split_file(make_meeting(tmp_path / f"a{suffix}"))
    assert onsets(made.audio_path) == pytest.approx(ONSETS, abs=0.01)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".mov"])
def test_sound_that_starts_late_keeps_its_time(suffix: str, tmp_path: Path) -> None:
    late = [Track(CONVERSATION, start=2.8)]
    made = split_file(make_meeting(tmp_path / f"a{suffix}", tracks=late))
    assert onsets(made.audio_path) == pytest.approx(ONSETS[1:], abs=0.03)


def test_second_zero_is_the_first_stream_and_not_the_first_timestamp(tmp_path: Path) -> None:
    track = [Track(CONVERSATION, start=0.4)]
    path = make_meeting(tmp_path / "a.webm", tracks=track, frame_times=[1.0, 2.0, 9.0])
    info = probe(str(path), SETTINGS)
    made = split(recording_of(path), info, SETTINGS, tmp_path / "scratch")
    assert info.origin == pytest.approx(0.4, abs=0.01)
    expected = [onset - info.origin for onset in ONSETS]
    assert onsets(made.audio_path) == pytest.approx(expected, abs=0.01)


def test_the_video_is_the_recording_itself(tmp_path: Path) -> None:
    path = make_meeting(tmp_path / "a.mp4", duration=1.0)
    assert split_file(path).video_path == str(path)


def test_video_without_sound(tmp_path: Path) -> None:
    made = split_file(make_meeting(tmp_path / "a.mp4", duration=1.0, tracks=[]))
    assert made.audio_path is None
    assert made.video_path is not None


def test_sound_without_video(tmp_path: Path) -> None:
    assert split_file(make_meeting(tmp_path / "a.mp3")).video_path is None


def test_silence_stays_silence(tmp_path: Path) -> None:
    made = split_file(make_meeting(tmp_path / "a.flac", spoken=[]))
    assert made.audio_path is not None
    assert not soundfile.read(made.audio_path)[0].any()


def test_three_seconds(tmp_path: Path) -> None:
    made = split_file(make_meeting(tmp_path / "a.mp3", spoken=[Spoken(0, 1, 2)], duration=3.0))
    assert onsets(made.audio_path) == pytest.approx([1.0], abs=0.01)


def test_participants_have_tracks_of_their_own_and_a_mix(tmp_path: Path) -> None:
    tracks = [Track(CONVERSATION[::2], "Ana"), Track(CONVERSATION[1::2], "Bo", start=1.5)]
    made = split_file(make_meeting(tmp_path / "a.mkv", tracks=tracks))
    assert [track.name for track in made.tracks] == ["Ana", "Bo"]
    assert onsets(made.tracks[0].path) == pytest.approx(ONSETS[::2], abs=0.01)
    assert onsets(made.tracks[1].path) == pytest.approx(ONSETS[1::2], abs=0.01)
    assert onsets(made.audio_path) == pytest.approx(ONSETS, abs=0.01)


def test_copies_are_no_participants(tmp_path: Path) -> None:
    tracks = [Track(CONVERSATION, "Stereo mix"), Track(CONVERSATION)]
    made = split_file(make_meeting(tmp_path / "a.mkv", tracks=tracks))
    assert made.tracks == ()
    assert level(made, 1.0, 2.0) == pytest.approx(0.2 / 2**0.5, rel=0.05)


def test_a_mix_beside_its_parts_is_the_sound_and_no_participant(tmp_path: Path) -> None:
    parts = [Track(CONVERSATION[::2], "Ana"), Track(CONVERSATION[1::2], "Bo")]
    made = split_file(make_meeting(tmp_path / "a.mov", tracks=[Track(CONVERSATION), *parts]))
    assert [track.name for track in made.tracks] == ["Ana", "Bo"]
    assert level(made, 1.0, 2.0) == pytest.approx(0.2 / 2**0.5, rel=0.05)


def test_a_microphone_beside_the_desktop_is_no_participant(tmp_path: Path) -> None:
    tracks = [Track(CONVERSATION[::2], "Mic"), Track(CONVERSATION[1::2], "Desktop Audio")]
    made = split_file(make_meeting(tmp_path / "a.mkv", tracks=tracks))
    assert made.tracks == ()
    assert onsets(made.audio_path) == pytest.approx(ONSETS, abs=0.01)


def test_a_mix_with_more_people_than_its_parts_has_no_participants(tmp_path: Path) -> None:
    spoken = (*CONVERSATION[:2], Spoken(2, 7.0, 9.0))
    tracks = [Track(spoken), Track(CONVERSATION[:1]), Track(CONVERSATION[1:2])]
    assert split_file(make_meeting(tmp_path / "a.mkv", tracks=tracks)).tracks == ()


def level(made: SplitMedia, start: float, end: float) -> float:
    assert made.audio_path is not None
    return float(np.sqrt((WavFile(made.audio_path).read(start, end) ** 2).mean()))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda folder: broken.wav_of_zero_length(folder / "a.wav"), ONSETS),
        (lambda folder: broken.broken_index(folder / "a.mkv"), ONSETS),
        (lambda folder: broken.truncated(folder / "a.mkv"), ONSETS[:3]),
        (lambda folder: broken.truncated(folder / "a.mp4", index_first=True), ONSETS[:3]),
    ],
    ids=["wav of zero length", "broken index", "truncated mkv", "truncated mp4"],
)
def test_what_is_left_of_a_damaged_recording_is_heard(
    make: Callable[[Path], Path], expected: Sequence[float], tmp_path: Path
) -> None:
    made = split_file(make(tmp_path))
    assert onsets(made.audio_path) == pytest.approx(expected, abs=0.01)


def test_sound_that_cannot_be_decoded_is_refused(tmp_path: Path) -> None:
    path = make_meeting(tmp_path / "a.m4a", fast_start=True)
    content = bytearray(path.read_bytes())
    data = content.index(b"mdat") + 4
    content[data:] = os.urandom(len(content) - data)
    path.write_bytes(bytes(content))
    info = probe(str(path), SETTINGS)
    with pytest.raises(InputError, match=r"cannot decode|holds no sound"):
        split(recording_of(path), info, SETTINGS, tmp_path / "scratch")


@pytest.mark.parametrize("make", [broken.playlist, broken.concat_script])
def test_ffmpeg_follows_no_script_even_where_the_probe_did_not_look(
    make: Callable[[Path, str], Path], tmp_path: Path
) -> None:
    other = make_meeting(tmp_path / "other.wav")
    path = make(tmp_path / "a.mp4", str(other))
    with pytest.raises(InputError, match="cannot decode"):
        split(recording_of(path), probe(str(other), SETTINGS), SETTINGS, tmp_path / "scratch")


def test_a_deadline_ends_the_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_meeting(tmp_path / "a.wav")
    info = probe(str(path), SETTINGS)
    monkeypatch.setattr("tasks.media.split._LEAST_DEADLINE_SECONDS", 0.001)
    hasty = Settings(limits=LimitSettings(split_seconds_per_minute=0.001))
    with pytest.raises(ResourceError, match=r"split_seconds_per_minute"):
        split(recording_of(path), info, hasty, tmp_path / "scratch")


def test_names_break_no_command(tmp_path: Path) -> None:
    path = make_meeting(tmp_path / "a.mp4", duration=3.0)
    hostile = path.rename(tmp_path / "'; $(touch x) \n\"%d' 😀 -y.mp4")
    made = split_file(hostile)
    assert onsets(made.audio_path) == pytest.approx([0.5], abs=0.01)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([hostile.name, "scratch"])


def test_a_split_twice_is_the_same(tmp_path: Path) -> None:
    path = make_meeting(tmp_path / "a.mp4")
    digests = []
    for _ in range(2):
        made = split_file(path)
        assert made.audio_path is not None
        digests.append(hashlib.sha256(Path(made.audio_path).read_bytes()).digest())
    assert digests[0] == digests[1]


def test_a_wav_file_is_a_waveform_read_in_windows(tmp_path: Path) -> None:
    sound = tone_voices(CONVERSATION, 10.0)
    waveform = WavFile(str(write_wav(tmp_path / "a.wav", sound)))
    assert isinstance(waveform, Waveform)
    assert waveform.duration == 10.0
    window = waveform.read(3.0, 4.0)
    assert window.dtype == np.float32
    np.testing.assert_allclose(window, sound[48_000:64_000], atol=1e-4)


def test_a_waveform_is_silent_outside_the_recording(tmp_path: Path) -> None:
    waveform = WavFile(str(write_wav(tmp_path / "a.wav", tone_voices([Spoken(0, 0, 1)], 1.0))))
    across = waveform.read(-0.5, 1.5)
    assert len(across) == 32_000
    assert not across[:8_000].any()
    assert not across[24_000:].any()
    assert across[8_000:24_000].any()
    assert waveform.read(5.0, 6.0).shape == (16_000,)
    assert waveform.read(2.0, 1.0).shape == (0,)


def test_a_waveform_can_be_read_from_many_threads(tmp_path: Path) -> None:
    sound = tone_voices([Spoken(0, 0, 30)], 30.0)
    waveform = WavFile(str(write_wav(tmp_path / "a.wav", sound)))
    wrong: list[int] = []

    def read(second: int) -> None:
        for _ in range(20):
            found = waveform.read(second, second + 1)
            if not np.allclose(found, sound[second * 16_000 : (second + 1) * 16_000], atol=1e-4):
                wrong.append(second)

    threads = [threading.Thread(target=read, args=(second,)) for second in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_wav_at_another_rate_is_no_waveform(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone_voices([], 1.0), sample_rate=8_000)
    with pytest.raises(InputError, match="8000 Hz"):
        WavFile(str(path))


def test_pitches_survive_the_split(tmp_path: Path) -> None:
    everyone = [Spoken(n, n + 0.1, n + 0.9) for n in range(8)]
    path = make_meeting(tmp_path / "a.mp4", everyone, 8.0, faces=None)
    made = split_file(path)
    assert made.audio_path is not None
    waveform = WavFile(made.audio_path)
    for number, pitch in enumerate(VOICE_HZ):
        spectrum = np.abs(np.fft.rfft(waveform.read(number + 0.25, number + 0.75)))
        assert float(spectrum.argmax()) * 2 == pytest.approx(pitch, abs=4)


@pytest.mark.needs_shared
def test_real_recordings_are_split_as_long_as_they_are(shared: Path, tmp_path: Path) -> None:
    clips = [p for p in (shared / "data/meeting/video").iterdir() if p.suffix in MEDIA_SUFFIXES]
    assert clips
    for clip in clips:
        info = probe(str(clip), SETTINGS)
        made = split(recording_of(clip), info, SETTINGS, tmp_path / clip.stem)
        assert made.video_path == str(clip)
        assert (made.audio_path is not None) == bool(info.audio)
        if made.audio_path:
            assert WavFile(made.audio_path).duration == pytest.approx(info.duration, abs=0.06)


def test_the_ffmpeg_program_runs() -> None:
    ended = run_program([ffmpeg_program(), "-version"], deadline=20)
    assert ended.returncode == 0
    assert ended.output.startswith(b"ffmpeg version")


def test_a_program_that_hangs_is_killed_at_its_deadline() -> None:
    started = time.monotonic()
    ended = run_program([sys.executable, "-c", "import time; time.sleep(60)"], deadline=0.5)
    assert ended.returncode is None
    assert time.monotonic() - started < 10


def test_a_program_that_complains_endlessly_neither_blocks_nor_fills_the_disk() -> None:
    script = "import sys\nfor n in range(200_000): print('complaint', n, file=sys.stderr)"
    ended = run_program([sys.executable, "-c", script], deadline=60)
    assert ended.returncode == 0
    assert ended.last_error == "complaint 199999"
    assert len(ended.errors) <= 4096


@pytest.mark.skipif(sys.platform != "linux", reason="the tie to the parent is Linux's")
def test_a_program_dies_with_its_parent(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    child = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    script = (
        "import sys; from tasks.media.programs import run_program; "
        f"run_program([sys.executable, '-c', {child!r}], 60)"
    )
    root = Path(__file__).parents[3]
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=root)
    pid = _wait_for_pid(note)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert _ends(pid)


def _wait_for_pid(note: Path) -> int:
    for _ in range(400):
        if note.exists() and note.read_text():
            return int(note.read_text())
        time.sleep(0.05)
    raise AssertionError("the child never started")


def _ends(pid: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_files_of_participants_are_put_on_the_recordings_time_line(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    ana, bo = (0.1 * random.normal(size=16_000 * 20).astype(np.float32) for _ in range(2))
    whole = np.zeros(16_000 * 24, np.float32)
    whole[: len(ana)] += ana
    whole[32_000 : 32_000 + len(bo)] += bo
    path = write_wav(tmp_path / "a.wav", whole)
    files = [write_wav(tmp_path / f"{n}.wav", s) for n, s in (("ana", ana), ("bo", bo))]
    tracks = tuple(ParticipantTrack(name=file.stem, path=str(file)) for file in files)
    recording = recording_of(path).model_copy(update={"tracks": tracks})
    made = split(recording, probe(str(path), SETTINGS), SETTINGS, tmp_path / "scratch")
    assert [track.name for track in made.tracks] == ["ana", "bo"]
    found = WavFile(made.tracks[1].path).read(0, 24)
    assert np.abs(found[:31_000]).max() < 1e-3
    assert np.corrcoef(found[32_000 : 32_000 + len(bo)], bo)[0, 1] > 0.99


def test_files_of_participants_without_a_recording_of_all_are_mixed(tmp_path: Path) -> None:
    sounds = [tone_voices(CONVERSATION[:1], 10), tone_voices(CONVERSATION[1:2], 10)]
    files = [write_wav(tmp_path / f"{n}-x.wav", s) for n, s in enumerate(sounds)]
    tracks = tuple(ParticipantTrack(name=None, path=str(file)) for file in files)
    update = {"tracks": tracks, "is_parts": True}
    recording = recording_of(files[0]).model_copy(update=update)
    made = split(recording, probe(str(files[0]), SETTINGS), SETTINGS, tmp_path / "scratch")
    assert len(made.tracks) == 2
    assert len(onsets(made.audio_path)) == 2


def test_a_participants_file_that_cannot_be_decoded_leaves_it_to_the_voices(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone_voices(CONVERSATION, 10))
    (tmp_path / "b.wav").write_bytes(b"no sound")
    tracks = tuple(ParticipantTrack(name=None, path=str(f)) for f in (path, tmp_path / "b.wav"))
    recording = recording_of(path).model_copy(update={"tracks": tracks})
    made = split(recording, probe(str(path), SETTINGS), SETTINGS, tmp_path / "scratch")
    assert made.tracks == ()
    assert made.audio_path is not None
