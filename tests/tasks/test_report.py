"""The review page is self-contained and nothing that was said or named can become markup."""

from html.parser import HTMLParser

from schemas.emotions import EmotionScores
from schemas.media import MediaInfo, Recording
from schemas.sidecar import Sidecar
from schemas.speech import AnnotatedUtterance, Transcript, Utterance
from tasks.report import render_page

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
    results = {"fuse": rows, "transcribe": Transcript(engine="none", reason=EVIL)}
    html = render_page(recording, info, results)
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
    assert [bar["fill"] for bar in bars] == ["#d03a2f", "#d5d9e0"]
    assert float(bars[0]["x"] or 0) == 100.0
    assert float(bars[0]["width"] or 0) == 300.0
