"""Captions become words: when, and by whom where the file says so."""

import itertools
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InputError
from schemas.speech import Transcript, Word
from tasks.transcript.captions import read_captions
from tasks.transcript.cues import decode


def read(tmp_path: Path, text: str | bytes, name: str = "a.vtt", **options: object) -> Transcript:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_captions(path, **options)  # type: ignore[arg-type]


def texts(transcript: Transcript) -> list[str]:
    return [word.word for word in transcript.words]


def named(transcript: Transcript) -> list[tuple[str, str | None]]:
    return [(word.word, word.name) for word in transcript.words]


def vtt(*cues: tuple[float, float, str]) -> str:
    blocks = [f"{clock(start)} --> {clock(end)}\n{text}\n" for start, end, text in cues]
    return "WEBVTT\n\n" + "\n".join(blocks)


def clock(seconds: float) -> str:
    return f"{int(seconds // 3600):02}:{int(seconds // 60 % 60):02}:{seconds % 60:06.3f}"


def test_words_share_their_cue_by_length(tmp_path: Path) -> None:
    transcript = read(tmp_path, vtt((1.0, 3.0, "one seventy")))
    assert transcript.words == (
        Word(word="one", start=1.0, end=1.667, timing="interpolated", unit=0),
        Word(word="seventy", start=1.667, end=3.0, timing="interpolated", unit=0),
    )
    assert transcript.engine == "captions"


def test_hours_are_optional_and_many(tmp_path: Path) -> None:
    text = "WEBVTT\n\n00:01.500 --> 00:02.000\na\n\n100:00:01.000 --> 100:00:02.000\nb\n"
    assert [word.start for word in read(tmp_path, text).words] == [1.5, 360_001.0]


def test_comments_styles_identifiers_and_settings_are_no_words(tmp_path: Path) -> None:
    text = """WEBVTT - a title

NOTE one
two

STYLE
::cue { color: red }

intro/3-0
00:01.000 --> 00:02.000 align:start position:10%
hello

a-7
00:03.000 --> 00:04.000
there
"""
    assert texts(read(tmp_path, text)) == ["hello", "there"]


def test_markup_and_entities_are_no_words(tmp_path: Path) -> None:
    text = vtt((0, 1, "<c.loud>R&amp;D</c> is <b><i>fun</i></b> &lt;3 {\\an8}&nbsp;ok"))
    assert texts(read(tmp_path, text)) == ["R&D", "is", "fun", "<3", "ok"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[Music]", []),
        ("(applause)", []),
        ("♪ la la la ♪", []),
        ("[door closes] hello", ["hello"]),
        ("hello (laughs) there", ["hello", "there"]),
        ("- ... -", []),
        ("the plan (see page two) works", ["the", "plan", "(see", "page", "two)", "works"]),
    ],
)
def test_descriptions_of_sounds_are_no_words(text: str, words: list[str], tmp_path: Path) -> None:
    assert texts(read(tmp_path, vtt((0, 1, text)))) == words


def test_voices_are_names(tmp_path: Path) -> None:
    text = vtt(
        (0, 2, "<v Ana Lima>good morning</v>\n<v.loud Bo>hi"),
        (2, 3, "<v R&amp;D>yes"),
        (3, 4, "no"),
    )
    assert named(read(tmp_path, text)) == [
        ("good", "Ana Lima"),
        ("morning", "Ana Lima"),
        ("hi", "Bo"),
        ("yes", "R&D"),
        ("no", None),
    ]


def test_names_before_a_colon_are_names_where_that_is_the_habit(tmp_path: Path) -> None:
    text = vtt((0, 1, "Ana: hello\nthere"), (1, 2, "- Dr. van Dam: hi"), (2, 3, ">> BO: so: what"))
    assert named(read(tmp_path, text)) == [
        ("hello", "Ana"),
        ("there", "Ana"),
        ("hi", "Dr. van Dam"),
        ("so:", "BO"),
        ("what", "BO"),
    ]


def test_a_colon_alone_makes_no_name(tmp_path: Path) -> None:
    lines = ["Look: a bird", "it is 10: 30", "Note: late", "then we go", "and so on", "and on"]
    cues = [(float(n), n + 1.0, line) for n, line in enumerate(lines)]
    assert {name for _, name in named(read(tmp_path, vtt(*cues)))} == {None}


