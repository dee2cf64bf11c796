"""A bucket over the S3 API, served on loopback: recordings in, a dataset out."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner

from flows.annotate import annotate
from flows.cli.app import app
from schemas.dataset import open_dataset
from schemas.errors import SettingsError
from tests.material.meetings import make_meeting
from tests.material.stores import s3_server

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def bucket() -> Iterator[object]:
    with s3_server() as url:
        client = boto3.client("s3", endpoint_url=url)
        client.create_bucket(Bucket="meetings")
        yield client


def count_by_query(dataset: str, table: str) -> int:
    """Ask as a user does: `tonescribe query s3://...`."""
    sql = f"select count(*) as n from {table}"
    asked = CliRunner().invoke(app, ["query", dataset, sql, "--format", "json"])
    assert asked.exit_code == 0, asked.output
    (row,) = json.loads(asked.stdout)
    return int(row["n"])


@pytest.mark.slow
def test_a_bucket_is_annotated_into_a_bucket_once_and_can_be_queried(
    synthetic: Path, bucket: object
) -> None:
    recording = make_meeting(synthetic / "weekly.mp4")
    bucket.upload_file(str(recording), "meetings", "2026/weekly.mp4")  # type: ignore[attr-defined]
    source, out = "s3://meetings/2026", "s3://meetings/dataset"
    (done,) = annotate(source, out).recordings
    assert done.outcome == "annotated"
    assert annotate(source, out).unchanged == 1
    assert len(open_dataset(out).relation("utterances").fetchall()) == done.n_utterances
    for table, rows in (
        ("utterances", done.n_utterances),
        ("recordings", 1),
        ("reactions", done.n_reactions),
        ("speakers", done.n_speakers),
    ):
        assert count_by_query(out, table) == rows
    refused = CliRunner().invoke(app, ["query", out, "select * from 's3://meetings/a.parquet'"])
    assert "--unsafe" in str(refused.exception)


def test_a_missing_bucket_is_one_sentence(synthetic: Path, bucket: object) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        annotate("s3://nowhere/2026", str(synthetic / "dataset"))
