"""Retention, trainings and evaluations as Prefect flows that can be deployed.

The commands `tonescribe retain`, `train` and `evaluate` call the same functions without a server.
"""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.artifacts import publish_measures
from flows.batch import needed
from flows.evaluate import evaluate_branch
from flows.forgetting import forget, outdated
from flows.train import train as train_branch
from lab.training.options import TrainingReport
from schemas.dataset import Dataset
from schemas.errors import SettingsError
from schemas.settings import load_settings
from schemas.values import Json


def _given(function: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return what a run was given by name; paths come as text."""
    signature = inspect.signature(function)
    given = signature.bind(*args, **kwargs).arguments
    paths = [n for n, each in signature.parameters.items() if "Path" in str(each.annotation)]
    return given | {name: Path(given[name]) for name in paths if isinstance(given.get(name), str)}


@flow(name="train", flow_run_name="train {branch}", validate_parameters=False)
@functools.wraps(train_branch)
def train(*args: Any, **kwargs: Any) -> TrainingReport:
    """Train a branch as `tonescribe train`, and show the figures of its folds."""
    given = _given(train_branch, *args, **kwargs)
    report = train_branch(**given.pop("options", {}), **given)
    publish_measures(report.branch, report.measures)
    return report


@flow(name="evaluate", flow_run_name="evaluate {branch}", validate_parameters=False)
@functools.wraps(evaluate_branch)
def evaluate(*args: Any, **kwargs: Any) -> Json:
    """Measure a branch as `tonescribe evaluate`, and show the figures."""
    given = _given(evaluate_branch, *args, **kwargs)
    figures = evaluate_branch(**given)
    of = {"data": figures} if "uar" in figures else figures
    measured = {name: each for name, each in of.items() if isinstance(each, dict) and "uar" in each}
    publish_measures(given["branch"], measured)
    return figures


@flow(name="retain", validate_parameters=False, persist_result=False)
def retain(days: int | None = None, out: str | None = None, dry_run: bool = False) -> State[Any]:
    """Forget every recording of a meeting more than `days` days ago, as `tonescribe retain`.

    `out` is the dataset, by default that of the settings. Ends as failed where a search finds
    something left. Raises `SettingsError` where `days` is not set: that is yours to decide.
    """
    if days is None or days < 1:
        raise SettingsError("No days are set: give the deployment 'retain/retention' days=90, say.")
    settings = load_settings({"out": out} if out else {})
    kept = Dataset(needed(settings, "out"), is_private=settings.dataset_mode == "private")
    ids = outdated(kept, days)
    reports = [forget(kept, settings, recording=each, dry_run=dry_run) for each in ids]
    verb = "would be forgotten" if dry_run else "forgotten"
    message = f"{len(ids)} recordings of meetings more than {days} days ago {verb}"
    unclean = sum(not report.is_clean for report in reports)
    if unclean:
        return Failed(message=f"{message}; of {unclean} something is left")
    return Completed(message=message)
