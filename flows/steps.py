"""Run one step of a recording: as a Prefect task inside a flow run, as a plain call outside one.

Prefect observes and shows; the work is the same either way. Results lie in the cache of stages
alone (`flows/cache.py`), and a step repeats itself where its storage did not answer.
"""

import logging
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from flows.discretion import without_names
from flows.failures import StageFailedError, as_ours
from schemas.errors import UnavailableError
from schemas.values import Seconds

Result = TypeVar("Result")

RETRY_DELAYS: tuple[Seconds, ...] = (1.0, 5.0)
"""Waits between tries of a step whose storage, network or disk failed, plus up to a third at
random."""


_about: ContextVar[str] = ContextVar("about_recording", default="")


@contextmanager
def about(recording_id: str) -> Iterator[None]:
    """Begin every line that is logged inside with the recording's id."""
    token = _about.set(recording_id)
    try:
        yield
    finally:
        _about.reset(token)


def in_flow_run() -> bool:
    """Whether a Prefect flow run is under way in this thread; imports nothing."""
    if "prefect" not in sys.modules:
        return False
    from prefect.context import FlowRunContext

    return FlowRunContext.get() is not None


def log(message: str, *arguments: object) -> None:
    """Write a line to the log of the flow run, else to the program's own.

    It begins with the id of the recording that it is about (`about`).
    """
    if recording_id := _about.get():
        message, arguments = f"%s: {message}", (recording_id, *arguments)
    if in_flow_run():
        from prefect import get_run_logger

        get_run_logger().info(message, *arguments)
    else:
        logging.getLogger("tonescribe").info(message, *arguments)


def attempt(
    step: str, run: Callable[[], Result], *, key: str | None = None, is_cached: bool = False
) -> Result:
    """Run a step; any error becomes a `StageFailedError`.

    `key` is the step's cache key, where it has one; `is_cached` says that `run` only looks the
    result up. Both are shown in Prefect.
    """
    if not in_flow_run():
        return guarded(step, run)
    from flows.prefect_tasks import task_of

    results: list[Result] = []
    run_task: Any = task_of(step)
    state = run_task(
        key=key,
        is_cached=is_cached,
        run=lambda: results.append(guarded(step, run)),
        return_state=True,
    )
    outcome: Any = state.result(raise_on_failure=False)
    if isinstance(outcome, BaseException):
        raise outcome
    return results[-1]


def guarded(step: str, run: Callable[[], Result]) -> Result:
    """Run a step, again where storage, network or disk fail; errors become `StageFailedError`."""
    for delay in (*RETRY_DELAYS, None):
        try:
            return run()
        except Exception as error:
            cause = as_ours(error)
            if delay is None or not isinstance(cause, UnavailableError):
                logging.getLogger("tonescribe").debug("The stage '%s' failed.", step, exc_info=True)
                raise StageFailedError(step, cause) from error
            log("The stage '%s' is tried again: %s", step, without_names(cause.sentence))
            time.sleep(delay * random.uniform(1.0, 1.33))  # noqa: S311 - spreads retries, no secret
    raise AssertionError("the last try returns or raises")
