"""Progress events from the flows to the command line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from schemas.reports import RecordingReport
from schemas.values import Value


class Progress(Value):
    """One step: recording `number` of `count` is in `stage`; `done` in [0, 1] of it is behind."""

    number: int
    count: int
    title: str
    stage: str
    done: float


Event = Progress | RecordingReport
"""A step, or the end of a recording."""

Listener = Callable[[Event], None]

_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)
_place: ContextVar[tuple[int, int]] = ContextVar("place_in_batch", default=(1, 1))


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Pass every event of the flows that run inside to a listener."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def at_place(number: int, count: int) -> Iterator[None]:
    """Say which recording of the batch is at work inside."""
    token = _place.set((number, count))
    try:
        yield
    finally:
        _place.reset(token)


def emit_stage(title: str, stage: str, done: float) -> None:
    """Pass the beginning of a stage to the listener, where there is one."""
    number, count = _place.get()
    emit(Progress(number=number, count=count, title=title, stage=stage, done=done))


def emit(event: Event) -> None:
    """Pass an event to the listener, where there is one."""
    if listener := _listener.get():
        listener(event)
