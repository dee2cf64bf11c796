"""Split a recording into 16 kHz mono sound and its untouched video, on one time line."""

import functools
import re
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.protocols import Samples
from schemas.errors import InputError, ResourceError, SettingsError
from schemas.media import AudioStream, MediaInfo, ParticipantTrack, Recording, SplitMedia
from schemas.settings import Settings
from schemas.values import SAMPLE_RATE, Hertz, Seconds
from tasks.media.channels import downmix
from tasks.media.demux import FORMATS, PROTOCOLS
from tasks.media.participants import on_time
from tasks.media.programs import Confinement, run_program
from tasks.media.tracks import measure, mix, sort_out

STAGE_VERSION = 4

_TRUSTED_MAJORS = ("5", "6", "7")
WAV_OUTPUT = {
    "format": "wav",
    "acodec": "pcm_s16le",
    "map_metadata": -1,
    "fflags": "+bitexact",
    "rf64": "auto",
}
_LAYOUTS = ("mono", "stereo", "2.1", "quad", "5.0", "5.1", "6.1", "7.1")
"""The layout that so many channels have where a container does not say."""
_LEAST_DEADLINE_SECONDS = 60.0
_LEAST_OF_JOINED = 0.8
_VERSION_SECONDS = 10.0
_SPARE = 2.0
_SPARE_BYTES = 64 << 20
"""A WAV file may become twice as long as the probe found the recording, and 64 MiB: a timestamp far
ahead would else fill the disk with silence."""


@functools.cache
def ffmpeg_program() -> str:
    """Path of the ffmpeg to use: version 5 to 7 on PATH, else the one in imageio-ffmpeg's wheel.

    Raises `SettingsError` where there is neither.
    """
    import imageio_ffmpeg

    system = shutil.which("ffmpeg")
    if system and _major_version(system) in _TRUSTED_MAJORS:
        return system
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise SettingsError(
            "There is no ffmpeg: install version 5 to 7, or reinstall imageio-ffmpeg."
        ) from error


def _major_version(program: str) -> str:
    try:
        ended = run_program([program, "-version"], deadline=_VERSION_SECONDS)
    except OSError:
        return ""
    found = re.match(rb"ffmpeg version n?(\d+)\.", ended.output)
    return found[1].decode() if found else ""


def run_ffmpeg(
    outputs: Sequence[Any], deadline: Seconds, scratch: Path, file_bytes: int = _SPARE_BYTES
) -> str:
    """Run one ffmpeg for streams built with ffmpeg-python; return what it complained of.

    It writes below `scratch` only, no file longer than `file_bytes`. Raises `ResourceError` where
    the deadline passes or the disk is full, else `InputError`.
    """
    import ffmpeg

    program = [ffmpeg_program(), "-nostdin", "-hide_banner", "-loglevel", "error", "-copyts"]
    command = ffmpeg.compile(ffmpeg.merge_outputs(*outputs), cmd=program, overwrite_output=True)
    ended = run_program(command, deadline, Confinement.of(deadline, file_bytes, scratch))
    if ended.returncode is None:
        raise ResourceError(
            f"ffmpeg did not split the recording within {deadline:.0f} seconds; "
            "try again, or raise limits.split_seconds_per_minute."
        )
    if "No space left on device" in ended.errors:
        raise ResourceError("The disk of the scratch folder is full; free some space.")
    if "File too large" in ended.errors:
        raise InputError(
            "The recording's sound is far longer than its container says, as if its timestamps "
            "were damaged; remux it with ffmpeg."
        )
    if ended.returncode == -signal.SIGKILL:
        raise ResourceError(
            "ffmpeg was killed, probably because memory ran out; annotate fewer recordings at a "
            "time (workers)."
        )
    if ended.returncode != 0:
        raise InputError(f"ffmpeg cannot decode the recording: {ended.last_error}.")
    return ended.errors


