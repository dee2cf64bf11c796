"""What is published can be read by others, appears whole, and says what it was made from."""

import csv
import errno
import io
import re
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from schemas.dataset import Dataset, open_dataset
from schemas.errors import FullDiskError
from schemas.manifest import Manifest, QuarantineEntry, Source
from schemas.media import MediaInfo, Recording
from schemas.sidecar import Sidecar
from schemas.tables import SCHEMA_VERSION
from tasks.dataset.export import EXPORTERS, to_csv, to_srt, to_vtt
from tasks.dataset.manifests import add_source, read_manifest
from tasks.dataset.publish import publish
from tasks.dataset.quarantine import all_quarantined, quarantine, release
from tasks.dataset.store import write_whole
from tasks.media.split import ffmpeg_program
from tests.material.annotations import annotated, annotation, reacted, recording

INFO = MediaInfo(container="mp4", duration=12.0, origin=0.0)


def put(dataset: Dataset, item: Recording, fingerprint: str = "f1") -> Manifest:
    return publish(dataset, annotation(item, INFO, annotated(), fingerprint=fingerprint), "<p>")


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(str(tmp_path / "dataset"), create=True)


def test_other_programs_read_the_parquet_without_tonescribe(dataset: Dataset) -> None:
    manifest = put(dataset, recording())
    file = dataset.path(next(f for f in manifest.files if f.startswith("utterances/")))
    assert file.endswith("utterances/month=2026-11/0123456789abcdef.parquet")
    assert pd.read_parquet(file)["emotion"].tolist()[0] == "happy"
    assert pl.read_parquet(file)["scores"][0]["happy"] == pytest.approx(0.5)
    found = duckdb.sql(f"select speaker, len(words) n from '{file}' order by 1").fetchall()
    assert found == [("SPEAKER_00", 2), ("SPEAKER_01", 0)]
    metadata = pq.read_metadata(file)
    assert metadata.metadata[b"tonescribe.schema_version"] == SCHEMA_VERSION.encode()
    assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_views_unnest_words_and_sum_up_speakers(dataset: Dataset) -> None:
    put(dataset, recording())
    read = open_dataset(dataset.location)
    assert read.relation("words").fetchall()[0][7:10] == ("good", 1.0, 1.2)
    speakers = read.pandas("speakers").sort_values("speaker")
    assert speakers["talk_seconds"].tolist() == [1.0, 1.5]
    assert speakers["talk_share"].sum() == pytest.approx(1.0)
    assert speakers["happy"].tolist()[0] == pytest.approx(0.5)


def test_an_empty_dataset_can_be_queried(dataset: Dataset) -> None:
    assert dataset.relation("utterances").fetchall() == []
    assert dataset.relation("speakers").fetchall() == []
    assert dataset.relation("reactions").fetchall() == []


def test_who_reacts_how_to_whom_is_one_join(dataset: Dataset) -> None:
    publish(dataset, annotation(recording(), INFO, annotated(), reactions=reacted()), "<p>")
    read = open_dataset(dataset.location)
    file = read.path("reactions/month=2026-11/0123456789abcdef.parquet")
    assert pd.read_parquet(file)["participant"].tolist() == ["FACE_00", "SPEAKER_01"]
    found = read.connect().execute("""
        select speaker, participant, participant_name, r.emotion, r.scores.happy, r.start, r."end"
        from reactions r join utterances using (recording_id, utterance_index)
        order by participant
    """)
    unknown, smile = found.fetchall()
    assert unknown == ("SPEAKER_00", "FACE_00", None, None, None, 1.0, 2.0)
    assert smile[:4] == ("SPEAKER_00", "SPEAKER_01", "Bo", "happy")
    assert smile[4] == pytest.approx(0.5)
    assert read.relation("reactions").fetchall()[0][-1] == {"video": "embedded@2"}


def test_the_queries_about_listeners_run(dataset: Dataset) -> None:
    publish(dataset, annotation(recording(), INFO, annotated(), reactions=reacted()), "<p>")
    page = Path(__file__).parents[3].joinpath("docs", "interpret.md").read_text(encoding="utf-8")
    queries = re.findall(r'tonescribe query DATASET "(.*?)"', page, flags=re.DOTALL)
    found = [dataset.connect().execute(query).fetchall() for query in queries]
    smiles = next(rows for query, rows in zip(queries, found, strict=True) if "smiles" in query)
    assert smiles[0] == ("Ana <b>", "Bo", 1, 1.0)
    assert len(found) == 3


def test_reactions_that_are_no_more_are_replaced_by_none(dataset: Dataset) -> None:
    publish(dataset, annotation(recording(), INFO, annotated(), reactions=reacted()), "<p>")
    again = put(dataset, recording(), fingerprint="f2")
    (file,) = dataset.list("reactions", ".parquet")
    assert file in again.files
    assert pq.read_metadata(dataset.path(file)).num_rows == 0
    assert dataset.relation("reactions").fetchall() == []


def test_the_manifest_lists_every_file_with_its_digest(dataset: Dataset) -> None:
    manifest = put(dataset, recording())
    on_disk = {
        str(path.relative_to(dataset.root))
        for path in Path(dataset.root).rglob("*")
        if path.is_file()
    }
    assert on_disk == {*manifest.files, "manifests/0123456789abcdef.json"}


