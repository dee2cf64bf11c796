"""Retention, trainings and evaluations as Prefect flows that can be deployed.

The commands `tonescribe retain`, `train` and `evaluate` call the same functions without a server.
"""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.batch import needed
from flows.evaluate import evaluate_branch
from flows.forgetting import forget, outdated
from flows.train import train as train_branch
from schemas.dataset import Dataset
from schemas.errors import SettingsError
from schemas.settings import load_settings

train = flow(name="train", flow_run_name="train {branch}", validate_parameters=False)(train_branch)
evaluate = flow(name="evaluate", flow_run_name="evaluate {branch}", validate_parameters=False)(
    evaluate_branch
)


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