def test_a_participant_is_a_name_even_once(tmp_path: Path) -> None:
    cues = [(float(n), n + 1.0, "so it goes") for n in range(9)]
    transcript = read(tmp_path, vtt(*cues, (9, 10, "ana: hi")), participants=["Ana"])
    assert transcript.words[-1].name == "Ana"
    assert texts(transcript)[-1] == "hi"


def test_a_dash_is_another_speaker_but_nobody_certain(tmp_path: Path) -> None:
    assert named(read(tmp_path, vtt((0, 1, "<v Ana>hello\n- hi")))) == [
        ("hello", "Ana"),
        ("hi", None),
    ]


def test_inline_times_are_kept(tmp_path: Path) -> None:
    text = vtt((1, 4, "so <00:00:02.000>today <00:00:02.500>we talk"))
    words = read(tmp_path, text).words
    assert [(w.word, w.start, w.end, w.timing) for w in words] == [
        ("so", 1.0, 2.0, "interpolated"),
        ("today", 2.0, 2.5, "aligned"),
        ("we", 2.5, 3.062, "interpolated"),
        ("talk", 3.062, 4.0, "interpolated"),
    ]


YOUTUBE = """WEBVTT
Kind: captions
Language: en

00:00:00.000 --> 00:00:02.000 align:start position:0%
\x20
so<00:00:00.500><c> today</c><00:00:01.000><c> we</c>

00:00:02.000 --> 00:00:02.010 align:start position:0%
so today we
\x20

00:00:02.010 --> 00:00:04.000 align:start position:0%
so today we
talk<00:00:02.500><c> about</c><00:00:03.000><c> it</c>

00:00:04.000 --> 00:00:04.010 align:start position:0%
talk about it
\x20

00:00:04.010 --> 00:00:06.000 align:start position:0%
talk about it
again<00:00:05.000><c> again</c>
"""


def test_rolling_captions_are_told_once(tmp_path: Path) -> None:
    transcript = read(tmp_path, YOUTUBE)
    assert texts(transcript) == ["so", "today", "we", "talk", "about", "it", "again", "again"]
    assert [w.start for w in transcript.words] == [0.0, 0.5, 1.0, 2.01, 2.5, 3.0, 4.01, 5.0]
    assert transcript.language == "en"


def test_growing_captions_are_told_once(tmp_path: Path) -> None:
    lines = ["we", "we will", "we will see", "we will see you", "next week"]
    cues = [(float(n), n + 1.0, line) for n, line in enumerate(lines)]
    assert texts(read(tmp_path, vtt(*cues))) == ["we", "will", "see", "you", "next", "week"]


def test_people_may_say_the_same_thing_twice(tmp_path: Path) -> None:
    cues = [(0.0, 1.0, "no"), (1.0, 2.0, "no"), (2.0, 3.0, "why"), (3.0, 4.0, "because")]
    assert texts(read(tmp_path, vtt(*cues))) == ["no", "no", "why", "because"]


def test_cues_of_several_people_at_once_are_in_order_of_time(tmp_path: Path) -> None:
    text = vtt((0, 4, "<v Ana>one two"), (1, 2, "<v Bo>hey"))
    assert named(read(tmp_path, text)) == [("one", "Ana"), ("hey", "Bo"), ("two", "Ana")]


def test_subrip(tmp_path: Path) -> None:
    first = "1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>Hello</i>\r\nthere\r\n\r\n"
    text = first + "2\r\n00:00:02,000 --> 00:00:03,5\r\n42 cats\r\n"
    words = read(tmp_path, text, "a.srt").words
    assert [word.word for word in words] == ["Hello", "there", "42", "cats"]
    assert words[-1].end == 3.5


def test_the_content_decides_and_not_the_suffix(tmp_path: Path) -> None:
    assert texts(read(tmp_path, vtt((0, 1, "hello")), "a.srt")) == ["hello"]
    assert texts(read(tmp_path, "1\n00:00:00,000 --> 00:00:01,000\nhi\n", "a.vtt")) == ["hi"]


ACCENTED = "1\n00:00:00,000 --> 00:00:01,000\nça va très bien “José”\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_encodings_are_told_apart(encoding: str, tmp_path: Path) -> None:
    transcript = read(tmp_path, ACCENTED.encode(encoding), "a.srt")
    assert texts(transcript) == ["ça", "va", "très", "bien", "“José”"]