def test_the_same_content_under_two_names_is_one_recording(dataset: Dataset) -> None:
    first = put(dataset, recording())
    add_source(dataset, first, Source(uri="/other/copy.mp4", version="v9"))
    rows = dataset.arrow("recordings").to_table().to_pylist()
    assert [row["uris"] for row in rows] == [["/meetings/weekly.mp4", "/other/copy.mp4"]]
    again = read_manifest(dataset, "0123456789abcdef")
    assert again is not None
    assert [s.uri for s in again.sources] == ["/meetings/weekly.mp4", "/other/copy.mp4"]


def test_a_new_date_moves_the_rows_and_leaves_nothing_behind(dataset: Dataset) -> None:
    put(dataset, recording())
    put(dataset, recording(sidecar=Sidecar(date=date(2025, 1, 2))), fingerprint="f2")
    files = list(dataset.list("utterances", ".parquet"))
    assert files == ["utterances/month=2025-01/0123456789abcdef.parquet"]


def test_an_interrupted_write_leaves_no_part_of_a_file(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FullDiskError, match="is full; free some space"):
        write_whole(dataset, "pages/x.html", b"half")
    assert not [path for path in Path(dataset.root).rglob("*") if path.is_file()]


def test_quarantine_counts_tries_and_keeps_every_name(dataset: Dataset) -> None:
    def entry(uri: str) -> QuarantineEntry:
        return QuarantineEntry(
            recording_id="abc",
            sources=(Source(uri=uri, version="1"),),
            cause="input",
            stage="probe",
            sentence="It is empty.",
            quarantined_at=datetime.now(UTC),
        )

    quarantine(dataset, entry("a.mp4"))
    quarantine(dataset, entry("b.mp4"))
    (held,) = all_quarantined(dataset)
    assert held.tries == 2
    assert [s.uri for s in held.sources] == ["a.mp4", "b.mp4"]
    release(dataset, "a.mp4")
    assert [s.uri for s in all_quarantined(dataset)[0].sources] == ["b.mp4"]
    release(dataset, "b.mp4")
    assert all_quarantined(dataset) == []


def test_vtt_escapes_what_was_said_and_names_the_voice(dataset: Dataset) -> None:
    put(dataset, recording())
    rows = dataset.arrow("utterances").to_table().to_pylist()
    facts = dataset.arrow("recordings").to_table().to_pylist()[0]
    vtt = EXPORTERS["vtt"](facts, rows, dataset)
    assert vtt.startswith("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n")
    assert "<v.happy Ana &lt;b&gt;>good &amp; day --&gt; x</v>" in vtt
    rttm = EXPORTERS["rttm"](facts, rows, dataset)
    assert rttm.splitlines()[1] == (
        "SPEAKER 0123456789abcdef 1 3.000 1.500 <NA> <NA> SPEAKER_01 <NA> <NA>"
    )
    assert '"emotion": "happy"' in EXPORTERS["json"](facts, rows, dataset)
    header, first, _ = EXPORTERS["csv"](facts, rows, dataset).splitlines()
    assert "scores.happy" in header.split(",")
    assert "good & day --> x" in first


def test_no_export_lets_a_text_break_out() -> None:
    row = {
        "start": 1.0,
        "end": 2.0,
        "speaker": "SPEAKER_00",
        "speaker_name": "=cmd()",
        "text": "a\n\n00:00:05.000 --> 00:00:06.000\nNOTE \x1b[31mx",
        "emotion": None,
        "scores": None,
        "words": [],
    }
    said = "a 00:00:05.000 {} 00:00:06.000 NOTE [31mx"
    assert to_srt({}, [row], None).splitlines()[2] == f"=cmd(): {said.format('→')}"  # type: ignore[arg-type]
    assert said.format("--&gt;") in to_vtt({}, [row], None)  # type: ignore[arg-type]
    (line,) = csv.DictReader(io.StringIO(to_csv({}, [row], None)))  # type: ignore[arg-type]
    assert line["speaker_name"] == "'=cmd()"
    assert line["start"] == "1.0"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r"])
def test_a_line_break_in_a_cell_cuts_no_row(end: str) -> None:
    row = {"start": 1.0, "text": f"a{end}b", "emotion": None, "words": []}
    written = to_csv({}, [row, row], None)  # type: ignore[arg-type]
    lines = list(csv.DictReader(io.StringIO(written, newline="")))
    breaks = "\n" * len(end.replace("\r\n", "\n"))
    assert [line["text"] for line in lines] == [f"a{breaks}b"] * 2
    table = pyarrow.csv.read_csv(
        io.BytesIO(written.encode()),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
    )
    assert table.num_rows == 2


def test_another_program_reads_the_cues_of_an_export(tmp_path: Path) -> None:
    said = "a\n\n00:00:05.000 --> 00:00:06.000\nb <i>c</i> & d"
    row = {"start": 1.0, "end": 2.0, "speaker": "SPEAKER_00", "speaker_name": "Ana", "text": said}
    rows = [row | {"emotion": None}, row | {"emotion": "happy", "start": 3.0, "end": 4.5}]
    for name, export in (("x.vtt", to_vtt), ("x.srt", to_srt)):
        (tmp_path / name).write_text(export({}, rows, None))  # type: ignore[arg-type]
        command = [ffmpeg_program(), "-v", "error", "-i", name, "-f", "srt", "-"]
        read = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        times = [line for line in read.stdout.splitlines() if re.match(r"[\d:,]+ --> ", line)]
        assert times == ["00:00:01,000 --> 00:00:02,000", "00:00:03,000 --> 00:00:04,500"]
