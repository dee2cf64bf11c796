"""Measure what a recording costs beside its stages: `python benchmarks/cost.py [--n 40]`.

Annotates 30-s clips one by one with synthetic engines, without Prefect and then as
`tonescribe annotate` does by default: on a temporary Prefect server on this machine, whose own
processor time is therefore in the figures. What counts is the wall time from the end of a
recording to that of the next, less the time inside the functions of the stages: Prefect's runs of
flow and tasks, leases, the cache of stages, rows, page and manifest, artifacts.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import psutil
import soundfile

import flows.recording
from benchmarks.reporting import Report
from flows.batch import plan_batch, run_batch, run_plainly
from flows.options import AnnotateOptions
from flows.progress import Event, listening
from schemas.reports import RecordingReport
from tests.flows.conftest import SYNTHETIC

RATE = 16_000
FIRST = 3
"""Recordings that are not counted: whatever is loaded at first use is loaded in them."""


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--report", type=Path, help="also write cost.md there")
    chosen = parser.parse_args()
    command = "python benchmarks/cost.py --report docs/reports/unattended"
    report = Report(chosen.report, "cost", "Cost of a recording beside its stages", command)
    top = Path(tempfile.mkdtemp(prefix="cost-"))
    os.environ |= {"TONESCRIBE_PURPOSE": "evaluation", "OMP_NUM_THREADS": "1"}
    os.environ |= {"PREFECT_HOME": str(top / "prefect")}
    os.environ |= {f"TONESCRIBE_ENGINES__{job}": name for job, name in SYNTHETIC.items()}
    make_clips(top / "recordings", chosen.n + FIRST, chosen.seconds)
    report.say(f"{chosen.n} clips of {chosen.seconds:.0f} s, one by one, seconds per recording:")
    report.say()
    report.say("| | beside the stages, wall | inside the stages | processor of this process |")
    report.say("|---|---|---|---|")
    for title, with_prefect in (("without Prefect", False), ("with Prefect", True)):
        os.environ["TONESCRIBE_CACHE"] = str(top / title / "cache")
        options = AnnotateOptions(source=str(top / "recordings"), out=str(top / title / "dataset"))
        beside, inside, used = measure(options, with_prefect=with_prefect)
        report.say(f"| {title} | {beside:.2f} | {inside:.2f} | {used:.2f} |")
    report.write()
    shutil.rmtree(top)


def make_clips(folder: Path, count: int, seconds: float) -> None:
    """Write sounds of two voices in turn, each another one."""
    folder.mkdir()
    random = np.random.default_rng(0)
    at = np.arange(int(seconds * RATE)) / RATE
    tone = 0.3 * np.sin(2 * np.pi * np.where(at % 6 < 3, 220, 440) * at)
    tone[(at % 3) > 2] = 0
    for number in range(count):
        noise = 1e-3 * random.standard_normal(len(at))
        soundfile.write(folder / f"{number:04}.wav", tone + noise, RATE)


def measure(options: AnnotateOptions, *, with_prefect: bool) -> tuple[float, float, float]:
    """Annotate; return seconds per recording beside and inside the stages, and of processor."""
    inside = 0.0
    run_stage = flows.recording.run_stage
    marks: list[tuple[float, float, float]] = []

    def timed(*given: Any) -> Any:
        nonlocal inside
        began = time.perf_counter()
        try:
            return run_stage(*given)
        finally:
            inside += time.perf_counter() - began

    def hear(event: Event) -> None:
        if isinstance(event, RecordingReport):
            assert event.outcome == "annotated", event.sentence
            used = psutil.Process().cpu_times()
            marks.append((time.perf_counter(), inside, used.user + used.system))

    flows.recording.run_stage = timed
    try:
        with listening(hear):
            annotate(options, with_prefect=with_prefect)
    finally:
        flows.recording.run_stage = run_stage
    count = len(marks) - FIRST
    wall, staged, used = (
        (last - first) / count for first, last in zip(marks[FIRST - 1], marks[-1], strict=True)
    )
    return wall - staged, staged, used


def annotate(options: AnnotateOptions, *, with_prefect: bool) -> None:
    """Annotate with or without Prefect."""
    batch = plan_batch(options)
    if not with_prefect:
        run_batch(batch, run_plainly)
        return
    from flows.cli.annotate import _annotate
    from flows.options import quiet_prefect

    quiet_prefect()
    _annotate(batch)


if __name__ == "__main__":
    main()