def test_latin_1(tmp_path: Path) -> None:
    text = "1\n00:00:00,000 --> 00:00:01,000\nGrüße aus Málaga\n"
    assert texts(read(tmp_path, text.encode("latin-1"), "a.srt")) == ["Grüße", "aus", "Málaga"]


@given(st.text())
def test_utf_8_is_always_taken_for_utf_8(text: str) -> None:
    expected = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    content = text.encode("utf-8", "surrogatepass")
    if content.count(0) * 8 <= len(content) and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        assert decode(content) == expected


def test_a_cue_that_ends_before_it_starts_keeps_its_words(tmp_path: Path) -> None:
    (word,) = read(tmp_path, vtt((5, 4, "hello"))).words
    assert (word.word, word.start) == ("hello", 5.0)
    assert word.end > word.start


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"these are the minutes", r"The captions a\.srt hold no times"),
        (bytes(range(256)) * 20, r"The captions a\.srt are no text"),
    ],
)
def test_what_is_no_caption_file_is_one_sentence(
    content: bytes, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=sentence):
        read(tmp_path, content, "a.srt")


@pytest.mark.parametrize("content", ["", "WEBVTT\n", vtt((0, 1, "[Music]"))])
def test_captions_without_words_say_so(content: str, tmp_path: Path) -> None:
    transcript = read(tmp_path, content)
    assert transcript.words == ()
    assert transcript.reason == "The captions beside the recording hold no words."


CUES = st.lists(
    st.tuples(
        st.floats(0, 5000),
        st.floats(-1, 30),
        st.text(st.characters(exclude_categories=("C",)), max_size=40),
    ),
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(CUES)
def test_words_of_any_captions_are_in_order_and_take_time(
    tmp_path_factory: pytest.TempPathFactory, cues: list[tuple[float, float, str]]
) -> None:
    folder = tmp_path_factory.mktemp("captions")
    text = vtt(*((start, max(0.0, start + length), line) for start, length, line in cues))
    words = read(folder, text).words
    assert all(word.start < word.end for word in words)
    assert all(first.start <= second.start for first, second in itertools.pairwise(words))
    assert all(any(c.isalnum() for c in word.word) for word in words)


ONCE = [(float(n), n + 1.0, line) for n, line in enumerate(["so it goes"] * 9)]


@pytest.mark.parametrize(
    ("line", "name", "said"),
    [
        ("Ana: hello there", "Ana", "hello there"),
        ("Bo: Note: this is at 10:30 sharp", "Bo", "Note: this is at 10:30 sharp"),
        ("Smith, Bo (ACME, Inc.): hello", "Smith, Bo", "hello"),
        ("Ana María de la Cruz Ruiz: hello", "Ana María de la Cruz Ruiz", "hello"),
        ("Ana：hello", "Ana", "hello"),
        ("SPEAKER_02: hello", None, "hello"),
        ("Speaker 3: hello", None, "hello"),
        ("<v Unknown>hello", None, "hello"),
        ("Option A: we wait", None, "Option A: we wait"),
        ("Next week: we wait", None, "Next week: we wait"),
        ("so then: we wait", None, "so then: we wait"),
    ],
)
def test_a_label_used_once_is_a_name_if_it_is_written_like_one(
    tmp_path: Path, line: str, name: str | None, said: str
) -> None:
    last = [w for w in read(tmp_path, vtt(*ONCE, (9, 12, line))).words if w.start >= 9]
    assert {word.name for word in last} == {name}
    assert " ".join(word.word for word in last) == said


def test_labels_in_small_letters_are_names_where_they_come_again(tmp_path: Path) -> None:
    cues = [(0, 1, "ana garcia: hello"), (1, 2, "and so on"), (2, 3, "ana garcia: yes"), *ONCE]
    assert ("hello", "ana garcia") in named(read(tmp_path, vtt(*cues)))


def test_one_person_has_one_name_however_it_is_written(tmp_path: Path) -> None:
    cues = ["ana garcia", "Ana García", "Ana Garcia", "Garcia, Ana", "ANA\u200b GARCIA"]
    text = vtt(*[(float(n), n + 1.0, f"<v {name}>say {n}") for n, name in enumerate(cues)])
    assert {word.name for word in read(tmp_path, text).words} == {"Ana García"}
    told = read(tmp_path, text, participants=["Ana GARCIA"])
    assert {word.name for word in told.words} == {"Ana GARCIA"}


def test_two_people_in_one_cue_are_two_units(tmp_path: Path) -> None:
    words = read(tmp_path, vtt((0, 2, "- Hi.\n- Hello."))).words
    assert [(w.word, w.unit, w.changes_voice) for w in words] == [
        ("Hi.", 0, True),
        ("Hello.", 1, True),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "WEBVTT\n\n00:00.000 --> 00:01.000\none\n00:01.000 --> 00:02.000\ntwo\n",
        "WEBVTT\n\n1\n00:00.000 --> 00:01.000\none\n2\n00:01.000 --> 00:02.000\ntwo\n",
        "WEBVTT\n\n00:00.000 --> 00:01.000\n\none\n\n00:01.000 --> 00:02.000\n\ntwo\n",
        "WEBVTT\n\n0:00:00.0 --> 0:00:01.0\none\n\n0:00:01 --> 0:00:02\ntwo\n",
        "WEBVTT\nKind: x\n\nNOTE a\nb\n\n00:00.000 --> 00:01.000\none\n\nNOTE c\n\n"
        "x\n00:01.000 --> 00:02.000000\ntwo\n\nNOTE d\n",
        "WEBVTT\n\n00:00.000 --> 00:01.000\none\n \n2\n00:01.000 --> 00:02.000\ntwo\n",
    ],
)
def test_captions_are_read_as_tools_write_them(tmp_path: Path, text: str) -> None:
    words = read(tmp_path, text).words
    assert [(w.word, w.start, w.end) for w in words] == [("one", 0, 1), ("two", 1, 2)]


