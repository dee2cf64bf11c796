"""The review page in a browser, from `file://`: look, listen, doubt, correct."""

import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from schemas.corrections import read_corrections, standing
from tests.material.review import HOSTILE, SAID, wait_until

KEPT = "tonescribe:corrections:0123456789abcdef"


def at(page: Page) -> float:
    return float(page.evaluate("document.getElementById('media').currentTime"))


def shown(page: Page) -> list[str]:
    return page.locator(".line:visible").evaluate_all("lines => lines.map((line) => line.id)")


def chosen(page: Page) -> str | None:
    return page.locator(".line.chosen").get_attribute("id")


def test_it_says_who_spoke_how_long_and_marks_doubtful_words(page: Page) -> None:
    cards = page.locator(".speaker")
    expect(cards).to_have_count(2)
    expect(cards.nth(0)).to_contain_text(HOSTILE)
    expect(cards.nth(0)).to_contain_text("51 %")
    expect(page.locator(".guess")).to_have_text(["far"])
    expect(page.locator(".heard")).to_have_text(["Listening:Ana happyFace 00 happy"])
    expect(page.locator(".pause")).to_have_count(0)
    expect(page.locator("#u3 .flags")).to_have_text("signs too weak, no face seen")


def test_what_was_said_and_named_stays_text(page: Page) -> None:
    assert page.locator("img").count() == 0
    expect(page.locator("h1")).to_have_text(f"Weekly {HOSTILE}")
    expect(page.locator("#u4 .said")).to_have_text(f"Café {HOSTILE} tomorrow")
    page.locator("#u4 .at").click()
    expect(page.locator("#detail h2")).to_contain_text(HOSTILE)


def test_a_line_a_word_and_the_timeline_play_that_moment(page: Page) -> None:
    page.locator("#u2 .at").click()
    wait_until(page, "!document.getElementById('media').paused")
    assert 3.8 <= at(page) < 5.0
    page.keyboard.press("Space")
    page.locator("#u4 .w", has_text="tomorrow").click()
    wait_until(page, "document.getElementById('media').currentTime > 12")
    page.keyboard.press("Space")
    plot = page.locator("#plot")
    box = plot.bounding_box()
    assert box
    plot.click(position={"x": box["width"] * 2.0 / 14.0, "y": 80 if box["height"] > 150 else 40})
    wait_until(page, "document.getElementById('media').currentTime < 4")
    assert 1.9 <= at(page) < 3.5


def test_words_are_lit_while_they_are_spoken(page: Page) -> None:
    page.locator("#u0 .w", has_text="morning").click()
    expect(page.locator(".lit")).to_have_text("morning")
    wait_until(page, "document.querySelector('.lit')?.textContent === 'to'")
    assert page.locator("#u0.now").count() == 1


def test_silence_is_skipped_on_request_and_speed_follows_the_keys(page: Page) -> None:
    page.locator("#skip-silence").check()
    page.keyboard.press(">")
    assert page.evaluate("document.getElementById('media').playbackRate") == 1.25
    page.locator("#u3 .w", has_text="know").click()
    wait_until(page, "document.getElementById('media').currentTime > 10.7")


def test_a_link_opens_at_its_moment_and_choosing_changes_the_link(
    browser: Browser, address: str, page: Page
) -> None:
    page.locator("#u2 .at").click()
    page.keyboard.press("Space")
    assert page.url.endswith("#t=3.8")
    page.goto(f"{address}#t=0:11.5")
    expect(page.locator("#u4")).to_have_class(re.compile("chosen"))
    wait_until(page, "Math.abs(document.getElementById('media').currentTime - 11.5) < .2")


def test_keys_step_search_and_choose_speakers(page: Page) -> None:
    assert chosen(page) == "u0"
    for key, wanted in (("j", "u1"), ("n", "u2"), ("j", "u3"), ("p", "u2"), ("k", "u1")):
        page.keyboard.press(key)
        assert chosen(page) == wanted
    page.locator("#u1 .at").focus()
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.closest('.line').id") == "u1"
    page.keyboard.press("l")
    assert page.locator("#now-selected").text_content() == "we"
    page.keyboard.press("1")
    assert shown(page) == ["u2", "u4"]
    page.keyboard.press("j")
    assert chosen(page) == "u2"
    page.keyboard.press("1")
    assert len(shown(page)) == len(SAID)
    page.keyboard.press("/")
    page.keyboard.type("cafe")
    expect(page.locator("#n-shown")).to_have_text("1 of 5 utterances")
    expect(page.locator(".hit")).to_have_text("Café")
    page.keyboard.press("Escape")
    assert len(shown(page)) == len(SAID)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()


