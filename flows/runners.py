"""Where the recordings of a batch are annotated: the choice of `runner`, checked before any work.

`here` and `processes` need nothing. `ray` runs Prefect tasks on a cluster, `workers` runs a
deployment (`flows/on_workers.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from flows.ending import end_with_parent
from schemas.errors import SettingsError
from schemas.settings import Runner, Settings

if TYPE_CHECKING:
    from prefect.task_runners import TaskRunner

_NEED_PREFECT: tuple[Runner, ...] = ("ray", "workers")
_PACKAGES = ("ray", "prefect_ray")


def check_runner(settings: Settings) -> None:
    """Raise `SettingsError`, with the remedy, where the chosen runner cannot work."""
    runner = settings.runner
    if runner in _NEED_PREFECT and settings.server == "none":
        raise SettingsError(
            f"The runner '{runner}' needs Prefect; leave --no-server out or choose 'processes'."
        )
    if runner == "ray" and not all(find_spec(package) for package in _PACKAGES):
        raise SettingsError(
            "The runner 'ray' needs prefect-ray: pip install 'tonescribe[ray]', on every node."
        )


def needs_shared_server(settings: Settings) -> bool:
    """Whether other machines must reach the Prefect server of a run."""
    return settings.runner == "workers" or (settings.runner == "ray" and bool(settings.ray.address))


@contextmanager
def opened_runner(settings: Settings) -> "Iterator[TaskRunner[Any]]":
    """Open the task runner of the settings: processes of this machine, or a Ray cluster."""
    if settings.runner != "ray":
        from prefect.task_runners import ProcessPoolTaskRunner

        pool = ProcessPoolTaskRunner(max_workers=settings.workers, initializer=end_with_parent)
        with pool as runner:
            yield runner
        return
    from prefect_ray import RayTaskRunner
    from prefect_ray.context import remote_options

    with (
        _connecting(settings),
        RayTaskRunner(init_kwargs=_ray_options(settings)) as runner,
        remote_options(num_cpus=settings.ray.cpus, num_gpus=settings.ray.gpus),
    ):
        yield runner


def lost_errors(settings: Settings) -> tuple[type[Exception], ...]:
    """Return the errors that say that a task's process or machine died, again and again."""
    if settings.runner != "ray":
        return ()
    from ray.exceptions import RayError

    return (RayError,)


@contextmanager
def _connecting(settings: Settings) -> Iterator[None]:
    try:
        yield
    except ConnectionError as error:
        address = settings.ray.address or "this machine"
        raise SettingsError(
            f"No Ray cluster answers at {address}; start it, or correct ray.address."
        ) from error


def _ray_options(settings: Settings) -> dict[str, Any]:
    """Return the arguments of `ray.init`: nodes get the settings, and keep their credentials."""
    return {
        "address": settings.ray.address or "local",
        "runtime_env": {"env_vars": settings.as_environment()},
        "include_dashboard": None if settings.ray.address else False,
        "log_to_driver": False,
    }
