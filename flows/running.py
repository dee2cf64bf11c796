"""Run one step of a recording: as a Prefect task inside a flow run, as a plain call outside one.

Prefect observes and shows; what is done is the same either way.
"""

import logging
import random
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from schemas.errors import (
    InputError,
    PolicyError,
    ResourceError,
    SettingsError,
    TonescribeError,
    UnavailableError,
    WeightsError,
)
from schemas.values import Seconds

Result = TypeVar("Result")

CAUSES: dict[type[TonescribeError], str] = {
    InputError: "input",
    PolicyError: "policy",
    ResourceError: "resource",
    SettingsError: "settings",
    WeightsError: "weights",
}
"""What an operator can do about a failure; anything else is a defect, "internal"."""

RETRY_DELAYS: tuple[Seconds, ...] = (1.0, 5.0)
"""Waits before a step is tried again whose storage did not answer; a third is added at random."""


class StageFailedError(Exception):
    """A stage could not do its work on this recording."""

    def __init__(self, stage: str, error: Exception) -> None:
        if isinstance(error, TonescribeError):
            self.sentence = error.sentence
        else:
            self.sentence = f"The stage '{stage}' failed ({type(error).__name__}: {error})."
        self.cause = next((c for kind, c in CAUSES.items() if isinstance(error, kind)), "internal")
        self.stage = stage
        super().__init__(self.sentence)


def in_flow_run() -> bool:
    """Whether a Prefect flow run is under way in this thread; imports nothing."""
    if "prefect" not in sys.modules:
        return False
    from prefect.context import FlowRunContext

    return FlowRunContext.get() is not None


def log(message: str, *arguments: object) -> None:
    """Write a line to the log of the flow run, else to the program's own."""
    if in_flow_run():
        from prefect import get_run_logger

        get_run_logger().info(message, *arguments)
    else:
        logging.getLogger("tonescribe").info(message, *arguments)


def attempt(name: str, run: Callable[[], Result], *, is_cached: bool = False) -> Result:
    """Run a step; any error becomes a `StageFailedError`.

    A step whose storage does not answer is tried again after a while. `is_cached` tells Prefect
    that the step only looks its result up.
    """
    if not in_flow_run():
        return _guarded(name, run)
    from prefect import task
    from prefect.states import Completed, Failed

    _drop_empty_tracebacks()
    results: list[Result] = []

    @task(name=name, persist_result=False)
    def stage_task() -> Any:
        try:
            results.append(_guarded(name, run))
        except StageFailedError as failure:
            return Failed(message=failure.sentence, data=failure)
        return Completed(name="Cached" if is_cached else None)

    outcome = stage_task(return_state=True).result(raise_on_failure=False)
    if isinstance(outcome, BaseException):
        raise outcome
    return results[-1]


def _guarded(name: str, run: Callable[[], Result]) -> Result:
    for delay in (*RETRY_DELAYS, None):
        try:
            return run()
        except UnavailableError as error:
            if delay is None:
                raise StageFailedError(name, error) from error
            log("The stage '%s' is tried again: %s", name, error.sentence)
            time.sleep(delay * random.uniform(1.0, 1.33))  # noqa: S311 - spreads retries, no secret
        except Exception as error:
            logging.getLogger("tonescribe").debug("The stage '%s' failed.", name, exc_info=True)
            raise StageFailedError(name, error) from error
    raise AssertionError("the last try returns or raises")


class _NoEmptyTraceback(logging.Filter):
    """Prefect logs returned failures with the traceback of no exception, "NoneType: None"."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info is not None and record.exc_info[0] is None:
            record.exc_info = None
        return True


def _drop_empty_tracebacks() -> None:
    logger = logging.getLogger("prefect.task_runs")
    if not any(isinstance(known, _NoEmptyTraceback) for known in logger.filters):
        logger.addFilter(_NoEmptyTraceback())
