"""Every query of docs/queries.md gives the result that stands below it.

After a change that is wanted: `GOLD=write pytest tests/flows/test_queries.py`, then look at the
difference.
"""

import os
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli.app import app
from schemas.dataset import Dataset
from tests.material.series import correct_series, make_series

PAGE = Path(__file__).parents[2] / "docs" / "queries.md"
QUERY = re.compile(
    r"## (?P<title>[^\n]+)\n.*?```sql\n(?P<sql>.*?)\n```\n\n```text\n(?P<result>.*?)```", re.DOTALL
)
QUERIES = {found["title"]: found for found in QUERY.finditer(PAGE.read_text(encoding="utf-8"))}


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    dataset = Dataset(str(tmp_path_factory.mktemp("series") / "dataset"), create=True)
    make_series(dataset)
    correct_series(dataset)
    return dataset


def test_there_are_more_than_a_dozen() -> None:
    assert len(QUERIES) > 12


@pytest.mark.parametrize("title", QUERIES)
def test_a_query_of_the_page_gives_its_result(title: str, series: Dataset) -> None:
    found = QUERIES[title]
    run = CliRunner().invoke(app, ["query", series.location, found["sql"]])
    assert run.exit_code == 0, run.exception
    result = "".join(f"{line.rstrip()}\n" for line in run.stdout.strip().splitlines())
    if os.environ.get("GOLD") == "write":
        page = PAGE.read_text(encoding="utf-8")
        before = f"```sql\n{found['sql']}\n```\n\n```text\n{found['result']}```"
        after = f"```sql\n{found['sql']}\n```\n\n```text\n{result}```"
        PAGE.write_text(page.replace(before, after), encoding="utf-8")
    else:
        assert result == found["result"]


def test_show_ends_with_what_stands_out(series: Dataset) -> None:
    found = series.arrow("insights").to_table().to_pylist()
    run = CliRunner().invoke(app, ["show", series.location])
    assert run.exit_code == 0, run.exception
    assert run.stdout.count("What stands out") == len({row["recording_id"] for row in found}) > 0
    lines = [line for line in run.stdout.splitlines() if line.endswith(found[0]["sentence"])]
    assert any(name in line for line in lines for name in found[0]["speaker_names"])
    only = CliRunner().invoke(app, ["show", series.location, "--emotion", "angry"])
    assert "What stands out" not in only.stdout
