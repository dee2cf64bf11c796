"""`tonescribe doctor`: what is there, what is missing, and what to do."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flows.networks import missing_networks
from models.checkpoint import SHIPPED
from models.registry import ENGINES, identify, load_engine
from schemas.dataset import MANIFESTS, QUARANTINE, Dataset
from schemas.errors import TonescribeError
from schemas.settings import Settings, load_settings

Verdict = Literal["ok", "warn", "fail"]

STYLES: dict[Verdict, str] = {"ok": "green", "warn": "yellow", "fail": "red"}
LOW_DISK_GB = 5


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: what was looked at, how it is, and the remedy."""

    what: str
    verdict: Verdict
    text: str


def run_doctor(dataset: str | None) -> int:
    """Print all findings; return 1 where one fails."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    failed = False
    for finding in _findings(load_settings(), dataset):
        verdict = (f"{finding.verdict:<5}", STYLES[finding.verdict])
        line = Text.assemble(verdict, (f"{finding.what:<17}", "bold"), finding.text)
        console.print(line, soft_wrap=True)
        failed = failed or finding.verdict == "fail"
    return 1 if failed else 0


def _findings(settings: Settings, dataset: str | None) -> Iterator[Finding]:
    for check in (_python, _ffmpeg, _gpu, _prefect, _cache):
        yield check(settings)
    for job in ENGINES:
        yield _engine(job, settings)
    for network, what_to_do in missing_networks(settings):
        yield Finding(network.name, "warn", what_to_do)
    if dataset is not None:
        yield _dataset(dataset)


def _python(_settings: Settings) -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] == (3, 11):
        return Finding("Python", "ok", version)
    return Finding("Python", "warn", f"{version}; tonescribe is tested with 3.11")


def _ffmpeg(_settings: Settings) -> Finding:
    from tasks.media.split import ffmpeg_program

    try:
        return Finding("ffmpeg", "ok", ffmpeg_program())
    except TonescribeError as error:
        return Finding("ffmpeg", "fail", error.sentence)


def _gpu(settings: Settings) -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("GPU", "ok", torch.cuda.get_device_name(0))
    verdict: Verdict = "warn" if settings.profile == "standard" else "ok"
    return Finding("GPU", verdict, f"none; {os.cpu_count()} CPU cores are used")


def _prefect(_settings: Settings) -> Finding:
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    if not url:
        return Finding("Prefect", "ok", "no server is set; each run starts a temporary one")
    import httpx

    try:
        httpx.get(f"{url}/health", timeout=5).raise_for_status()
    except httpx.HTTPError as error:
        return Finding("Prefect", "fail", f"{url} does not answer ({error}); start or unset it")
    return Finding("Prefect", "ok", url)


def _cache(settings: Settings) -> Finding:
    folder = settings.cache.expanduser().absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free / 1e9
    verdict: Verdict = "ok" if free > LOW_DISK_GB else "warn"
    return Finding("cache", verdict, f"{folder}, {free:.0f} GB free")


def _engine(job: str, settings: Settings) -> Finding:
    name = settings.engine(job)
    try:
        load_engine(job, name, settings.weights)
    except TonescribeError as error:
        return Finding(job.replace("_", " "), "fail", error.sentence)
    licence = _licence(SHIPPED / f"{job}.md") if name == "embedded" else ""
    return Finding(job.replace("_", " "), "ok", identify(job, name, settings.weights) + licence)


def _licence(card: Path) -> str:
    """Return what the model card of the shipped weights allows."""
    if not card.is_file():
        return ""
    bound = "non-commercial" in card.read_text("utf-8").lower()
    return f"; {'non-commercial use only, ' if bound else ''}card {card.name}"


def _dataset(location: str) -> Finding:
    try:
        dataset = Dataset(location)
        counts = [len(list(dataset.list(f, ".json"))) for f in (MANIFESTS, QUARANTINE)]
    except TonescribeError as error:
        return Finding("dataset", "fail", error.sentence)
    verdict: Verdict = "warn" if counts[1] else "ok"
    return Finding("dataset", verdict, f"{counts[0]} recordings, {counts[1]} in quarantine")
