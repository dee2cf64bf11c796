"""A temporary Prefect server for one run, which ends with the run whatever ends it."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.values import Seconds
from tasks.media.programs import bound

STARTUP_SECONDS: Seconds = 180.0
"""How long a server may take to start; on an idle machine it takes about five."""

_POLL_SECONDS = 0.1
_TERMINATION_SECONDS = 5.0
_TRIES = 3
_TEMPORARY = {
    # nobody reads the log of a server that ends with the run
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    # the server asks to be asked again soon: `flows/server_app.py`
    "PREFECT_CLIENT_MAX_RETRIES": "50",
}
_SERVER = "flows.server_app:create_app"


class NoServerError(Exception):
    """No Prefect server answers, and none could be started."""


@contextmanager
def temporary_prefect(meanwhile: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Start a temporary server and let Prefect use it; yield the address of its API.

    Its runs send no heartbeats: nothing listens for them, and the end of each run waits up to a
    second for the thread that sends them. Raises `NoServerError`.
    """
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with (
        temporary_server(meanwhile) as url,
        prefect_environment(PREFECT_API_URL=url, **_TEMPORARY),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield url


@contextmanager
def temporary_server(
    meanwhile: Callable[[], None] = lambda: None, deadline: Seconds = STARTUP_SECONDS
) -> Iterator[str]:
    """Start a server on loopback and yield the address of its API; end it afterwards.

    `meanwhile` is done while it starts. On Linux it also ends when this process is killed. Raises
    `NoServerError` where none starts before the deadline.
    """
    until = time.monotonic() + deadline
    for _ in range(_TRIES):
        port = _free_port()
        with tempfile.TemporaryFile() as errors:
            process = _start(port, errors.fileno())
            try:
                meanwhile()
                if _answers(port, process, until):
                    yield f"http://127.0.0.1:{port}/api"
                    return
            finally:
                _end(process)
    raise NoServerError


@contextmanager
def prefect_environment(**variables: str) -> Iterator[None]:
    """Set variables for Prefect, also in its other threads and in the processes of workers.

    Settings that hold in this thread alone would let it start a second server for the others.
    """
    from prefect.context import refresh_global_settings_context

    before = {name: os.environ[name] for name in variables if name in os.environ}
    os.environ.update(variables)
    refresh_global_settings_context()
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name, None)
        os.environ.update(before)
        refresh_global_settings_context()


def is_alive(api_url: str) -> bool:
    """Whether a server answers at the address of its API."""
    import httpx

    try:
        return httpx.get(f"{api_url}/health", timeout=_TERMINATION_SECONDS).is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _start(port: int, errors: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "uvicorn", "--factory", _SERVER, "--host", "127.0.0.1"]
    command += ["--port", str(port), "--log-level", "error", "--lifespan", "on"]
    command += ["--app-dir", str(Path(__file__).parents[1])]
    quiet = {
        "PREFECT_UI_ENABLED": "0",
        "PREFECT__SERVER_EPHEMERAL": "1",
        "PREFECT__SERVER_FINAL": "1",
    }
    return subprocess.Popen(
        bound(command),
        env=os.environ | quiet,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        # a Ctrl-C or a signal to the group ends the run first, then the run ends its server
        process_group=0,
        cwd=Path.home(),
    )


def _answers(port: int, process: subprocess.Popen[bytes], until: float) -> bool:
    while time.monotonic() < until and process.poll() is None:
        if is_alive(f"http://127.0.0.1:{port}/api"):
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=_TERMINATION_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
