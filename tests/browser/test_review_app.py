"""The app over a dataset in a browser: find, compare, upload, record."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from flows.progress import Event, Progress
from flows.review.app import create_app
from schemas.dataset import Dataset
from schemas.reports import BatchReport, RecordingReport
from tests.material.review import wait_until
from tests.material.series import make_series


class Known:
    """Says of every clip that it is the first meeting of the series."""

    def prepare(self) -> None:
        pass

    def annotate(self, path: Path, listen: Callable[[Event], None]) -> BatchReport:
        listen(Progress(number=1, count=1, title=path.stem, stage="audio", done=0.6))
        report = RecordingReport(
            uri=str(path), outcome="annotated", recording_id=f"{0:016x}", seconds=1.0
        )
        return BatchReport(recordings=(report,))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("app")
    dataset = Dataset(str(folder / "dataset"), create=True)
    make_series(dataset)
    app = create_app(dataset, Known(), folder / "uploads")
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    (socket,) = server.servers[0].sockets
    yield f"http://localhost:{socket.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def is_fault(said: ConsoleMessage) -> bool:
    """Tell whether the console holds an error of ours: a refused upload is told there, too."""
    return said.type == "error" and not said.text.startswith("Failed to load resource")


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    context = browser.new_context(permissions=["microphone"])
    context.set_default_timeout(10_000)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if is_fault(said) else None)
    page.goto(site)
    yield page
    context.close()
    assert faults == []


def test_meetings_are_found_compared_and_opened(page: Page) -> None:
    expect(page.locator("#count")).to_have_text("6 meetings")
    expect(page.locator(".series .mean")).to_have_count(6)
    page.get_by_label("Title or words").fill("2026-09-14")
    expect(page.locator("#count")).to_have_text("1 meeting")
    expect(page.locator("#meetings .chip").first).to_contain_text("%")
    assert "text=2026-09-14" in page.url
    page.locator("#meetings a").click()
    expect(page.locator("h1")).to_have_text("weekly 2026-09-14")
    expect(page.locator(".line").first).to_be_visible()


def test_a_label_that_a_reviewer_confirms_is_in_the_dataset(page: Page, site: str) -> None:
    page.goto(f"{site}/meetings/{3:016x}")
    page.locator(".line").nth(2).click()
    page.get_by_role("button", name="Label is right").click()
    expect(page.get_by_role("button", name="Label is right ✓")).to_be_visible()
    wait_until(page, "localStorage.length === 0")  # the app has it
    page.reload()
    expect(page.locator("#n-corrections")).to_have_text("1")


def test_an_uploaded_clip_is_followed_to_its_radar(page: Page, tmp_path: Path) -> None:
    clip = tmp_path / "<b>hello.wav"
    clip.write_bytes(b"sound")
    page.get_by_role("link", name="New clip").click()
    page.locator("#file").set_input_files(clip)
    row = page.locator("li.clip").first
    expect(row).to_have_attribute("data-state", "done")
    expect(row.locator("h3")).to_have_text("b-hello.wav")
    expect(row.locator(".radar")).to_be_visible()
    page.locator("#file").set_input_files({"name": "a.exe", "mimeType": "a/b", "buffer": b"x"})
    expect(page.locator("#problem")).to_contain_text("Only audio and video")
    page.reload()
    expect(page.locator("li.clip")).to_have_count(1)


def test_the_microphone_is_recorded_and_annotated(page: Page) -> None:
    page.get_by_role("link", name="New clip").click()
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.locator("#clock")).to_have_text("0:01")
    page.get_by_role("button", name="Stop").click()
    row = page.locator("li.clip").first
    expect(row).to_have_attribute("data-state", "done")
    expect(row.locator("h3")).to_contain_text("microphone 20")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/new"])
def test_nothing_stands_in_the_way_of_anybody(
    browser: Browser, site: str, path: str, scheme: str
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 800})  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(site + path)
    page.wait_for_timeout(500)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
    context.close()