def split(recording: Recording, info: MediaInfo, settings: Settings, scratch: Path) -> SplitMedia:
    """Write the sound as 16 kHz mono 16-bit WAV, second zero being `info.origin`.

    Several audio tracks are mixed, and kept apart as well when they are one per participant; so
    are files of participants, once they are on the recording's time line; if one of them cannot be
    decoded, none serves. The
    video is not copied: it is the recording itself. Raises `InputError` where the sound cannot be
    decoded, `ResourceError` where time or disk run out.
    """
    made = _split_alone(recording, info, settings, scratch)
    if not recording.tracks or made.audio_path is None:
        return made
    files = [
        _decode_part(track.path, scratch / f"participant-{number}.wav", info, settings)
        for number, track in enumerate(recording.tracks)
    ]
    if None in files:
        return made
    paths = [Path(file) for file in files if file]
    names = [track.name for track in recording.tracks]
    if recording.is_parts:
        whole = str(mix(paths, scratch / "participants.wav"))
        parts = [ParticipantTrack(name=n, path=str(p)) for n, p in zip(names, paths, strict=True)]
        return made.model_copy(update={"audio_path": whole, "tracks": tuple(parts)})
    sounds = [(name, WavFile(str(path))) for name, path in zip(names, paths, strict=True)]
    aligned = on_time(sounds, WavFile(made.audio_path), scratch)
    return made.model_copy(update={"tracks": aligned}) if aligned else made


def _decode_part(path: str, target: Path, info: MediaInfo, settings: Settings) -> str | None:
    """Write a participant's file as 16 kHz mono WAV; None where it cannot be decoded."""
    import ffmpeg

    given = ffmpeg.input(
        f"file:{Path(path).absolute()}", protocol_whitelist=PROTOCOLS, format_whitelist=FORMATS
    )
    sound = given["a:0"].filter("aresample", SAMPLE_RATE, **{"async": 1}, first_pts=0)
    sound = sound.filter("aformat", sample_fmts="s16", channel_layouts="mono")
    deadline = settings.limits.split_seconds_per_minute * info.duration / 60
    try:
        run_ffmpeg(
            [sound.output(f"file:{target}", **WAV_OUTPUT)],
            max(_LEAST_DEADLINE_SECONDS, deadline),
            target.parent,
        )
        return str(target) if WavFile(str(target)).duration > 0 else None
    except InputError:
        return None


def _split_alone(
    recording: Recording, info: MediaInfo, settings: Settings, scratch: Path
) -> SplitMedia:
    video_path = recording.path if info.video else None
    if not info.audio:
        return SplitMedia(video_path=video_path)
    files = _decode(recording.path, info, settings, scratch)
    if not files:
        if video_path is None:
            raise InputError("The recording's audio track is there, but holds no sound.")
        return SplitMedia(video_path=video_path)
    if len(files) == 1:
        return SplitMedia(audio_path=str(files[0][1]), video_path=video_path)
    sorted_out = sort_out([stream for stream, _ in files], measure([path for _, path in files]))
    audio_path = mix([files[at][1] for at in sorted_out.mixed], scratch / "audio.wav")
    tracks = (
        ParticipantTrack(name=name, path=str(files[at][1])) for at, name in sorted_out.participants
    )
    return SplitMedia(audio_path=str(audio_path), tracks=tuple(tracks), video_path=video_path)


