"""What a dataset's rows depend on changes their fingerprint, and nothing else does."""

import subprocess
import sys

import pytest

import flows.keys
from flows.keys import fingerprint
from models.registry import ENGINES, identify
from schemas.settings import Settings

SETTINGS = Settings(purpose="tests")


@pytest.mark.parametrize("module", ["ingest.fetch", "dataset.publish", "dataset.page"])
def test_what_is_written_otherwise_reaches_recordings_that_are_done(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprint(SETTINGS)
    assert before == fingerprint(SETTINGS)
    monkeypatch.setattr(f"tasks.{module}.STAGE_VERSION", 99)
    assert fingerprint(SETTINGS) != before


def test_a_new_column_reaches_recordings_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint(SETTINGS)
    monkeypatch.setattr(flows.keys, "SCHEMA_VERSION", "99")
    assert fingerprint(SETTINGS) != before


def test_moving_an_engine_to_another_module_annotates_nothing_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = identify("audio", "embedded", SETTINGS.weights)
    monkeypatch.setitem(ENGINES["audio"], "embedded", "models.elsewhere:Other")
    assert identify("audio", "embedded", SETTINGS.weights) == before
    assert identify("audio", "synthetic", SETTINGS.weights) != before


def test_the_probe_has_a_version_of_its_own() -> None:
    script = (
        "import tasks.media.probe; tasks.media.probe.STAGE_VERSION = 99\n"
        "from flows.stages import STAGES; print([s.name for s in STAGES if s.version == 99])"
    )
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert run.stdout == "['probe']\n"
