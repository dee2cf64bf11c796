"""What all tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with training data, for tests marked `needs_shared`."""
    return SHARED


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if SHARED.is_dir():
        return
    if os.environ.get("CI"):
        raise pytest.UsageError("CI must not skip the tests that need training data")
    skip = pytest.mark.skip(reason="the training data is not beside this checkout")
    for item in items:
        if "needs_shared" in item.keywords:
            item.add_marker(skip)
