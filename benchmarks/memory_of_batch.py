"""Measure what a batch costs beside its stages: `python benchmarks/memory_of_batch.py [--n 200]`.

Annotates short recordings with synthetic engines in one process. Prints the memory after the 20th
and the last recording, and the seconds per recording beside its stages (listing, leases,
publishing; with `--server` also Prefect and its artifacts).
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import psutil
import soundfile

from flows.batch import plan_batch, run_batch, run_plainly
from flows.options import AnnotateOptions
from flows.progress import Event, Progress, listening
from schemas.reports import BatchReport, RecordingReport
from tests.flows.conftest import SYNTHETIC

FIRST = 20


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--server", action="store_true")
    chosen = parser.parse_args()
    top = Path(tempfile.mkdtemp(prefix="batch-"))
    os.environ |= {"TONESCRIBE_CACHE": str(top / "cache"), "TONESCRIBE_PURPOSE": "evaluation"}
    os.environ |= {f"TONESCRIBE_ENGINES__{job}": name for job, name in SYNTHETIC.items()}
    (top / "recordings").mkdir()
    random = np.random.default_rng(0)
    at = np.arange(int(chosen.seconds * 16_000)) / 16_000
    for number in range(chosen.n):
        tone = 0.3 * np.sin(2 * np.pi * (220 if number % 2 else 440) * at)
        tone[(at % 3) > 2] = 0
        noise = 1e-3 * random.standard_normal(len(at))
        soundfile.write(top / "recordings" / f"{number:04}.wav", tone + noise, 16_000)
    options = AnnotateOptions(source=str(top / "recordings"), out=str(top / "dataset"))
    memory: list[float] = []

    def hear(event: Event) -> None:
        if isinstance(event, RecordingReport):
            memory.append(psutil.Process().memory_info().rss / 2**20)
        elif isinstance(event, Progress):
            return

    began = time.perf_counter()
    with listening(hear):
        report = run(options, with_server=chosen.server)
    wall = time.perf_counter() - began
    inside = sum(sum(each.stage_seconds.values()) for each in report.recordings)
    used = psutil.Process().cpu_times()
    print(report.sentence)
    print(f"memory: {memory[FIRST - 1]:.0f} MB after {FIRST}, {memory[-1]:.0f} MB after {chosen.n}")
    print(f"growth: {100 * (memory[-1] / memory[FIRST - 1] - 1):.1f} %")
    print(f"beside the stages: {(wall - inside) / chosen.n:.2f} s per recording, wall")
    print(f"processor: {(used.user + used.system) / chosen.n:.2f} s per recording in all")
    shutil.rmtree(top)


def run(options: AnnotateOptions, *, with_server: bool) -> BatchReport:
    """Annotate with or without Prefect."""
    batch = plan_batch(options)
    if not with_server:
        return run_batch(batch, run_plainly)
    from flows.cli.annotate import _annotate
    from flows.options import quiet_prefect

    quiet_prefect()
    return _annotate(batch)


if __name__ == "__main__":
    main()
