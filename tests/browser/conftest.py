"""A browser for each file of tests: Debian's Chromium, or what `TONESCRIBE_CHROMIUM` names."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tasks.dataset.page import render_page
from tests.material.review import meeting, wait_until

NAMES = ("chromium", "chromium-browser", "google-chrome")


# A browser stays no longer than the tests of one file: while it is there, its event loop runs, and
# Prefect's flows would take this thread for one of theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    named = os.environ.get("TONESCRIBE_CHROMIUM")
    program = named or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium is installed ('apt-get install chromium')")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",
                "--autoplay-policy=no-user-gesture-required",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    path = folder / "page.html"
    path.write_text(render_page(meeting(folder)), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The review page as it is when somebody opens it; a fault of its script fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(5_000)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(address)
    wait_until(page, "document.getElementById('media').readyState > 0")
    yield page
    context.close()
    assert faults == []


@pytest.fixture
def dropped(tmp_path: Path) -> Path:
    return tmp_path / "corrections.json"
