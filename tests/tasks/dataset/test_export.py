"""Other programs' readers read every export back: the words, times and speakers are there."""

import html
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import meeteval
import pytest
import speach.elan
import srt
import textgrid
import webvtt
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from flows.cli.app import app
from schemas.dataset import Dataset
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from schemas.media import MediaInfo
from schemas.tables import Row
from tasks.dataset.export import EXPORTERS, as_bytes, file_name
from tasks.dataset.export_tiers import by_speaker
from tasks.dataset.minutes import to_md
from tasks.dataset.page import render_page
from tasks.dataset.publish import publish
from tasks.dataset.store import write_whole
from tasks.dataset.traces import whole_text
from tests.material.annotations import annotated, annotation, recording

OF_ONE = (" emotion", " words")
"""Ends of the names of tiers that are not of utterances."""

Read = Callable[[Path], list[tuple[float, float, str]]]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    dataset = Dataset(str(tmp_path_factory.mktemp("exports")))
    media = MediaInfo(container="mp4", duration=12.0, origin=0.0)
    made = annotation(recording(), media, annotated())
    publish(dataset, made, render_page(made))
    return dataset


@pytest.fixture(scope="module")
def rows(published: Dataset) -> list[Row]:
    return sorted(
        published.arrow("utterances").to_table().to_pylist(), key=lambda row: row["start"]
    )


@pytest.fixture(scope="module")
def facts(published: Dataset) -> Row:
    (found,) = published.arrow("recordings").to_table().to_pylist()
    return dict(found)


def vtt(path: Path) -> list[tuple[float, float, str]]:
    def seconds(stamp: webvtt.models.Timestamp) -> float:
        return stamp.in_seconds() + stamp.milliseconds / 1000

    return [(seconds(c.start_time), seconds(c.end_time), c.text) for c in webvtt.read(str(path))]


def subrip(path: Path) -> list[tuple[float, float, str]]:
    found = srt.parse(path.read_text())
    return [(c.start.total_seconds(), c.end.total_seconds(), c.content) for c in found]


def rttm(path: Path) -> list[tuple[float, float, str]]:
    lines = meeteval.io.RTTM.load(path)
    return [(float(x.begin_time), float(x.begin_time + x.duration), x.speaker_id) for x in lines]


def praat(path: Path) -> list[tuple[float, float, str]]:
    grid = textgrid.TextGrid.fromFile(str(path))
    tiers = [tier for tier in grid if not tier.name.endswith(OF_ONE)]
    return sorted((c.minTime, c.maxTime, c.mark) for tier in tiers for c in tier if c.mark)


def elan(path: Path) -> list[tuple[float, float, str]]:
    tiers = [tier for tier in speach.elan.read_eaf(str(path)) if not tier.name.endswith(OF_ONE)]
    return sorted((a.from_ts.sec, a.to_ts.sec, a.value) for tier in tiers for a in tier)


def by_duckdb(reader: str) -> Read:
    def read(path: Path) -> list[tuple[float, float, str]]:
        source = f"{reader}('{path}')"
        if reader == "read_json":
            source = f"(select unnest(utterances, recursive := false) as u from {source})"
            return duckdb.sql(f'select u.start, u."end", u.text from {source}').fetchall()
        return duckdb.sql(f'select start, "end", text from {source}').fetchall()

    return read


READERS: dict[str, Read] = {
    "vtt": vtt,
    "srt": subrip,
    "rttm": rttm,
    "textgrid": praat,
    "eaf": elan,
    "csv": by_duckdb("read_csv"),
    "json": by_duckdb("read_json"),
}


def words(row: Row) -> str:
    return row["text"] or "…"


EXPECTED: dict[str, Callable[[Row], str | None]] = {
    "vtt": lambda row: html.escape(words(row), quote=False),
    "srt": lambda row: f"{row['speaker_name'] or row['speaker']}: {words(row)}".replace("-->", "→"),
    "rttm": lambda row: row["speaker"],
    "csv": lambda row: row["text"],
    "json": lambda row: row["text"],
}


@pytest.mark.parametrize("kind", READERS)
def test_another_reader_finds_every_utterance(
    kind: str, facts: Row, rows: list[Row], published: Dataset, tmp_path: Path
) -> None:
    path = tmp_path / file_name(facts, kind)
    path.write_bytes(as_bytes(EXPORTERS[kind](facts, rows, published)))
    found = sorted(READERS[kind](path))
    assert [(round(a, 3), round(b, 3)) for a, b, _ in found] == [
        (row["start"], row["end"]) for row in rows
    ]
    assert [text for _, _, text in found] == [EXPECTED.get(kind, words)(row) for row in rows]


