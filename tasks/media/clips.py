"""Decode short clips of a voice, confined like recordings."""

from pathlib import Path

from schemas.errors import InputError
from schemas.values import SAMPLE_RATE, Seconds
from tasks.media.demux import FORMATS, PROTOCOLS
from tasks.media.split import WAV_OUTPUT, WavFile, run_ffmpeg

_DEADLINE: Seconds = 60.0


def decode_clip(clip: Path, target: Path, longest: Seconds) -> WavFile:
    """Write the first `longest` seconds of a clip's sound as 16 kHz mono WAV, and open it.

    Raises `InputError` where there is no sound that can be decoded, `ResourceError` where time or
    disk run out.
    """
    import ffmpeg

    given = ffmpeg.input(
        f"file:{clip.absolute()}",
        protocol_whitelist=PROTOCOLS,
        format_whitelist=FORMATS,
        t=longest,
    )
    sound = given["a:0"].filter("aresample", SAMPLE_RATE).filter("asetpts", "N/SR/TB")
    sound = sound.filter("aformat", sample_fmts="s16", channel_layouts="mono")
    run_ffmpeg([sound.output(f"file:{target}", **WAV_OUTPUT)], _DEADLINE, target.parent)
    made = WavFile(str(target))
    if made.duration <= 0:
        raise InputError("The clip holds no sound.")
    return made
