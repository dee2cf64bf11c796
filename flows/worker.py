"""What a Prefect worker runs for a batch: recording after recording, with models loaded once.

The batch's side is `flows/on_workers.py`.
"""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.annotate import run_as_flow
from flows.batch import Job, open_for_writing
from flows.handing import answer, claim_jobs
from flows.keys import fingerprint
from flows.on_workers import undone
from flows.options import AnnotateOptions
from flows.steps import log
from schemas.policy import Policy
from schemas.reports import RecordingReport
from schemas.settings import Settings
from schemas.values import Json
from tasks.dataset.leases import Leases, key_of_worker


@flow(
    name="annotate-recordings",
    flow_run_name="share of batch {batch}",
    validate_parameters=False,
    persist_result=False,
)
def annotate_recordings(batch: str, out: str, options: Json | None = None) -> State[Any]:
    """Annotate what a batch has laid out in the dataset `out`, until nothing is left.

    `options` are those of a recording that the batch was given. Each recording is a subflow; one
    that fails does not end the others. Raises `SettingsError` where the settings of this worker are
    not those of the batch.
    """
    settings = AnnotateOptions.of(out=out, **(options or {})).settings()
    Policy.decide(settings)
    dataset = open_for_writing(settings)
    run_id = str(flow_run.id)
    done = 0
    with Leases(dataset) as leases:
        leases.take(key_of_worker(run_id))
        for job in claim_jobs(dataset, batch, fingerprint(settings), run_id):
            answer(dataset, batch, _annotate(job, dataset.location, options or {}, settings))
            done += 1
    return Completed(message=f"{done} recordings")


def _annotate(job: Job, out: str, options: Json, settings: Settings) -> RecordingReport:
    try:
        return run_as_flow(job, out, options, settings.artifacts)
    except Exception as error:  # noqa: BLE001 - a defect at one recording leaves the others be
        log("A recording could not be annotated: %s", type(error).__name__)
        return undone(job, f"tonescribe failed at it ({type(error).__name__}: {error}).")
