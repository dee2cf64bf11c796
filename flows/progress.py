"""Who is told how a run goes: the command line listens here, the flows speak."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from schemas.values import Value


class Progress(Value):
    """One step: recording `number` of `count` is in `stage`; `done` in [0, 1] of it is behind."""

    number: int
    count: int
    title: str
    stage: str
    done: float


Listener = Callable[[Progress], None]

_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)
_place: ContextVar[tuple[int, int]] = ContextVar("place_in_batch", default=(1, 1))


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hear every step of the flows that run inside."""
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


def tell(title: str, stage: str, done: float) -> None:
    """Tell the listener, where there is one."""
    if listener := _listener.get():
        number, count = _place.get()
        listener(Progress(number=number, count=count, title=title, stage=stage, done=done))