@pytest.mark.parametrize(
    "line", ["[" * 200_000, "<a" * 200_000, "<v " * 100_000, "(" * 200_000, "♪a" * 100_000]
)
def test_hostile_lines_take_no_time(tmp_path: Path, line: str) -> None:
    begun = time.process_time()
    read(tmp_path, vtt((0, 2, line), (2, 3, "and on")))
    assert time.process_time() - begun < 10


def test_too_many_cues_are_refused_before_they_are_parsed(tmp_path: Path) -> None:
    text = "".join(f"{n}\n00:00:01,000 --> 00:00:02,000\nx\n\n" for n in range(60_000))
    with pytest.raises(InputError, match="over 50000 cues"):
        read(tmp_path, text, name="weekly.srt")


SENTENCES = {
    "cp1251": "Здравствуйте, коллеги, давайте начнём наше совещание с отчёта за прошлую неделю.",
    "shift_jis": "皆さん、こんにちは。先週の報告から会議を始めましょう。よろしくお願いします。",
    "gb18030": "大家好，我们从上周的报告开始今天的会议，请各位同事准备好材料。",
    "cp1252": "Grüße an alle, wir beginnen die Besprechung mit dem Bericht über die Ausgaben.",
}


@pytest.mark.parametrize("encoding", SENTENCES)
def test_captions_in_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    sentence = SENTENCES[encoding]
    cues = vtt(*[(float(n), n + 1.0, f"{n} {sentence}") for n in range(4)])
    words = texts(read(tmp_path, cues.encode(encoding)))
    assert " ".join(words[1:]).startswith(f"{sentence}"[:30])


def test_one_bad_byte_costs_one_letter(tmp_path: Path) -> None:
    text = vtt((0, 1, "Grüße an Zoë und José"), (1, 2, "bad")).encode().replace(b"bad", b"b\xffd")
    assert texts(read(tmp_path, text)) == ["Grüße", "an", "Zoë", "und", "José", "b\ufffdd"]


def ttml(body: str, namespace: str = "http://www.w3.org/ns/ttml", more: str = "") -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<tt xmlns="{namespace}" xml:lang="de" {more} '
        f'xmlns:ttp="http://www.w3.org/ns/ttml#parameter"><body><div>{body}</div></body></tt>'
    )


