"""Seconds and peak memory per stage, for meetings of several lengths.

    python benchmarks/stages.py [FOLDER] [--quick] [--uncaptioned]

Each meeting runs in a process of its own, without Prefect and with an empty cache, so that the
peak is its own. FOLDER keeps the recordings between runs. Without captions the recogniser that
ships writes the words.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CASES = ((30, True), (600, True), (3600, True), (600, False), (10_800, False))
QUICK = ((30, True), (600, False))
UNCAPTIONED = ((600, False), (10_800, False))


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def measure(recording: Path) -> dict[str, dict[str, float]]:
    """Run all stages on one recording in this process; return seconds and MB per stage."""
    from flows.annotate import check_engines
    from flows.stages import wanted_stages
    from flows.work import Work
    from schemas.policy import Policy
    from schemas.settings import load_settings
    from tasks.ingest.fetch import fetch
    from tasks.ingest.find import find_recordings

    settings = load_settings({"purpose": "benchmark"})
    measured: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        begun = time.perf_counter()
        check_engines(settings)
        measured["(load)"] = {"seconds": time.perf_counter() - begun, "mb": _peak_mb()}
        item = fetch(find_recordings(str(recording))[0], Path(scratch))
        work = Work(item, settings, Policy.decide(settings), Path(scratch))
        for stage in wanted_stages(settings):
            _reset_peak()
            begun = time.perf_counter()
            setattr(work, stage.gives, stage.run(work))
            seconds = time.perf_counter() - begun
            measured[stage.name] = {"seconds": seconds, "mb": _peak_mb()}
    return measured


def _child(recording: Path) -> dict[str, dict[str, float]]:
    command = [sys.executable, "-W", "ignore", __file__, "--one", str(recording)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, dict[str, float]] = json.loads(run.stdout.splitlines()[-1])
    return found


def _report(columns: dict[str, tuple[int, dict[str, dict[str, float]]]]) -> None:
    names = list(columns)
    print(f"{'stage':<12}" + "".join(f"{name:>20}" for name in names))
    for stage in next(iter(columns.values()))[1]:
        cells = [columns[name][1][stage] for name in names]
        print(
            f"{stage:<12}" + "".join(f"{c['seconds']:>10.1f} s {c['mb']:>5.0f} MB" for c in cells)
        )
    for name, (seconds, stages) in columns.items():
        spent = sum(s["seconds"] for stage, s in stages.items() if stage != "(load)")
        peak = max(s["mb"] for s in stages.values())
        print(f"{name}: {seconds / spent:.1f}x real time, peak {peak:.0f} MB")


def main() -> None:
    """Run the cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--uncaptioned", action="store_true")
    parser.add_argument("--one", type=Path)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one)))
        return
    from benchmarks.recordings import meeting

    folder = options.folder or Path(tempfile.mkdtemp())
    columns = {}
    captions = not options.uncaptioned
    chosen = QUICK if options.quick else CASES if captions else UNCAPTIONED
    for seconds, video in chosen:
        name = f"{'720p' if video else 'sound'} {seconds} s"
        recording = meeting(folder, seconds, video=video, captions=captions)
        columns[name] = (seconds, _child(recording))
        print(f"{name} done", file=sys.stderr)
    _report(columns)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    main()
