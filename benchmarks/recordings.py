"""Recordings for benchmarks: the sample meeting at 720p, or its sound alone, repeated."""

import subprocess
from pathlib import Path

from tasks.media.split import ffmpeg_program
from tasks.sample import make_sample


def _ffmpeg(*arguments: str) -> None:
    command = [ffmpeg_program(), "-nostdin", "-loglevel", "error", "-y", *arguments]
    subprocess.run(command, check=True)


def meeting(folder: Path, seconds: int, *, video: bool, captions: bool = True) -> Path:
    """Return a meeting of that length, its captions beside it or none, made once per folder."""
    kind = ("video" if video else "sound") + ("" if captions else "_uncaptioned")
    target = folder / f"{kind}_{seconds}s" / f"meeting{'.mp4' if video else '.m4a'}"
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    sample = make_sample(folder / "sample")
    wide = folder / "sample" / "wide.mp4"
    if video and not wide.is_file():
        _ffmpeg(
            "-i", str(sample), "-vf", "scale=-2:640,pad=1280:720:-1:-1", "-c:a", "copy", str(wide)
        )
    source = wide if video else sample
    picture = () if video else ("-vn",)
    loop = ("-stream_loop", str(seconds // 30), "-i", str(source), "-t", str(seconds))
    _ffmpeg(*loop, *picture, "-c", "copy", str(target))
    if captions:
        said = _captions(folder / "sample" / "sample.vtt", seconds)
        (target.parent / "meeting.vtt").write_text(said)
    return target


def _captions(sample: Path, seconds: int) -> str:
    import pysubs2

    once = pysubs2.load(str(sample))
    every = pysubs2.SSAFile()
    for repeat in range(0, seconds, 30):
        for event in once:
            moved = event.copy()
            moved.shift(s=repeat)
            if moved.end <= seconds * 1000:
                every.append(moved)
    return every.to_string("vtt")