def test_ctm_holds_each_word(facts: Row, rows: list[Row], published: Dataset) -> None:
    written = as_bytes(EXPORTERS["ctm"](facts, rows, published)).decode()
    said = [
        (x.word, float(x.begin_time), float(x.duration)) for x in meeteval.io.CTM.parse(written)
    ]
    assert said == [("good", 1.0, 0.2), ("day", 1.3, 0.7)]


def test_emotions_and_words_have_tiers_of_their_own(
    facts: Row, rows: list[Row], published: Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "a.eaf"
    path.write_bytes(as_bytes(EXPORTERS["eaf"](facts, rows, published)))
    tiers = {tier.name: [a.value for a in tier] for tier in speach.elan.read_eaf(str(path))}
    assert tiers["Ana <b> emotion"] == ["happy"]
    assert tiers["Ana <b> words"] == ["good", "day"]
    assert "default" not in tiers


def test_emotionml_holds_all_probabilities_and_the_place(
    facts: Row, rows: list[Row], published: Dataset
) -> None:
    root = ElementTree.fromstring(as_bytes(EXPORTERS["emotionml"](facts, rows, published)))
    space = {"e": "http://www.w3.org/2009/10/emotionml"}
    judged = [row for row in rows if row["scores"]]
    found = root.findall("e:emotion", space)
    assert len(found) == len(judged) > 0
    for emotion, row in zip(found, judged, strict=True):
        values = {
            c.get("name"): float(c.get("value", "")) for c in emotion.findall("e:category", space)
        }
        assert set(values) == set(EMOTIONS)
        assert values == pytest.approx(row["scores"], abs=1e-3)
        place = emotion.find("e:reference", space)
        assert place is not None
        assert str(place.get("uri")).endswith(f"#t={row['start']:.3f},{row['end']:.3f}")
    names = {item.get("name") for item in root.findall("e:vocabulary/e:item", space)}
    assert names == set(EMOTIONS)


def test_minutes_show_names_and_words_letter_by_letter(
    facts: Row, rows: list[Row], published: Dataset
) -> None:
    shown = MarkdownIt("commonmark").enable("table").render(to_md(facts, rows, published))
    assert "<b>" not in shown
    text = re.sub(r"<[^>]*>", "", shown)
    assert "Ana &lt;b&gt;" in text
    assert "good &amp; day --&gt; x" in text
    with zipfile.ZipFile(io.BytesIO(as_bytes(EXPORTERS["docx"](facts, rows, published)))) as file:
        body = ElementTree.fromstring(file.read("word/document.xml"))
    words = "".join(body.itertext())
    assert "Ana <b>" in words
    assert "good & day --> x" in words
    assert "(happy " in words


def test_marks_of_markdown_are_shown_and_do_nothing(facts: Row, rows: list[Row]) -> None:
    hostile = "1. *a* _b_ [c](d) `e` <i>f</i> | g # h"
    written = to_md(facts, [row | {"text": hostile} for row in rows[:1]], None)  # type: ignore[arg-type]
    last = MarkdownIt("commonmark").enable("table").render(written).rpartition("<p>")[2]
    assert "1. *a* _b_ [c](d) `e` &lt;i&gt;f&lt;/i&gt; | g # h" in last


def test_two_speakers_of_one_name_keep_tiers_apart(rows: list[Row]) -> None:
    both = [row | {"speaker_name": "Ana", "speaker": f"S{i}"} for i, row in enumerate(rows[:2])]
    assert [speaker.name for speaker in by_speaker(both)] == ["Ana", "Ana (S1)"]


def test_one_speakers_overlapping_utterances_follow_each_other(rows: list[Row]) -> None:
    twice = [rows[0] | {"start": 0.0, "end": 2.0}, rows[0] | {"start": 1.0, "end": 3.0}]
    (speaker,) = by_speaker(twice)
    assert [(part.start, part.end) for part in speaker.utterances()] == [(0, 2000), (2000, 3000)]


def test_every_recording_is_exported_into_a_folder(published: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    asked = ["export", published.location, "--all", "--format", "docx", "-o", str(out)]
    run = CliRunner().invoke(app, asked)
    assert run.exit_code == 0, run.output
    assert [path.name for path in out.iterdir()] == ["weekly-0123456789abcdef.docx"]
    both = ["export", published.location, "weekly", "--all", "--format", "md"]
    assert isinstance(CliRunner().invoke(app, both).exception, SettingsError)


def test_what_a_word_document_says_can_be_searched(
    facts: Row, rows: list[Row], published: Dataset
) -> None:
    write_whole(published, "notes/a.docx", as_bytes(EXPORTERS["docx"](facts, rows, published)))
    assert "good & day" in html.unescape(whole_text(published, "notes/a.docx"))
    published.fs.rm(f"{published.root}/notes", recursive=True)
