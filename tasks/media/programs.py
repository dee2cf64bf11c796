"""Run a child program with a deadline, a memory limit, and an end with its parent."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from schemas.values import Seconds

_POLL_SECONDS = 0.05
_MOST_ERROR_BYTES = 1 << 20
_LAST_ERROR_BYTES = 4096
_LAUNCHER = str(Path(__file__).with_name("launcher.py"))


@dataclass(frozen=True)
class Ended:
    """How a program ended: `returncode` is None where the deadline passed and it was killed."""

    returncode: int | None
    output: bytes
    errors: str

    @property
    def last_error(self) -> str:
        """The last line that it wrote to its standard error; empty where it wrote none."""
        lines = [line.strip() for line in self.errors.splitlines() if line.strip()]
        return lines[-1] if lines else ""


def run_program(command: Sequence[str], deadline: Seconds) -> Ended:
    """Run a command without a shell or standard input and wait for it.

    It is killed when the deadline passes, when we are interrupted or cancelled, and, on Linux,
    when this thread ends in any way. It stays in our process group, so that whoever ends the
    group ends it too. What it writes goes to files: a pipe that nobody empties blocks it.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            bound(command), stdin=subprocess.DEVNULL, stdout=output, stderr=errors
        )
        try:
            returncode = _wait(process, time.monotonic() + deadline, errors)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        output.seek(0)
        return Ended(returncode, output.read(), _tail(errors))


def bound(command: Sequence[str]) -> list[str]:
    """Prefix the command with a launcher that ties its life to ours (Linux only).

    A launcher and no `preexec_fn`: that one may deadlock in a process with threads.
    """
    if not sys.platform.startswith("linux"):
        return list(command)
    return [sys.executable, "-I", "-S", _LAUNCHER, str(os.getpid()), *command]


def _wait(process: subprocess.Popen[bytes], deadline: float, errors: IO[bytes]) -> int | None:
    while (left := deadline - time.monotonic()) > 0:
        try:
            return process.wait(timeout=min(left, _POLL_SECONDS))
        except subprocess.TimeoutExpired:
            if os.fstat(errors.fileno()).st_size > _MOST_ERROR_BYTES:
                _cut(process, errors)
    return None


def _cut(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    """Keep the end of the errors only; the program stands still meanwhile, so no line is lost."""
    process.send_signal(signal.SIGSTOP)
    try:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        last = _tail(errors).encode()
        os.ftruncate(errors.fileno(), 0)
        os.write(errors.fileno(), last)
    finally:
        process.send_signal(signal.SIGCONT)


def _tail(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _LAST_ERROR_BYTES))
    return errors.read().decode("utf-8", "replace")