def _decode(
    source: str, info: MediaInfo, settings: Settings, scratch: Path
) -> list[tuple[AudioStream, Path]]:
    """Write each audio track to its own WAV file; skip tracks without a sample."""
    import ffmpeg

    scratch.mkdir(parents=True, exist_ok=True)
    given = ffmpeg.input(
        f"file:{Path(source).absolute()}", protocol_whitelist=PROTOCOLS, format_whitelist=FORMATS
    )
    alone = len(info.audio) == 1
    files = [(s, scratch / ("audio.wav" if alone else f"track-{s.index}.wav")) for s in info.audio]
    raw = [path.with_name(f"channels-{stream.index}.wav") for stream, path in files]
    outputs = [
        _sound(given[str(stream.index)], stream, info).output(f"file:{path}", **WAV_OUTPUT)
        for (stream, _), path in zip(files, raw, strict=True)
    ]
    minutes = info.duration / 60
    deadline = max(_LEAST_DEADLINE_SECONDS, settings.limits.split_seconds_per_minute * minutes)
    most_channels = max(min(stream.channels, len(_LAYOUTS)) for stream in info.audio)
    longest_file = int(_SPARE * info.duration * SAMPLE_RATE * 2 * most_channels) + _SPARE_BYTES
    complaints = run_ffmpeg(outputs, deadline, scratch, longest_file)
    for (stream, path), channels in zip(files, raw, strict=True):
        downmix(channels, path, has_lfe=".1" in (stream.layout or ""))
    heard = [(stream, path) for stream, path in files if WavFile(str(path)).duration > 0]
    if not heard and complaints:
        cause = complaints.strip().splitlines()[-1]
        raise InputError(f"ffmpeg cannot decode the recording's sound: {cause}.")
    longest = max((WavFile(str(path)).duration for _, path in heard), default=0.0)
    if info.is_counted and heard and longest < _LEAST_OF_JOINED * info.duration:
        raise InputError(
            f"The recording is joined of parts that differ: only {longest:.1f} of "
            f"{info.duration:.1f} seconds can be decoded; split the file."
        )
    return heard


def _sound(sound: Any, stream: AudioStream, info: MediaInfo) -> Any:
    """Shift a track to the recording's second zero, fill its gaps, make it 16 kHz 16-bit.

    The channels stay apart up to eight: how they are mixed depends on what they hold. Where the
    times begin anew inside the recording, its samples are counted instead.
    """
    layout = stream.layout if stream.layout and stream.channels > 1 else None
    n = stream.channels if stream.channels <= len(_LAYOUTS) else 1
    layouts = {"channel_layouts": layout if layout and n > 1 else _LAYOUTS[n - 1]}
    if info.is_counted:
        timed = sound.filter("asetpts", "N/SR/TB").filter("aresample", SAMPLE_RATE)
    else:
        later = "".join(f"-gt(T,{at:.6f})*{seconds:.6f}" for at, seconds in info.gaps)
        timed = sound.filter("asetpts", f"PTS-({info.origin:.6f}{later})/TB").filter(
            "aresample", SAMPLE_RATE, **{"async": 1}, first_pts=0
        )
    return timed.filter("aformat", sample_fmts="s16", **layouts)


class WavFile:
    """A 16 kHz mono WAV file as a `Waveform`: read in windows, from any thread.

    Raises `InputError` where the file is something else.
    """

    def __init__(self, path: str) -> None:
        import soundfile

        try:
            facts = soundfile.info(path)
        except soundfile.LibsndfileError as error:
            raise InputError(f"The sound of the recording cannot be read: {error}.") from error
        if facts.samplerate != SAMPLE_RATE or facts.channels != 1:
            raise InputError(
                f"The sound has {facts.channels} channels at {facts.samplerate} Hz, "
                f"but one at {SAMPLE_RATE} Hz is needed."
            )
        self.path = path
        self._frames: int = facts.frames

    @property
    def sample_rate(self) -> Hertz:
        """Always 16 kHz."""
        return SAMPLE_RATE

    @property
    def duration(self) -> Seconds:
        """Length in seconds."""
        return self._frames / SAMPLE_RATE

    def read(self, start: Seconds, end: Seconds) -> Samples:
        """Float32 samples in [-1, 1] between two times; outside the recording is silence.

        The file is opened anew each time: two threads may read at once.
        """
        import soundfile

        first, last = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
        samples = np.zeros(max(0, last - first), dtype=np.float32)
        inside = min(max(first, 0), self._frames), min(max(last, 0), self._frames)
        if inside[1] > inside[0]:
            found, _ = soundfile.read(self.path, start=inside[0], stop=inside[1], dtype="float32")
            samples[inside[0] - first : inside[0] - first + len(found)] = found
        return samples
