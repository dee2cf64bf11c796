"""Measure whether memory grows with a video's length: `python benchmarks/memory_of_video.py FILE`.

FILE is a composed meeting with its truth beside it (`benchmarks/compose_meetings.py`). It is joined
to itself up to 10 minutes and 3 hours without encoding it again, and annotated in a process of its
own each time: turns of the truth, no words, real faces, synthetic branches: what networks weigh is
not there to hide what grows. With `--networks` all is done as it ships. Prints peak memory, of
the process and of its decoder, and the ratio.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import av
from video import repeated

from flows.batch import plan_batch, run_batch, run_plainly
from flows.options import AnnotateOptions
from lab.meetings.truth import SUFFIX, as_rttm, read_truth
from schemas.values import Seconds

MINUTES = (10.0, 180.0)
ENGINES = {
    "DIARIZER": "synthetic",
    "TRANSCRIBER": "none",
    "AUDIO": "synthetic",
    "VIDEO": "synthetic",
    "TEXT": "synthetic",
    "FUSION": "mean",
}


def length_of(path: Path) -> Seconds:
    """Return the length of a video."""
    with av.open(str(path)) as container:
        return float(container.duration or 0) / 1e6


def turns_again(path: Path, times: int, period: Seconds) -> str:
    """Return the true turns of a meeting that is joined to itself, as RTTM."""
    truth = read_truth(path.with_name(path.stem + SUFFIX))
    lines = []
    for line in as_rttm(truth, "joined").splitlines():
        fields = line.split()
        for time in range(times):
            moved = [*fields[:3], f"{float(fields[3]) + time * period:.3f}", *fields[4:]]
            lines.append(" ".join(moved))
    return "\n".join(lines) + "\n"


def measured(path: Path, minutes: float, engines: dict[str, str]) -> dict[str, float]:
    """Annotate a video of so many minutes in this process; return MB and seconds of processor."""
    period = length_of(path)
    times = max(1, round(minutes * 60 / period))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        joined = repeated(path, times, folder)
        if engines:
            turns = turns_again(path, times, length_of(joined) / times)
            joined.with_suffix(".rttm").write_text(turns, encoding="utf-8")
        os.environ |= {"TONESCRIBE_CACHE": str(folder / "cache")}
        os.environ |= {f"TONESCRIBE_ENGINES__{job}": name for job, name in engines.items()}
        options = AnnotateOptions(
            source=str(joined), out=str(folder / "dataset"), purpose="evaluation"
        )
        report = run_batch(plan_batch(options), run_plainly).recordings[0]
    own = resource.getrusage(resource.RUSAGE_SELF)
    child = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "minutes": round(times * period / 60, 1),
        "utterances": report.n_utterances,
        "process": round(own.ru_maxrss / 1024),
        "decoder": round(child.ru_maxrss / 1024),
        "processor seconds": round(own.ru_utime + own.ru_stime + child.ru_utime + child.ru_stime),
    }


def main() -> None:
    """Measure each length in a child process; print the table and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--minutes", type=float, nargs="+", default=MINUTES)
    parser.add_argument("--alone", action="store_true", help="measure in this process, print JSON")
    parser.add_argument("--networks", action="store_true", help="with the networks that ship")
    chosen = parser.parse_args()
    if chosen.alone:
        engines = {} if chosen.networks else ENGINES
        print(json.dumps(measured(chosen.file, chosen.minutes[0], engines)))
        return
    rows = []
    for minutes in chosen.minutes:
        command = [sys.executable, __file__, str(chosen.file), "--alone", "--minutes", str(minutes)]
        command += ["--networks"] if chosen.networks else []
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        rows.append(json.loads(ended.stdout.splitlines()[-1]))
        print(", ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    whole = [row["process"] + row["decoder"] for row in rows]
    own = [row["process"] for row in rows]
    print(f"peak memory, longest against shortest: {own[-1] / own[0]:.2f}")
    print(f"with the decoder: {whole[-1] / whole[0]:.2f}")


if __name__ == "__main__":
    main()
