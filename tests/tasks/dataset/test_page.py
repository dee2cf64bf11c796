"""The review page is self-contained and nothing that was said or named can become markup."""

import re
from html.parser import HTMLParser
from typing import get_args

from schemas.emotions import EmotionScores
from schemas.media import MediaInfo, Recording
from schemas.sidecar import Sidecar
from schemas.speech import FLAGS, AnnotatedUtterance, Flag, Transcript, Utterance
from tasks.dataset.page import render_page
from tests.material.annotations import annotation

EVIL = '<script>alert("x")</script>\'" onload=x'


class Tags(HTMLParser):
    """Collects tags and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def page(uri: str = "/meetings/a b.mp4") -> tuple[str, Tags]:
    recording = Recording(
        recording_id="0123456789abcdef",
        uri=uri,
        title="t",
        path=uri,
        size=1,
        version="1",
        sidecar=Sidecar(title=EVIL),
    )
    said = Utterance(
        index=0,
        start=1.0,
        end=4.0,
        speaker="SPEAKER_00",
        speaker_name=EVIL,
        speaker_confidence=1.0,
        overlap_ratio=0.0,
        text=EVIL,
    )
    rows = (
        AnnotatedUtterance(
            utterance=said,
            emotion="angry",
            confidence=0.8,
            scores=EmotionScores.from_array([0, 0, 0, 8, 1, 1, 0]),
        ),
        AnnotatedUtterance(utterance=said.model_copy(update={"index": 1, "text": None})),
    )
    info = MediaInfo(container="mp4", duration=10.0, origin=0.0)
    html = render_page(annotation(recording, info, rows, Transcript(engine="none", reason=EVIL)))
    tags = Tags()
    tags.feed(html)
    return html, tags


def test_what_was_said_cannot_become_markup() -> None:
    html, tags = page()
    assert [tag for tag, _ in tags.seen].count("script") == 1
    assert not [attributes for _, attributes in tags.seen if "onload" in attributes]
    assert "&lt;script&gt;alert" in html


def test_the_page_loads_nothing_from_elsewhere() -> None:
    _, tags = page()
    links = [a.get("src") or a.get("href") for _, a in tags.seen if a.get("src") or a.get("href")]
    assert links == ["file:///meetings/a%20b.mp4"]
    assert page("s3://bucket/a.mp4")[0].count("<audio") == 1
    assert "s3://bucket" not in page("s3://bucket/a.mp4")[0]


def test_the_timeline_shows_each_utterance_in_the_colour_of_its_emotion() -> None:
    _, tags = page()
    bars = [a for tag, a in tags.seen if tag == "rect"]
    assert [(bar.get("fill"), bar["class"]) for bar in bars] == [
        ("#d03a2f", "bar"),
        (None, "bar unsure"),
    ]
    assert float(bars[0]["x"] or 0) == 100.0
    assert float(bars[0]["width"] or 0) == 300.0


def rendered(*rows: AnnotatedUtterance) -> str:
    recording = Recording(
        recording_id="0123456789abcdef", uri="/m/a.wav", title="t", path="/", size=1, version="1"
    )
    info = MediaInfo(container="wav", duration=100.0, origin=0.0)
    return render_page(annotation(recording, info, rows, Transcript(engine="captions")))


def row(number: int, *flags: Flag, text: str = "hello", seconds: float = 3.0) -> AnnotatedUtterance:
    said = Utterance(
        index=number,
        start=10.0 * number,
        end=10.0 * number + seconds,
        speaker=f"SPEAKER_{number:02}",
        speaker_name=text if text == "[not shown]" else None,
        speaker_confidence=1.0,
        overlap_ratio=0.0,
        text=text,
    )
    return AnnotatedUtterance(utterance=said, flags=flags)


def test_what_holds_everywhere_is_said_once_in_words() -> None:
    html = rendered(row(0, "no_face", "short"), row(1, "no_face"))
    assert html.count("no face seen") == 1
    assert "Everywhere: no face seen." in html
    assert html.count("too short for the voice") == 1
    assert "no_face" not in html


def test_somebody_who_did_not_consent_is_not_shown_and_the_page_says_for_how_long() -> None:
    hidden = [row(n, "no_consent", text="[not shown]", seconds=33.0) for n in (1, 2)]
    html = rendered(row(0), *hidden)
    assert "Somebody who did not consent is not shown: 1:06 of what is spoken." in html
    assert html.count('<span class="who silent">[not shown]</span>') == 2
    assert html.count("hello") == 2  # the row and its bar


def test_every_flag_has_words() -> None:
    assert set(FLAGS) == set(get_args(Flag))


def test_a_phone_gives_what_was_said_the_whole_width_and_focus_is_seen() -> None:
    html, _ = page()
    phone = re.search(r"@media \(max-width: 44rem\) \{(.*)\}", html)
    assert phone
    assert '"said said"' in phone[1]
    assert "all: unset" not in html
    assert ":focus-visible { outline:" in html
    dark = re.search(r"prefers-color-scheme: dark\) \{ :root \{(.*?)\}", html)
    assert dark
    unsure = re.search(r"--unsure: #(\w\w)", dark[1])
    assert unsure
    assert int(unsure[1], 16) < 0x60  # darker than every emotion's bar
