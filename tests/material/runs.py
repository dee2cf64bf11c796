"""Runs of the pipeline without Prefect, which does the same and shows nothing."""

from pathlib import Path
from typing import Any

from flows.batch import plan_batch, run_batch, run_plainly
from flows.options import AnnotateOptions
from schemas.reports import BatchReport


def annotate_plainly(source: Path | str, dataset: Path | str, **options: Any) -> BatchReport:
    chosen = AnnotateOptions(source=str(source), out=str(dataset), **options)
    return run_batch(plan_batch(chosen), run_plainly)
