"""`tonescribe review` as a user starts it: it answers, and ends when it is told to."""

import socket
import subprocess
import time
from pathlib import Path

import httpx

from schemas.dataset import Dataset
from tests.flows.test_command_line import COMMAND, environment
from tests.material.series import make_series


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_the_app_is_served_until_it_is_stopped(tmp_path: Path) -> None:
    make_series(Dataset(str(tmp_path / "dataset"), create=True))
    port = free_port()
    options = ["--purpose", "own-review", "--port", str(port)]
    with subprocess.Popen(
        [*COMMAND, "review", "dataset", *options],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as serving:
        try:
            assert "weekly 2026-09-07" in answer(f"http://127.0.0.1:{port}/api/meetings", serving)
        finally:
            serving.terminate()
        said, _ = serving.communicate(timeout=30)
    assert f"http://localhost:{port}" in said
    assert "Traceback" not in said


def answer(address: str, serving: subprocess.Popen[str], seconds: float = 60.0) -> str:
    """Return what is answered once it listens."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and serving.poll() is None:
        try:
            return httpx.get(address, timeout=5).raise_for_status().text
        except httpx.ConnectError:
            time.sleep(0.2)
    raise AssertionError(f"nothing listens at {address}")
