"""End the program when it is asked to (SIGTERM), whatever it is doing at that moment.

Python runs a signal handler in the main thread, between two steps of the interpreter. A network
may keep that thread for a minute, and an exception that is raised inside a callback of a library
is lost. So a thread of its own listens, too: it says so at once, ends the worker processes, and
ends the program if it has not ended itself after a few seconds.
"""

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.values import Seconds

TERMINATED = 128 + signal.SIGTERM
"""Exit code of a program that was asked to end."""

_GRACE_SECONDS: "Seconds" = 5.0
"""How long the main thread may take to report to a server and to remove its scratch folder."""

_asked = threading.Event()
_said = threading.Event()


class TerminatedError(BaseException):
    """Somebody asked this process to end (SIGTERM)."""


def end_when_asked() -> None:
    """Let SIGTERM end this program within seconds; call it once, in the main thread."""
    # the process that removes the semaphores of the workers says so, as a warning
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker")
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, _raise)
    threading.Thread(target=_end, args=(reader,), name="ending", daemon=True).start()


def was_asked_to_end() -> bool:
    """Whether SIGTERM came; whatever fails from then on failed because of it."""
    return _asked.is_set()


def end_now() -> None:
    """End; what the worker processes left is removed, but no library may hold the end up."""
    from tasks.scratch import sweep_scratch

    _said.wait(_GRACE_SECONDS)
    sweep_scratch(with_own=True)
    os._exit(TERMINATED)


def end_with_parent() -> None:
    """Tie the life of a worker process to that of the process that started it."""
    import multiprocessing.connection

    parent = multiprocessing.parent_process()
    if parent is None:
        return
    # the parent says how it ends; a worker that is told to end as well says nothing
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(TERMINATED)

    threading.Thread(target=watch, name="ending", daemon=True).start()


def _raise(_signal: int, _frame: object) -> None:
    _asked.set()
    raise TerminatedError


def _end(reader: int) -> None:
    import multiprocessing

    from tasks.scratch import sweep_scratch

    while signal.SIGTERM not in os.read(reader, 64):
        pass
    _asked.set()
    with contextlib.suppress(OSError, ValueError):  # nobody may be there to read it
        sys.stderr.write("tonescribe: terminated; what was published is whole.\n")
        sys.stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # libraries would say more
    for worker in multiprocessing.active_children():
        worker.kill()
    _said.set()
    threading.Event().wait(_GRACE_SECONDS)
    sweep_scratch(with_own=True)
    os._exit(TERMINATED)
