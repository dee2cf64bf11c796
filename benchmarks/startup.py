"""Measure what a process costs before it works: `python benchmarks/startup.py [--runs N]`.

Prints processor seconds of a new process until it has imported torch, loaded each engine alone,
and loaded all engines of the profile `embedded`; the least of several runs, machines being noisy.
"""

import argparse
import subprocess
import sys

LOAD = """
import resource, sys
from models.registry import ENGINES, load_engine
from schemas.settings import Settings
settings = Settings()
for job in sys.argv[1:] or ENGINES:
    load_engine(job, settings.engine(job), settings.weights)
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, len(sys.modules), used.ru_maxrss // 1024)
"""
JOBS = (
    "diarizer",
    "transcriber",
    "face_detector",
    "active_speaker",
    "audio",
    "video",
    "text",
    "fusion",
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    measure_torch = LOAD.replace("from models.registry", "import torch\nfrom models.registry")
    measure_torch = measure_torch.replace("sys.argv[1:] or ENGINES", "()")
    print(f"{'until loaded':16} {'CPU s':>6} {'modules':>8} {'MB':>6}")
    for title, script, jobs in (
        ("torch alone", measure_torch, ()),
        *((job, LOAD, (job,)) for job in JOBS),
        ("all engines", LOAD, ()),
    ):
        seconds, modules, memory = min(run(script, jobs) for _ in range(chosen.runs))
        print(f"{title:16} {seconds:6.1f} {modules:8.0f} {memory:6.0f}", flush=True)


def run(script: str, jobs: tuple[str, ...]) -> tuple[float, ...]:
    """Return processor seconds, modules and megabytes of a process."""
    command = [sys.executable, "-c", script, *jobs]
    made = subprocess.run(command, check=True, capture_output=True, text=True)
    return tuple(float(part) for part in made.stdout.split())


if __name__ == "__main__":
    main()
