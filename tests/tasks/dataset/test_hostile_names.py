"""Names and words that try to break out of whatever they are written into."""

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.artifacts import summary_markdown, transcript_markdown
from flows.cli.app import app
from flows.cli.read import run_query
from schemas.dataset import Dataset
from schemas.errors import SettingsError
from schemas.media import MediaInfo
from schemas.speech import AnnotatedUtterance
from tasks.dataset.export import EXPORTERS
from tasks.dataset.page import render_page
from tasks.dataset.publish import publish
from tests.material.annotations import annotated, annotation, recording

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)//' onmouseover='x",
    "]]><![CDATA[x",
    "{{ 7 * 7 }}{% raw %}",
    '=HYPERLINK("http://x";"y")',
    "\t+1+1",
    "@SUM(A1)",
    "a | b\n| c | d |\n# e",
    "[x](javascript:alert(1)) ![y](http://z) `code` <http://w>",
    "x --> y\n\n00:00:09.000 --> 00:00:10.000\nspoof",
    "NOTE\nSTYLE\n::cue { color: red }",
    "SPEAKER a 1 0 1 <NA> <NA> b <NA> <NA>\nc d",
    "'; drop table utterances; --",
    "a\x1b[31mb\x07\u202ec\u2028d\x00"[:-1],
    "</title></v></li>",
)


def rows_of(hostile: str) -> tuple[AnnotatedUtterance, ...]:
    first, second = annotated()
    update = {"speaker_name": hostile, "text": hostile}
    return (
        first.model_copy(update={"utterance": first.utterance.model_copy(update=update)}),
        second,
    )


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(str(tmp_path / "it's a dataset"), create=True)


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))


def elements(page: str) -> list[tuple[str, tuple[str, ...]]]:
    parser = Elements()
    parser.feed(page)
    return parser.seen


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_name_stays_a_name_in_every_format(hostile: str, dataset: Dataset) -> None:
    info = MediaInfo(container="mp4", duration=12.0, origin=0.0)
    page, plain = (
        render_page(annotation(recording(title=text, uri=f"/m/{text}.mp4"), info, rows_of(text)))
        for text in (hostile, "Ana")
    )
    assert elements(page) == elements(plain)
    made = annotation(recording(title=hostile), info, rows_of(hostile))
    publish(dataset, made, page)
    (facts,) = dataset.arrow("recordings").to_table().to_pylist()
    rows = dataset.arrow("utterances").to_table().to_pylist()
    written = {kind: export(facts, rows, dataset) for kind, export in EXPORTERS.items()}
    assert written["vtt"].count("-->") == written["srt"].count("-->") == len(rows)
    assert len(re.findall(r"<(?!/?v)", written["vtt"])) == 0
    assert written["vtt"].count("\n\n") == len(rows)
    assert [len(line.split()) for line in written["rttm"].splitlines()] == [10] * len(rows)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u2028\u202e]", written["srt"] + written["vtt"])
    for line in csv.DictReader(io.StringIO(written["csv"], newline="")):
        assert not any(str(cell).lstrip()[:1] in tuple("=+@") for cell in line.values())
    markdown = transcript_markdown(hostile, made.utterances, "/p.html")
    assert len(markdown.splitlines()) == 6 + len(rows)
    assert not re.search(r"(?<!\\)[<\[`]", "".join(markdown.splitlines()[6:]))
    assert hostile not in summary_markdown(facts["recording_id"], made.utterances, "/p.html")
    told = CliRunner().invoke(app, ["show", dataset.location])
    assert "\x1b[31m" not in told.stdout
    assert "\x07" not in told.stdout


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('{other}')",
        "select * from '{other}'",
        "select content from read_text('{other}')",
        "select * from glob('/*')",
        "copy utterances to '{other}.out'",
        "attach '{other}.db'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "reset lock_configuration",
        "pragma database_list",
        "create table x as select 1",
        "export database '{other}'",
        "select 1; select 2",
        "from read_parquet('https://example.org/x.parquet')",
        "from read_parquet('s3://bucket/x.parquet')",
        "from sniff_csv('{other}')",
        "select getenv('HOME')",
        "from HOSTILE",
    ],
)
def test_a_query_reads_the_dataset_and_nothing_else(
    sql: str, dataset: Dataset, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("secret\n1\n")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SettingsError):
        run_query(dataset.location, sql.format(other=other), "json")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_query_may_read_the_files_of_its_dataset(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    info = MediaInfo(container="mp4", duration=12.0, origin=0.0)
    publish(dataset, annotation(recording(), info, annotated()), "<p>")
    files = f"{dataset.root}/utterances/*/*.parquet".replace("'", "''")
    run_query(dataset.location, f"select count(*) n from read_parquet('{files}')", "json")
    assert capsys.readouterr().out.strip() == '[{"n":2}]'
    above = f"{dataset.root}/../other.csv".replace("'", "''")
    (Path(dataset.root).parent / "other.csv").write_text("a\n1\n")
    with pytest.raises(SettingsError, match="--unsafe"):
        run_query(dataset.location, f"from read_csv('{above}')", "json")