def test_filters_join_and_are_cleared_together(page: Page) -> None:
    page.locator("#by-emotion summary").click()
    page.get_by_role("group", name="Emotions to show").get_by_label("unsure").check()
    assert shown(page) == ["u3"]
    page.get_by_role("group", name="Emotions to show").get_by_label("angry").check()
    assert shown(page) == ["u2", "u3"]
    page.locator("#by-confidence summary").click()
    page.locator("#least").fill("50")
    assert shown(page) == ["u2"]
    page.locator("#by-flag summary").click()
    page.get_by_label("no face seen").check()
    expect(page.locator("#empty")).to_have_text("Nothing fits the filter.")
    page.locator("#clear").click()
    assert len(shown(page)) == len(SAID)


def test_the_timeline_works_by_keys_and_zooms(page: Page) -> None:
    page.locator("#plot").focus()
    for key, wanted in (("ArrowRight", "u1"), ("ArrowUp", "u2"), ("End", "u4"), ("Home", "u0")):
        page.keyboard.press(key)
        assert chosen(page) == wanted
    expect(page.locator("#now-selected")).to_have_text(
        "0:01, Ana, happy, 70 %: Good morning to all"
    )
    page.keyboard.press("+")
    expect(page.locator("#plot")).to_have_class(re.compile("zoomed"))
    page.keyboard.press("0")
    expect(page.locator("#plot")).not_to_have_class(re.compile("zoomed"))
    page.keyboard.press("Enter")
    wait_until(page, "!document.getElementById('media').paused")


def test_details_show_every_branch_as_picture_and_numbers(page: Page) -> None:
    page.locator("#u2 .at").click()
    page.keyboard.press("Space")
    detail = page.locator("#detail")
    for branch in ("fused", "voice", "words"):
        assert detail.locator(f".radar[role=img] .{branch}").count() == 1
    assert detail.locator(".radar[role=img] .face").count() == 0
    expect(detail.locator("tr", has_text="angry").locator("td")).to_have_text(
        ["54 %", "8 %", "54 %"]
    )
    expect(detail).to_contain_text("Not judged here: face.")
    expect(detail).to_contain_text("Somebody else speaks at the same time")
    page.locator(".speaker .name").nth(1).click()
    expect(detail.locator("h2")).to_have_text("Ana")
    expect(detail).to_contain_text("In the tables: SPEAKER_00.")


def test_what_stands_out_leads_to_its_moment(page: Page) -> None:
    page.get_by_text("Stands out").click()
    finding = page.locator("#findings li")
    expect(finding).to_have_count(1)
    expect(finding).to_contain_text("2 listeners' faces expressed happy while this was said.")
    finding.get_by_role("button").click()
    assert at(page) == pytest.approx(3.8, abs=0.5)
    assert chosen(page) is not None


def test_whoever_corrects_is_left_alone_while_it_plays_on(page: Page) -> None:
    page.locator("#u1 .at").click()
    page.keyboard.press("e")
    form = page.get_by_role("form", name="Correct this utterance")
    form.locator("[name=note]").fill("half a word")
    wait_until(page, "document.getElementById('media').currentTime > 4.3")
    expect(form.locator("[name=note]")).to_have_value("half a word")
    form.get_by_role("button", name="Cancel").click()
    wait_until(page, "document.querySelector('.line.chosen').id === 'u3'")


def correct(page: Page, line: str, **values: str) -> None:
    page.locator(f"#{line} .at").click()
    page.keyboard.press("e")
    form = page.get_by_role("form", name="Correct this utterance")
    for name, value in values.items():
        field = form.locator(f"[name={name}]")
        if name in ("emotion", "speaker"):
            field.select_option(label=value)
        else:
            field.fill(value)
    form.get_by_role("button", name="Correct").click()


