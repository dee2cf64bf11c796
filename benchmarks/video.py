"""Where the time of a meeting with pictures goes: `python benchmarks/video.py FILE`.

FILE is any recording with pictures. It is decoded alone, every picture once, and annotated; the
table gives seconds a stage and both as times real time. `--repeat N` annotates a recording N times
as long, whose parts are FILE, to see whether memory grows.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av

from flows.batch import plan_batch, run_batch, run_plainly
from flows.options import AnnotateOptions
from schemas.dataset import open_dataset
from tasks.media.split import ffmpeg_program


def decode(path: Path) -> tuple[float, float]:
    """Return seconds that decoding all pictures takes, and the length of the video."""
    begun, last = time.perf_counter(), 0.0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            last = frame.time or last
    return time.perf_counter() - begun, last


def repeated(path: Path, times: int, folder: Path) -> Path:
    """Join a recording to itself without encoding it again."""
    parts = folder / "parts.txt"
    parts.write_text(f"file '{path.resolve()}'\n" * times, encoding="utf-8")
    joined = folder / f"joined{path.suffix}"
    command = [ffmpeg_program(), "-nostdin", "-loglevel", "error", "-f", "concat", "-safe", "0"]
    subprocess.run([*command, "-i", str(parts), "-c", "copy", str(joined)], check=True)
    return joined


def main() -> None:
    """Decode, annotate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--repeat", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        path = chosen.file
        if chosen.repeat > 1:
            path = repeated(path, chosen.repeat, folder)
        decoding, length = decode(path)
        os.environ["TONESCRIBE_CACHE"] = str(folder / "cache")
        options = AnnotateOptions(
            source=str(path), out=str(folder / "dataset"), purpose="evaluation"
        )
        run_batch(plan_batch(options), run_plainly)
        rows = open_dataset(str(folder / "dataset")).arrow("recordings").to_table().to_pylist()
    stages = dict(rows[0]["stage_seconds"])
    total = sum(stages.values())
    for name, seconds in sorted(stages.items(), key=lambda item: -item[1]):
        print(f"{name:12} {seconds:7.1f} s {length / max(seconds, 1e-3):7.1f} x")
    print(f"{'all stages':12} {total:7.1f} s {length / total:7.1f} x")
    print(f"{'decoding':12} {decoding:7.1f} s {length / decoding:7.1f} x")
    print(f"all stages against decoding alone: {decoding / total:.2f}")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory: {own:.0f} MB, of a child {children:.0f} MB")


if __name__ == "__main__":
    sys.exit(main())
