"""Run a child program with a deadline, limits, no network, and an end with its parent."""

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Self

from schemas.values import Seconds

_POLL_SECONDS = 0.05
_MOST_ERROR_BYTES = 1 << 20
_LAST_ERROR_BYTES = 4096
_LAUNCHER = str(Path(__file__).with_name("launcher.py"))


_GIB = 1 << 30

MOST_MEMORY_BYTES = 8 * _GIB
"""Address space of a child. Of 720p H.264 ffmpeg takes 0.8 GiB, PyAV 0.5, 4K nine times the
pictures; a decoder that is led astray asks for all there is."""


@dataclass(frozen=True)
class Confinement:
    """What a child may use that parses what strangers recorded.

    It opens no socket, writes no file but below `writable`, and of those none longer than
    `file_bytes`; nothing of it stays as a core. Linux only, elsewhere the deadline holds alone.
    """

    cpu_seconds: int
    file_bytes: int = _GIB
    writable: tuple[str, ...] = ()
    memory_bytes: int = MOST_MEMORY_BYTES

    @classmethod
    def of(cls, deadline: Seconds, file_bytes: int = _GIB, *writable: str | Path) -> Self:
        """Return the limits of a program with a deadline: all cores may work until then."""
        cpu_seconds = math.ceil(deadline * (os.cpu_count() or 1)) + 1
        return cls(cpu_seconds, file_bytes, tuple(str(path) for path in writable))


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


def run_program(
    command: Sequence[str], deadline: Seconds, confinement: Confinement | None = None
) -> Ended:
    """Run a command without a shell or standard input and wait for it.

    It is killed when the deadline passes, when we are interrupted or cancelled, and, on Linux,
    when this thread ends in any way. It stays in our process group, so that whoever ends the
    group ends it too. What it writes goes to files: a pipe that nobody empties blocks it.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            bound(command, confinement),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )
        try:
            returncode = _wait(process, time.monotonic() + deadline, errors)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        output.seek(0)
        return Ended(returncode, output.read(), _tail(errors))


@contextlib.contextmanager
def running(command: Sequence[str], confinement: Confinement) -> Iterator[subprocess.Popen[bytes]]:
    """Start a confined command whose output is read from a pipe; end it with the block."""
    process = subprocess.Popen(
        bound(command, confinement),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def bound(command: Sequence[str], confinement: Confinement | None = None) -> list[str]:
    """Prefix the command with a launcher that ties its life to ours and confines it (Linux only).

    A launcher and no `preexec_fn`: that one may deadlock in a process with threads.
    """
    if not sys.platform.startswith("linux"):
        return list(command)
    limits = json.dumps(asdict(confinement) if confinement else {})
    return [sys.executable, "-I", "-S", _LAUNCHER, str(os.getpid()), limits, *command]


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