def test_corrections_stay_are_undone_and_leave_as_a_file(page: Page, dropped: Path) -> None:
    page.evaluate("localStorage.clear()")
    correct(page, "u2", emotion="sad", text="The budget is too small", note="irony")
    correct(page, "u3", speaker="Somebody else")
    expect(page.locator("#u2 .verdict")).to_have_text("sadcorrectedothers speak too")
    expect(page.locator("#u2 .said")).to_have_text("The budget is too small")
    expect(page.locator(".speaker")).to_have_count(3)
    page.reload()
    wait_until(page, "document.getElementById('media').readyState > 0")
    expect(page.locator("#u2 .said")).to_have_text("The budget is too small")
    page.locator(".speaker .name", has_text="Ana").click()
    page.get_by_label("Name, everywhere in this recording").fill("Anna")
    page.get_by_role("form", name="Correct this speaker").get_by_role("button").click()
    expect(page.locator("#turns h3").first).to_contain_text("Anna")
    page.locator("h1").click()
    page.keyboard.press("u")
    expect(page.locator("#turns h3").first).to_contain_text("Ana")
    page.locator("#open-corrections").click()
    page.get_by_label("Your name").fill("Rita")
    expect(page.locator("#correction-list .undone")).to_have_count(1)
    with page.expect_download() as download:
        page.locator("#save").click()
    download.value.save_as(dropped)
    made = read_corrections(dropped.read_bytes(), dropped.name)
    assert [(each.field, each.old, each.new) for each in made] == [
        ("emotion", "angry", "sad"),
        ("text", "The budget is ... too small", "The budget is too small"),
        ("speaker", "SPEAKER_00", "SPEAKER_02"),
        ("speaker_name", "Ana", "Anna"),
        ("speaker_name", "Anna", "Ana"),
    ]
    assert [each.note for each in made[:2]] == ["irony", "irony"]
    assert [each.start for each in made[:3]] == [3.8, 3.8, 6.2]
    assert len(standing(made)) == 3
    page.locator("#discard").click()
    expect(page.locator(".speaker")).to_have_count(2)


def test_a_key_says_that_a_label_is_right(page: Page) -> None:
    page.evaluate("localStorage.clear()")
    page.reload()
    page.locator("#u1 .at").click()
    page.keyboard.press("y")
    expect(page.locator("#now-selected")).to_have_text("You say that this label is right.")
    expect(page.locator("#confirm")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("u")
    expect(page.locator("#confirm")).to_have_attribute("aria-pressed", "false")


def test_what_others_wrote_into_the_storage_breaks_nothing(page: Page) -> None:
    wrong = [
        None,
        3,
        {"recording": "0123456789abcdef", "field": "speaker", "new": {}},
        {"recording": "0123456789abcdef", "field": "emotion", "utterance": 1, "new": HOSTILE},
        {"recording": "another", "field": "text", "utterance": 1, "new": "x"},
    ]
    for kept in (json.dumps(wrong), "{", '"x"'):
        page.evaluate("([key, kept]) => localStorage.setItem(key, kept)", [KEPT, kept])
        page.reload()
        expect(page.locator("#n-corrections")).to_have_text("0")
        assert len(shown(page)) == len(SAID)
    page.evaluate("localStorage.clear()")


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)], ids=str
)
def test_axe_finds_nothing(browser: Browser, address: str, scheme: str, width: int) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
        bypass_csp=True,
    )
    page = context.new_page()
    page.goto(address)
    page.locator("#u2 .at").click()
    if width > 1000:
        page.locator("#by-emotion summary").click()
    found = Axe().run(page).response["violations"]
    context.close()
    assert [(each["id"], [n["target"] for n in each["nodes"]][:3]) for each in found] == []


def test_on_a_phone_nothing_is_wider_than_the_screen_and_details_come_up(
    browser: Browser, address: str
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    page = context.new_page()
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.locator("#u2 .said").click()
    expect(page.locator("#detail")).not_to_be_visible()
    page.locator("#u2 .verdict").click()
    expect(page.locator("#detail")).to_be_visible()
    page.get_by_role("button", name="Close").first.click()
    expect(page.locator("#detail")).not_to_be_visible()
    context.close()
