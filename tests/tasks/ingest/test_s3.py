"""A bucket is read over a real S3 API by HTTP."""

import os
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import ResourceError, SettingsError
from tasks.ingest.fetch import fetch
from tasks.ingest.find import find_all, find_recordings
from tests.material.meetings import make_meeting

CONTENT = b"meeting" * 100_000


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    name = f"bucket-{abs(hash(request.node.name))}"
    s3.mkdir(name)
    return name


def test_a_bucket_is_found_and_fetched(s3: Any, bucket: str, tmp_path: Path) -> None:
    s3.pipe_file(f"{bucket}/2026/weekly.mp4", CONTENT)
    s3.pipe_file(f"{bucket}/2026/weekly.vtt", b"WEBVTT\n")
    s3.pipe_file(f"{bucket}/2026/notes.txt", b"")
    (item,) = find_recordings(f"s3://{bucket}")
    assert item.uri == f"s3://{bucket}/2026/weekly.mp4"
    assert item.size == len(CONTENT)
    assert item.modified is not None
    recording = fetch(item, tmp_path)
    assert Path(recording.path).read_bytes() == CONTENT
    assert recording.captions_path is not None
    assert recording.title == "weekly"


def test_a_folder_and_an_object_of_a_bucket_are_sources(s3: Any, bucket: str) -> None:
    for name in ("a/1.mp4", "a/1.toml", "b/2.mp4"):
        s3.pipe_file(f"{bucket}/{name}", b"x")
    (item,) = find_recordings(f"s3://{bucket}/a")
    assert find_recordings(f"s3://{bucket}/a/1.mp4") == [item]
    assert item.sidecar_uri == f"s3://{bucket}/a/1.toml"


def test_objects_without_a_suffix_are_known_by_their_first_bytes(
    s3: Any, bucket: str, tmp_path: Path
) -> None:
    movie = make_meeting(tmp_path / "a.mp4", duration=1.0).read_bytes()
    s3.pipe_file(f"{bucket}/rec/0001", movie)
    s3.pipe_file(f"{bucket}/rec/0002", b"minutes of the meeting " * 10)
    s3.pipe_file(f"{bucket}/rec/0003.txt", movie)
    found = find_all(f"s3://{bucket}")
    assert [item.uri for item in found.recordings] == [f"s3://{bucket}/rec/0001"]
    assert found.others == ("0002", "0003.txt")


def test_the_version_is_the_etag(s3: Any, bucket: str) -> None:
    def version() -> str:
        return find_recordings(f"s3://{bucket}")[0].version

    s3.pipe_file(f"{bucket}/a.mp4", b"one")
    first = version()
    s3.pipe_file(f"{bucket}/a.mp4", b"one")
    assert version() == first
    s3.pipe_file(f"{bucket}/a.mp4", b"two")
    assert version() != first


def test_a_new_object_is_seen_by_a_process_that_has_looked_before(s3: Any, bucket: str) -> None:
    s3.pipe_file(f"{bucket}/a.mp4", b"x")
    assert len(find_recordings(f"s3://{bucket}")) == 1
    _put_behind_our_back(bucket, "b.mp4")
    assert len(find_recordings(f"s3://{bucket}")) == 2


def _put_behind_our_back(bucket: str, key: str) -> None:
    import boto3

    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    client.put_object(Bucket=bucket, Key=key, Body=b"y")


@pytest.mark.parametrize(
    "name",
    ['it\'s "q".mp4', "../up.mp4", "x/../up.mp4", "😀.mp4", "a::b.mp4", "h#h%20.mp4", "c\a.mp4"],
)
def test_any_key_is_read_as_it_is(name: str, s3: Any, bucket: str, tmp_path: Path) -> None:
    s3.pipe_file(f"{bucket}/{name}", name.encode())
    (item,) = find_recordings(f"s3://{bucket}")
    recording = fetch(item, tmp_path / "scratch")
    assert Path(recording.path).read_bytes() == name.encode()
    assert Path(recording.path).parent == tmp_path / "scratch"


@pytest.mark.parametrize("source", ["s3://no-such-bucket", "s3://no-such-bucket/folder"])
def test_a_missing_bucket_is_one_sentence(s3: Any, source: str) -> None:
    with pytest.raises(SettingsError, match=f"There is no bucket, folder or object '{source}'"):
        find_recordings(source)


def test_a_missing_folder_of_a_bucket_is_one_sentence(s3: Any, bucket: str) -> None:
    with pytest.raises(SettingsError, match="There is no bucket, folder or object"):
        find_recordings(f"s3://{bucket}/nothing")


def test_a_server_that_is_not_there_is_one_sentence(
    s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_recordings(f"s3://{bucket}") == []
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(ResourceError, match="does not answer"):
        find_recordings("s3://bucket")
