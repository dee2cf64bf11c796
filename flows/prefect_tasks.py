"""The steps of a recording as Prefect tasks: one task per step, named by it.

Prefect neither caches nor retries them: the cache of stages is the only truth about what is done,
and steps repeat themselves, so that a run without Prefect does the same.
"""

import logging
from collections.abc import Callable
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.discretion import artifacts_of_settings
from flows.failures import StageFailedError
from flows.stages import STAGES

AROUND = ("ingest", "policy", "page", "publish")
"""The steps before and after the stages."""


@task(persist_result=False, cache_policy=NO_CACHE)
def _step(key: str | None, is_cached: bool, run: Callable[[], None]) -> State[Any]:  # noqa: ARG001
    """Run a step and end in its state: completed, cached, or failed with one sentence.

    `key` is not read here: it shows the step's inputs, as a digest, to readers of the task run.
    """
    try:
        run()
    except StageFailedError as failure:
        is_full = artifacts_of_settings() == "full"
        # a task does not know its recording's name, to leave it out: the flow run says why
        message = failure.sentence if is_full else f"{failure.stage}, {failure.cause}"
        return Failed(message=message, data=failure)
    return Completed(name="Cached" if is_cached else None)


_TASKS: dict[str, Task[Any, Any]] = {
    name: _step.with_options(name=name) for name in (*AROUND, *(stage.name for stage in STAGES))
}


def task_of(step: str) -> Task[Any, Any]:
    """Return the task of a step."""
    return _TASKS[step]


class _NoEmptyTraceback(logging.Filter):
    """Prefect logs returned failures with the traceback of no exception, "NoneType: None"."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info is not None and record.exc_info[0] is None:
            record.exc_info = None
        return True


logging.getLogger("prefect.task_runs").addFilter(_NoEmptyTraceback())