@pytest.mark.parametrize(
    ("times", "start", "end"),
    [
        ('begin="00:00:01.500" end="00:00:02.500"', 1.5, 2.5),
        ('begin="1.5s" dur="1000ms"', 1.5, 2.5),
        ('begin="00:00:01:12" end="00:00:02:12"', 1.48, 2.48),
        ('begin="15t" end="25t"', 1.5, 2.5),
    ],
)
def test_times_of_ttml_are_read_in_all_its_units(
    tmp_path: Path, times: str, start: float, end: float
) -> None:
    text = ttml(f"<p {times}>Ana: R&amp;D</p>", more='ttp:frameRate="25" ttp:tickRate="10"')
    read_in = read(tmp_path, text, "a.ttml")
    (word,) = read_in.words
    assert (word.word, word.name, word.start, word.end) == ("R&D", "Ana", start, end)
    assert read_in.language == "de"


def test_ttml_adds_up_times_and_keeps_those_of_spans_and_lines(tmp_path: Path) -> None:
    body = (
        '<p begin="1s" end="2s">- Hi <span>you</span><br/>- Hello</p>'
        '<p><span begin="3s" end="4s">one</span> <span begin="4s" end="5s">two</span></p>'
    )
    text = ttml(body).replace("<body>", '<body begin="10s">')
    for namespace in ("http://www.w3.org/ns/ttml", "http://www.w3.org/2006/10/ttaf1"):
        made = read(tmp_path, text.replace('http://www.w3.org/ns/ttml"', f'{namespace}"'))
        assert texts(made) == ["Hi", "you", "Hello", "one", "two"]
        assert [word.start for word in made.words][::3] == [11.0, 13.0]
        assert made.words[4].start == 14.0
        assert [word.word for word in made.words if word.changes_voice] == ["Hi", "Hello"]


@pytest.mark.parametrize(
    "text",
    [
        ttml("<p begin='1s'>cut"),
        ttml('<p begin="soon" end="2s">x</p>'),
        ttml("")[:90],
        ttml('<p begin="1s" end="2s">' + "<span>" * 20_000 + "x" + "</span>" * 20_000 + "</p>"),
        ttml(f'<p begin="{"1" * 200_000}s" end="2s">x</p>'),
        '<!DOCTYPE x [<!ENTITY a "b">]>' + ttml('<p begin="1s" end="2s">&a;</p>'),
    ],
    ids=["cut", "wrong time", "half a head", "deep", "endless time", "entities"],
)
def test_ttml_that_cannot_be_read_is_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text, "a.ttml")
    assert len(error.value.sentence) < 200


def test_sbv_as_youtube_writes_it(tmp_path: Path) -> None:
    text = "0:00:01.000,0:00:02.000\nhello there[br]you\n\n0:00:03.500,0:00:04.000\n>> Bo: yes\n"
    made = read(tmp_path, text, "a.sbv")
    assert named(made)[-1] == ("yes", "Bo")
    assert texts(made) == ["hello", "there", "you", "yes"]
    assert (made.words[0].start, made.words[3].start, made.words[3].end) == (1.0, 3.5, 4.0)


def test_a_word_with_a_colon_after_a_name_is_no_second_name(tmp_path: Path) -> None:
    said = vtt((0, 2, "Bo: Note: this is at 10:30 sharp"), (2, 4, "Ana: fine"))
    assert named(read(tmp_path, said)) == [
        *((word, "Bo") for word in ("Note:", "this", "is", "at", "10:30", "sharp")),
        ("fine", "Ana"),
    ]


@pytest.mark.parametrize("label", ["Room 1 (SPEAKER_00)", "Conference Room Berlin", "Raum 3"])
def test_a_room_is_nobodys_name(label: str, tmp_path: Path) -> None:
    said = vtt((0, 2, f"<v {label}>hello"), (2, 4, f"{label}: there"), (4, 6, "Ana: fine"))
    assert named(read(tmp_path, said)) == [("hello", None), ("there", None), ("fine", "Ana")]


@pytest.mark.parametrize("rate", ["ttp:tickRate='00'", "ttp:frameRate='00'"])
def test_a_rate_of_zero_in_ttml_is_an_input_error(tmp_path: Path, rate: str) -> None:
    """Found by fuzzing: the parser divides by it."""
    (tmp_path / "a.ttml").write_text(
        '<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter" '
        f"{rate}><body><div><p begin='10t' end='3s'>a</p><p begin='00:00:01:05'>b</p></div>"
        "</body></tt>"
    )
    with pytest.raises(InputError, match="TTML captions"):
        read_captions(tmp_path / "a.ttml")
