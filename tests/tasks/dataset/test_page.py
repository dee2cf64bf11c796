"""The review page is self-contained and nothing that was said or named can become markup."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import get_args

import pytest

from schemas.emotions import EMOTIONS, FACTS, EmotionScores
from schemas.media import MediaInfo, Recording
from schemas.sidecar import Sidecar
from schemas.speech import (
    FLAGS,
    AnnotatedUtterance,
    Flag,
    Reaction,
    Reactions,
    Transcript,
    Utterance,
    Word,
)
from schemas.values import Json
from tasks.dataset.page import render_page
from tasks.dataset.page_data import BEWARE, names_in_data, unsure_words
from tests.material.annotations import HAPPY, annotated, annotation, reacted, recording

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


def data_of(html: str) -> Json:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found
    data: Json = json.loads(found[1])
    return data


def test_what_was_said_cannot_become_markup() -> None:
    html, tags = page()
    scripts = [attributes.get("type") for tag, attributes in tags.seen if tag == "script"]
    assert scripts == ["application/json", None]
    assert not [attributes for _, attributes in tags.seen if "onload" in attributes]
    assert "&lt;script&gt;alert" in html
    assert html.count("</script") == 2
    data = data_of(html)
    assert (data["title"], data["names"], data["rows"]["text"][0]) == (EVIL, [EVIL], EVIL)


def test_the_policy_lets_only_the_style_and_the_script_of_the_page_run() -> None:
    html, tags = page()
    (policy,) = (a["content"] for t, a in tags.seen if a.get("http-equiv"))
    assert policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        text = html.split(f"<{tag}>")[1].split(f"</{tag}>")[0]
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy
    assert not [a for _, a in tags.seen if "style" in a or any(name[:2] == "on" for name in a)]


def test_the_page_loads_nothing_from_elsewhere() -> None:
    html, tags = page()
    links = [a.get("src") or a.get("href") for _, a in tags.seen if a.get("src") or a.get("href")]
    assert links == ["#transcript", "file:///meetings/a%20b.mp4"]
    assert set(re.findall(r"https?://[^\s\"']+", html)) == {"http://www.w3.org/2000/svg"}
    assert page("s3://bucket/a.mp4")[0].count("<audio") == 1
    assert "s3://bucket" not in page("s3://bucket/a.mp4")[0]


def test_the_data_of_the_page_is_the_rows_in_columns() -> None:
    rows = data_of(page()[0])["rows"]
    assert (rows["start"], rows["length"], rows["speaker"]) == ([1000, 0], [3000, 3000], [0, 0])
    assert (rows["emotion"], rows["confidence"]) == ([3, -1], [80, -1])
    assert rows["fused"] == [[0, 0, 0, 800, 100, 100, 0], None]
    assert rows["text"] == [EVIL, None]


def test_words_are_timed_and_the_unsure_ones_known() -> None:
    words = [
        Word(word=w, start=s, end=s + 0.25) for w, s in zip("abcd", (10, 11, 12, 13), strict=True)
    ]
    made = row(1, text="a ... d")
    said = made.utterance.model_copy(update={"words": tuple(words)})
    columns = data_of(rendered(made.model_copy(update={"utterance": said})))["rows"]
    assert columns["text"] == ["a ... d"]
    assert columns["words"] == ["a b c d"]
    assert columns["times"] == [[0, 25, 75, 25, 75, 25, 75, 25]]
    assert columns["unsure"] == [[1, 2]]


@pytest.mark.parametrize(
    ("text", "words", "unsure"),
    [
        ("a b", "a b", []),
        ("...", "a b", [0, 1]),
        ("a ...", "a b", [1]),
        ("... b ... d", "a b c d", [0, 2]),
        ("... a", "a a", [0]),
        ("a b", "a c", None),
        ("a b c", "a b", None),
        ("a", "a ...", None),
    ],
)
def test_words_that_a_text_leaves_out_are_found(
    text: str, words: str, unsure: list[int] | None
) -> None:
    assert unsure_words(text, words.split()) == unsure


def rendered(*rows: AnnotatedUtterance, reactions: Reactions | None = None) -> str:
    recording = Recording(
        recording_id="0123456789abcdef", uri="/m/a.wav", title="t", path="/", size=1, version="1"
    )
    info = MediaInfo(container="wav", duration=100.0, origin=0.0)
    transcript = Transcript(engine="captions")
    return render_page(annotation(recording, info, rows, transcript, reactions=reactions))


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
    assert "Everywhere: no face seen." in html
    data = data_of(html)
    assert [flag[:2] for flag in data["flags"]] == [
        ["no_face", "no face seen"],
        ["short", "too short for the voice"],
    ]
    assert data["everywhere"] == [0]
    assert data["rows"]["flags"] == [[0, 1], [0]]


def test_somebody_who_did_not_consent_is_not_shown_and_the_page_says_for_how_long() -> None:
    hidden = [row(n, "no_consent", text="[not shown]", seconds=33.0) for n in (1, 2)]
    html = rendered(row(0), *hidden)
    assert "Somebody who did not consent is not shown: 1:06 of what is spoken." in html
    data = data_of(html)
    assert data["rows"]["hidden"] == [0, 1, 1]
    assert data["rows"]["text"] == ["hello", None, None]
    assert data["names"] == []


def test_of_somebody_who_did_not_consent_the_page_holds_nothing_even_by_mistake() -> None:
    named = row(1, "no_consent", text="secret")
    said = named.utterance.model_copy(update={"speaker_name": "Zoe"})
    full = named.model_copy(update={"utterance": said, "scores": HAPPY, "text_scores": HAPPY})
    smile = Reaction(
        utterance_index=1, participant="FACE_00", seconds=1, emotion="happy", confidence=0.5
    )
    html = rendered(row(0), full, reactions=Reactions(rows=(smile,)))
    assert "secret" not in html
    assert "Zoe" not in html
    data = data_of(html)
    assert (data["rows"]["fused"], data["reactions"]) == ([None, None], [])


def test_listeners_are_in_the_page() -> None:
    made = render_page(
        annotation(
            recording(),
            MediaInfo(container="mp4", duration=12.0, origin=0.0),
            annotated(),
            reactions=reacted(),
        )
    )
    data = data_of(made)
    assert data["listeners"] == [{"label": "SPEAKER_01", "name": "Bo"}]
    assert data["reactions"] == [0, 0, 8, 1, 50]
    assert names_in_data(data) == ["weekly", "Ana <b>", "Everywhere: no face seen.", "Bo"]


def test_three_thousand_utterances_fit_into_a_megabyte_and_a_half() -> None:
    text = " ".join(["about a dozen words of the usual length are said in here"] * 2)
    timed = enumerate(text.split())
    words = tuple(Word(word=w, start=n / 3, end=n / 3 + 0.25) for n, w in timed)
    made = row(1, "no_face", "overlap", text=text)
    judged = made.model_copy(
        update=dict.fromkeys(("scores", "audio_scores", "video_scores", "text_scores"), HAPPY)
    )
    rows = (
        judged.model_copy(
            update={
                "utterance": made.utterance.model_copy(
                    update={"index": n, "start": 3.0 * n, "end": 3.0 * n + 2.7, "words": words}
                )
            }
        )
        for n in range(3000)
    )
    assert len(rendered(*rows)) < 1_500_000


def test_every_flag_has_words() -> None:
    assert set(FLAGS) == set(get_args(Flag)) == set(BEWARE)


def contrast(first: str, second: str) -> float:
    """After WCAG 2.2, 'contrast ratio'."""

    def luminance(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_colours_are_told_from_the_paper_in_light_and_dark() -> None:
    html, _ = page()
    before, after = html.split("@media screen and (prefers-color-scheme: dark)", 1)
    light, dark = (
        dict(re.findall(r"--([a-z-]+): ?(#[0-9a-f]{3,6})", block))
        for block in (before, after.split("}\n}")[0])
    )
    light |= {name: facts.colour for name, facts in FACTS.items()}
    light["card"] = "#ffffff"
    for colours in (light, {name: dark[name] for name in light if name in dark}):
        assert set(EMOTIONS) < set(colours)
        assert [e for e in EMOTIONS if contrast(colours[e], colours["card"]) < 3] == []
        for paper in ("card", "ground"):
            assert contrast(colours["soft"], colours[paper]) >= 4.5
