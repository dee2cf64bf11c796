"""A Prefect server for the tests that need one, and settings that need no weights."""

from collections.abc import Iterator
from pathlib import Path

import pytest

SYNTHETIC = {
    "DIARIZER": "synthetic",
    "TRANSCRIBER": "synthetic",
    "FACE_DETECTOR": "synthetic",
    "AUDIO": "synthetic",
    "VIDEO": "synthetic",
    "TEXT": "synthetic",
    "FUSION": "mean",
}


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def synthetic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run on the deterministic engines, with the test's own cache and working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TONESCRIBE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TONESCRIBE_PURPOSE", "tests")
    for job, name in SYNTHETIC.items():
        monkeypatch.setenv(f"TONESCRIBE_ENGINES__{job}", name)
    return tmp_path
