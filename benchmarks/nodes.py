"""Measure one node against two, and kill one: `python benchmarks/nodes.py ray|workers [--n 20]`.

Synthetic engines over short recordings; judging the voice sleeps `--seconds` per recording, as a
GPU would keep a processor waiting, so the figures hold for a machine with few processors too. They
say how well the work is shared out, not how fast a recording is: all nodes are on one machine.
Prints the seconds of one node and of two, their ratio, and what a run has lost whose second node
was killed in the middle. `ray`: nodes are raylets of one processor. `workers`: nodes are Prefect
workers that take one run at a time.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.reporting import Report  # noqa: E402
from tests.flows.conftest import SYNTHETIC  # noqa: E402
from tests.material.meetings import make_meeting  # noqa: E402

SLOW = """
import importlib.abc, importlib.machinery, os, sys, time

class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "models.audio.synthetic":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module
        def exec_module(module):
            run(module)
            score = module.LoudnessBranch.score
            def slow(self, samples):
                time.sleep(float(os.environ["SLEEP_SECONDS"]))
                return score(self, samples)
            module.LoudnessBranch.score = slow
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Slow())
"""
"""A `sitecustomize` for every process of the nodes."""

Nodes = Callable[[int], Any]
"""Opens so many nodes; yields a function that kills the last."""


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runner", choices=("ray", "workers"))
    parser.add_argument("--n", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--report", type=Path, help="also write nodes-RUNNER.md there")
    chosen = parser.parse_args()
    made_by = (
        f"python benchmarks/nodes.py {chosen.runner} --n {chosen.n} --seconds {chosen.seconds:g}"
    )
    report = Report(chosen.report, f"nodes-{chosen.runner}", TITLES[chosen.runner], made_by)
    say = report.say
    say(
        f"{chosen.n} recordings of 6 to {6 + chosen.n / 10:.0f} s with synthetic engines, one of "
        f"which sleeps {chosen.seconds:g} s per recording, as a GPU keeps a processor waiting. "
        f"Load of the machine at the start: {os.getloadavg()[0]:.1f}."
    )
    say()
    top = Path(tempfile.mkdtemp(prefix="nodes-"))
    (top / "slow").mkdir()
    (top / "slow" / "sitecustomize.py").write_text(SLOW)
    recordings = top / "recordings"
    recordings.mkdir()
    for number in range(chosen.n):
        make_meeting(recordings / f"{number:03}.wav", duration=6 + number / 10)
    os.environ.update({f"TONESCRIBE_ENGINES__{job}": name for job, name in SYNTHETIC.items()})
    os.environ |= {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(
            [str(top / "slow"), str(ROOT), os.environ.get("PYTHONPATH", "")]
        ),
        "SLEEP_SECONDS": str(chosen.seconds),
        "TONESCRIBE_PURPOSE": "evaluation",
        "TONESCRIBE_RUNNER": chosen.runner,
        "PREFECT_HOME": str(top / "prefect"),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "600",  # a busy machine starts them slowly
    }
    with ExitStack() as stack:
        api = stack.enter_context(server())
        os.environ["PREFECT_API_URL"] = api
        nodes = NODES[chosen.runner]
        stack.enter_context(deployed(chosen.runner))
        one, _ = timed(nodes, recordings, top / "one", 1)
        two, _ = timed(nodes, recordings, top / "two", 2)
        say(f"* One node {one:.0f} s, two nodes {two:.0f} s: {one / two:.2f} times as fast")
        third, reported = timed(nodes, recordings, top / "killed", 2, kill_after=two / 3)
        say(f"* A node killed after {two / 3:.0f} s: {third:.0f} s, {reported}")
        say(f"* Rows of the three: {[published(top / d) for d in ('one', 'two', 'killed')]}")
        _, again = timed(nodes, recordings, top / "killed", 1)
        say(f"* The same command again: {again}; {published(top / 'killed')}")
        left = [p.name for d in ("leases", "handed") for p in (top / "killed" / d).glob("*")]
        say(f"* Left in leases and handed: {left}")
    report.write()


def timed(
    nodes: Nodes, recordings: Path, out: Path, count: int, kill_after: float | None = None
) -> tuple[float, str]:
    """Annotate with so many nodes; return the seconds and the sentence of the run."""
    os.environ["TONESCRIBE_CACHE"] = f"{out}-cache"
    with nodes(count) as kill:
        if kill_after is not None:
            threading.Timer(kill_after, kill).start()
        begun = time.perf_counter()
        command = [sys.executable, "-m", "flows.cli.app", "annotate", str(recordings), "--out"]
        ended = subprocess.run([*command, str(out)], cwd=ROOT, capture_output=True, text=True)
        seconds = time.perf_counter() - begun
    last = (ended.stdout.strip() or ended.stderr.strip()).splitlines()[-1:]
    return seconds, f"exit code {ended.returncode}, {' '.join(last)}"


def published(out: Path) -> str:
    """Count manifests and rows, and rows that are there twice."""
    from schemas.dataset import open_dataset

    rows = open_dataset(str(out)).arrow("utterances").to_table().to_pylist()
    keys = {(row["recording_id"], row["utterance_index"]) for row in rows}
    manifests = len(list((out / "manifests").glob("*.json")))
    return f"{manifests} recordings, {len(rows)} rows, {len(rows) - len(keys)} doubled"


@contextmanager
def server() -> Iterator[str]:
    """Yield the Prefect server that is set, else one of our own."""
    from flows.server import temporary_server

    if api := os.environ.get("PREFECT_API_URL"):
        yield api
        return
    with temporary_server(deadline=900) as api:
        yield api


@contextmanager
def raylets(count: int) -> Iterator[Callable[[], None]]:
    """Run a cluster of a head without processors and so many raylets of one processor."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    os.environ["TONESCRIBE_RAY__ADDRESS"] = cluster.address
    added = [cluster.add_node(num_cpus=1) for _ in range(count)]
    cluster.wait_for_nodes()
    try:
        yield lambda: cluster.remove_node(added[-1], allow_graceful=False)
    finally:
        cluster.shutdown()


@contextmanager
def workers(count: int) -> Iterator[Callable[[], None]]:
    """Run so many Prefect workers, each of which takes one run at a time."""
    started = []
    for number in range(count):
        command = [prefect(), "worker", "start", "--pool", "nodes", "--limit", "1"]
        started.append(
            subprocess.Popen(
                [*command, "--name", f"node {number}"],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )
    try:
        yield lambda: kill_all(started[-1])
    finally:
        for process in started:
            kill_all(process)


def kill_all(process: "subprocess.Popen[bytes]") -> None:
    """Kill a worker and all that it started, as a power cut does."""
    import psutil

    try:
        found = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        found = []
    for child in [*found, process]:
        try:
            os.kill(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()


@contextmanager
def deployed(runner: str) -> Iterator[None]:
    """Deploy what workers run."""
    if runner == "workers":
        run = (prefect(), "work-pool", "create", "nodes", "--type", "process", "--overwrite")
        subprocess.run(run, cwd=ROOT, check=True, capture_output=True)
        files = ("--prefect-file", "deployments/prefect.yaml", "--name", "many", "--pool", "nodes")
        subprocess.run(
            (prefect(), "--no-prompt", "deploy", *files), cwd=ROOT, check=True, capture_output=True
        )
    yield


def prefect() -> str:
    """Return Prefect's program."""
    return str(Path(sys.executable).parent / "prefect")


TITLES = {"ray": "Two raylets over one", "workers": "Two Prefect workers over one"}
NODES: dict[str, Nodes] = {"ray": raylets, "workers": workers}

if __name__ == "__main__":
    main()
