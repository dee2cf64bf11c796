"""Annotate recordings in worker processes; one that is killed takes only its recording along."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from flows.ending import end_with_parent
from schemas.reports import RecordingReport

Job = TypeVar("Job")


def in_processes(
    jobs: Sequence[Job],
    run: Callable[[Job], RecordingReport],
    lost: Callable[[Job], RecordingReport],
    workers: int,
) -> Iterator[RecordingReport]:
    """Yield the report of each job as it ends; `lost` makes that of one whose process died.

    When a process dies (the system ends it for want of memory), nobody can tell which of the jobs
    at work was the cause: those that are left run one by one, and the one that dies alone was it.
    """
    left = dict(enumerate(jobs))
    with _pool(workers) as pool:
        futures = {pool.submit(run, job): number for number, job in left.items()}
        try:
            for future in as_completed(futures):
                report = future.result()
                del left[futures[future]]
                yield report
        except BrokenProcessPool:
            pass
        finally:  # whoever stops listening stops the batch, not after its last recording
            for future in futures:
                future.cancel()
    for job in left.values():
        with _pool(1) as pool:
            try:
                report = pool.submit(run, job).result()
            except BrokenProcessPool:
                report = lost(job)
        yield report


def _pool(workers: int) -> ProcessPoolExecutor:
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=spawn, initializer=end_with_parent)
