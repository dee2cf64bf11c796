"""Run a stage in the memory and the time that there are.

A stage whose network finds no memory is run again: with half the batch, a quarter, … down to one
sample, then in a smaller compute type, then on the processor. Each step stands in the manifest.
"""

import ctypes
import gc
import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flows.steps import log
from flows.work import Stage, Work
from models.precision import choose_device
from models.registry import unload_engines
from schemas.errors import ResourceError
from schemas.settings import LimitSettings, Settings
from schemas.values import Seconds

LEAST_STAGE_SECONDS: Seconds = 600.0
"""The shortest deadline of a stage: loading networks takes long on a busy machine."""

GRACE_SECONDS: Seconds = 60.0
"""How long a stage may take to end after its deadline before its worker process is ended."""

_NO_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "bad_alloc")
"""What libraries say that have no error class for it."""

_BYTES_OF_GIGABYTE = 1e9


def is_memory_error(error: BaseException) -> bool:
    """Whether an error says that memory ran out, of the machine or of a GPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    is_plain = isinstance(error, RuntimeError | OSError)
    return is_plain and any(sign in str(error).lower() for sign in _NO_MEMORY)


def smaller_settings(settings: Settings) -> Iterator[tuple[str, Settings]]:
    """Yield ever smaller ways to compute the same, each with its name."""
    weights = settings.weights

    def made(**changes: Any) -> Settings:
        nonlocal weights
        weights = weights.model_copy(update=changes)
        return settings.model_copy(update={"weights": weights})

    while weights.batch_size > 1:
        half = weights.batch_size // 2
        yield f"batch size {half}", made(batch_size=half)
    if choose_device(weights.device).type == "cuda":
        yield "smaller compute type", made(compute="small")
        yield "on the processor", made(device="cpu")


def run_stage(stage: Stage, work: Work) -> Any:
    """Run a stage within its deadline, smaller where memory runs out.

    Raises `ResourceError` where the smallest is too large, or the deadline passes.
    """
    with deadline(stage_seconds(work), f"The stage '{stage.name}'"):
        return _within_memory(stage, work)


def _within_memory(stage: Stage, work: Work) -> Any:
    settings = work.settings
    if (found := _tried(stage, work)) is not None:
        return found[0]
    for what, smaller in smaller_settings(settings) if stage.engines else ():
        _free_memory()
        log("Memory ran out in the stage '%s'; it is tried again: %s.", stage.name, what)
        work.degraded.append(f"{stage.name}: {what}")
        work.settings = smaller
        try:
            found = _tried(stage, work)
        finally:
            work.settings = settings
        if found is not None:
            _free_memory()  # the next recording begins as the settings say
            return found[0]
    raise ResourceError(
        f"Memory ran out in the stage '{stage.name}'; annotate fewer recordings at a time "
        "(workers), or on a machine with more memory."
    )


def _tried(stage: Stage, work: Work) -> tuple[Any] | None:
    """Return the result of a stage in a tuple of one, or None where memory ran out."""
    try:
        return (stage.run(work),)
    except Exception as error:
        if not is_memory_error(error):
            raise
        return None


def _free_memory() -> None:
    unload_engines()
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def stage_seconds(work: Work) -> Seconds:
    """Return how long a stage of this recording may take."""
    media = getattr(work, "media", None)
    minutes = media.duration / 60 if media else 0.0
    return max(LEAST_STAGE_SECONDS, work.settings.limits.stage_seconds_per_minute * minutes)


def fetch_seconds(size: int, limits: LimitSettings) -> Seconds:
    """Return how long it may take to fetch so many bytes."""
    in_gigabytes = size / _BYTES_OF_GIGABYTE
    return max(LEAST_STAGE_SECONDS, limits.fetch_seconds_per_gigabyte * in_gigabytes)


class _Expired(BaseException):
    """Raised in a thread whose deadline passed; no handler for errors catches it."""


@contextmanager
def deadline(seconds: Seconds, what: str) -> Iterator[None]:
    """End what runs inside when its time is over; it then raises `ResourceError`.

    The exception reaches the thread at its next step in Python, between two batches of a network
    or within a second of waiting for a storage. Code that never comes back from a library cannot
    be ended alone: after `GRACE_SECONDS` a worker process ends itself, and its batch goes on
    without it; a run in a single process can only say so.
    """
    watch = _Watch(threading.get_ident(), what)
    timers = [
        _timer(seconds, watch.interrupt),
        _timer(seconds + GRACE_SECONDS, watch.end_worker),
    ]
    try:
        try:
            yield
        finally:
            watch.is_over = True
    except _Expired:
        raise ResourceError(
            f"{what} did not end within {seconds:.0f} seconds and was ended; try again, or raise "
            "limits.stage_seconds_per_minute or limits.fetch_seconds_per_gigabyte."
        ) from None
    finally:
        for timer in timers:
            timer.cancel()
        watch.call_off()


class _Watch:
    def __init__(self, thread: int, what: str) -> None:
        self._thread = thread
        self._what = what
        self._lock = threading.Lock()
        self.is_over = False

    def interrupt(self) -> None:
        with self._lock:
            if not self.is_over:
                _raise_in(self._thread, _Expired)

    def end_worker(self) -> None:
        if self.is_over:
            return
        logging.getLogger("tonescribe").warning(
            "%s is over its deadline in a library that does not come back.", self._what
        )
        if multiprocessing.parent_process() is not None:
            os._exit(1)

    def call_off(self) -> None:
        """Take back an exception that did not arrive in time."""
        with self._lock:
            self.is_over = True
            _raise_in(self._thread, None)


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    exception = None if kind is None else ctypes.py_object(kind)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), exception)


def _timer(seconds: Seconds, action: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), action)
    timer.daemon = True
    timer.start()
    return timer
