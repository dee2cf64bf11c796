"""A night as `deployments/compose.yaml` has it, without Docker: its commands on PostgreSQL."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from schemas.dataset import open_dataset
from tests.flows.conftest import SYNTHETIC
from tests.material import broken
from tests.material.meetings import make_meeting
from tests.material.postgres import PASSWORD, postgres, postgres_programs

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SERVICES: Any = yaml.safe_load((ROOT / "deployments" / "compose.yaml").read_text())["services"]
PROGRAMS = postgres_programs()

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAMS is None, reason="PostgreSQL is not installed (postgresql)"),
]


def command_of(service: str) -> list[str]:
    return [*SERVICES[service]["entrypoint"], *SERVICES[service]["command"]]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a night: the server runs on PostgreSQL, everything is deployed."""
    assert PROGRAMS is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "TONESCRIBE_CACHE": str(tmp_path / "cache"),
        "TONESCRIBE_PURPOSE": "tests",
    } | {f"TONESCRIBE_ENGINES__{job}": name for job, name in SYNTHETIC.items()}
    started = []
    with postgres(PROGRAMS) as database:
        (url,) = SERVICES["server"]["environment"].values()
        url = re.sub(r"\$\{[^}]*\}", PASSWORD.replace(" ", "%20"), url)
        url = url.replace("database:5432", f"127.0.0.1:{database}")
        name = "PREFECT_API_DATABASE_CONNECTION_URL"
        try:
            command = [c.replace("0.0.0.0", "127.0.0.1") for c in command_of("server")]
            command += ["--port", str(port), "--no-ui"]
            started.append(start(command, environment | {name: url}))
            healthcheck = [
                c.replace("4200", str(port)) for c in SERVICES["server"]["healthcheck"]["test"][1:]
            ]
            until = time.monotonic() + 120
            while subprocess.run(
                healthcheck, env=environment, stderr=subprocess.DEVNULL
            ).returncode:
                assert time.monotonic() < until
                time.sleep(0.5)
            environment["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
            subprocess.run(
                command_of("deploy"),
                env=environment,
                cwd=ROOT,
                check=True,
                stdout=subprocess.DEVNULL,
            )
            started.append(start(command_of("worker"), environment))
            yield environment | {"DATABASE": url}
        finally:
            for process in reversed(started):
                end(process)


def start(command: list[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=quiet, stderr=quiet)


def end(process: "subprocess.Popen[bytes]") -> None:
    for child in psutil.Process(process.pid).children(recursive=True):
        child.kill()
    process.kill()
    process.wait()


def test_workers_annotate_a_batch_on_a_server_with_postgresql(
    night: dict[str, str], tmp_path: Path
) -> None:
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    make_meeting(recordings / "6.wav", duration=6)
    broken.empty(recordings / "empty.mp4")
    command = [shutil.which("tonescribe", path=str(BIN)) or "tonescribe", "annotate"]
    command += [str(recordings), "--out", str(tmp_path / "d"), "--runner", "workers"]
    done = subprocess.run(command, env=night, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 3, done.stderr
    assert "1 annotated, 0 already done, 1 in quarantine" in done.stdout
    dataset = open_dataset(str(tmp_path / "d"))
    assert len(dataset.arrow("recordings").to_table()) == 1
    for folder in ("leases", "handed"):
        assert not list((tmp_path / "d" / folder).glob("*"))
    runs = dict(kept(night["DATABASE"]))
    assert runs.pop("annotate-recordings") in (1, 2)  # the second may begin as the first ends
    assert runs == {"annotate": 1, "annotate-recording": 2}


def kept(url: str) -> list[tuple[str, int]]:
    """Count the runs of each flow in the database."""
    import asyncio

    import asyncpg

    async def read() -> Any:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            return await connection.fetch(
                "select flow.name, count(*) from flow_run join flow on flow.id = flow_id "
                "group by flow.name"
            )
        finally:
            await connection.close()

    return [(row["name"], row["count"]) for row in asyncio.run(read())]
