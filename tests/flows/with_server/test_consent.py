"""Neither the files of a run nor Prefect's database hold anything of somebody who refused."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL

from flows.annotate import annotate, report_of
from schemas.dataset import open_dataset
from tasks.dataset.export import EXPORTERS, as_bytes
from tasks.dataset.traces import whole_text
from tests.material.refusals import NAME, SECRET, make_refused_meeting

pytestmark = pytest.mark.usefixtures("prefect_server")


def everything_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and content of every file, tables and databases as text as well."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        yield str(path), path.read_bytes().decode("latin-1")
        if path.suffix == ".parquet":
            yield str(path), str(pq.read_table(path).to_pylist())


def prefect_database() -> str:
    """Everything that the Prefect server keeps: logs, artifacts, states, parameters."""
    address = PREFECT_API_DATABASE_CONNECTION_URL.value()
    path = str(getattr(address, "get_secret_value", lambda: address)()).split("///", 1)[1]
    with sqlite3.connect(path) as connection:
        return "\n".join(connection.iterdump())


def found(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


@pytest.mark.parametrize("pattern", [SECRET, NAME])
def test_no_file_of_a_run_holds_a_word_or_name_of_somebody_who_refused(
    synthetic: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    monkeypatch.setenv("TONESCRIBE_ARTIFACTS", "full")
    meeting = make_refused_meeting(synthetic / "meetings")
    scratch = synthetic / "tmp"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    dataset = synthetic / "dataset"
    state = annotate(str(meeting.parent), str(dataset), return_state=True)  # type: ignore[call-overload]
    (done,) = report_of(state).recordings
    assert done.outcome == "annotated"
    kept = prefect_database()
    assert found("Let us begin with the plan", kept)
    for name, content in (
        *everything_in(dataset),
        *everything_in(synthetic / "cache"),
        *everything_in(scratch),
        ("the Prefect database", kept),
    ):
        assert not found(pattern, content), name
    opened = open_dataset(str(dataset))
    (facts,) = opened.arrow("recordings").to_table().to_pylist()
    rows = opened.arrow("utterances").to_table().to_pylist()
    exports = dataset / "exports"
    exports.mkdir()
    for kind, export in EXPORTERS.items():
        (exports / f"a.{kind}").write_bytes(as_bytes(export(facts, rows, opened)))
        assert not found(pattern, whole_text(opened, f"exports/a.{kind}")), kind
