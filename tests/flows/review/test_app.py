"""The app over a dataset: what it lists, shows and takes, and whom it refuses."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from flows.progress import Event, Progress
from flows.review.access import Access
from flows.review.app import create_app
from schemas.dataset import Dataset
from schemas.errors import InputError
from schemas.reports import BatchReport, RecordingReport
from tests.material.series import make_series

ORIGIN = {"origin": "http://localhost"}


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    dataset = Dataset(str(tmp_path_factory.mktemp("series") / "dataset"), create=True)
    make_series(dataset)
    return dataset


class Annotator:
    """Annotates nothing: says that a clip is a meeting of the series, once it may."""

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.may_go.set()
        self.seen: list[bytes] = []

    def prepare(self) -> None:
        pass

    def annotate(self, path: Path, listen: Callable[[Event], None]) -> BatchReport:
        assert self.may_go.wait(10)
        self.seen.append(path.read_bytes())
        if b"broken" in self.seen[-1]:
            raise InputError("It is no recording.")
        listen(Progress(number=1, count=1, title=path.stem, stage="diarize", done=0.3))
        report = RecordingReport(
            uri=str(path), outcome="annotated", recording_id=f"{0:016x}", seconds=1.0
        )
        return BatchReport(recordings=(report,))


@pytest.fixture
def annotator() -> Annotator:
    return Annotator()


@pytest.fixture
def client(series: Dataset, annotator: Annotator, tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(series, annotator, tmp_path / "uploads", most_bytes=1000)
    with TestClient(app, base_url="http://localhost") as made:
        yield made


def ended(client: TestClient, clip_id: str) -> dict[str, object]:
    for _ in range(200):
        clip = dict(client.get(f"/api/clips/{clip_id}").json())
        if clip["state"] in ("done", "failed"):
            return clip
        time.sleep(0.02)
    raise AssertionError(clip)


def test_meetings_are_listed_newest_first_with_what_was_expressed(client: TestClient) -> None:
    found = client.get("/api/meetings").json()
    assert [meeting["day"] for meeting in found][:2] == ["2026-10-12", "2026-10-05"]
    first = found[0]
    assert sum(first["emotions"].values()) + first["unsure"] == first["n_utterances"] == 85
    assert sum(speaker["share"] for speaker in first["speakers"]) == pytest.approx(1)
    assert abs(first["valence"]) < 1
    assert first["valence_error"] > 0


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"text": "2026-09-07"}, 1),
        ({"text": "ENJOY the holiday"}, 6),
        ({"text": "%"}, 0),
        ({"speaker": "garcia"}, 6),
        ({"speaker": "nobody"}, 0),
        ({"since": "2026-09-20", "until": "2026-09-30"}, 2),
        ({"emotion": "disgust"}, 0),
        ({"emotion": "happy", "order": "longest"}, 6),
    ],
)
def test_meetings_are_found(client: TestClient, asked: dict[str, str], count: int) -> None:
    assert len(client.get("/api/meetings", params=asked).json()) == count


def test_wrong_questions_are_refused_and_nothing_breaks(client: TestClient) -> None:
    assert client.get("/api/meetings", params={"emotion": "envy"}).status_code == 422
    for wrong in ("../../etc/passwd", "nobody", "x" * 16, "%2e%2e", "0" * 15 + "f"):
        assert client.get(f"/meetings/{wrong}").status_code == 404
        assert client.get(f"/api/meetings/{wrong}/scores").status_code == 404
        assert client.get(f"/media/{wrong}").status_code == 404


def test_an_empty_dataset_has_no_meetings(tmp_path: Path) -> None:
    app = create_app(Dataset(str(tmp_path), create=True), None, None)
    client = TestClient(app, base_url="http://localhost")
    assert client.get("/api/meetings").json() == []
    refused = client.post("/api/clips?name=a.wav", content=b"x", headers=ORIGIN)
    assert refused.status_code == 503
    assert "--uploads" in refused.json()["detail"]


def test_scores_are_means_in_all_and_by_speaker(client: TestClient) -> None:
    found = client.get(f"/api/meetings/{0:016x}/scores").json()
    assert sum(found["scores"].values()) == pytest.approx(1, abs=0.01)
    assert set(found["by_speaker"]) == {"Ana García", "Bo Lindqvist", "Chidi Eze", "Dana Levi"}


def test_a_page_plays_a_recording_that_lies_here_and_in_parts(
    client: TestClient, series: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = client.get(f"/meetings/{0:016x}")
    assert page.status_code == 200
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert f"/media/{0:016x}" not in page.text  # it is not here
    film = tmp_path / "a.mp4"
    film.write_bytes(bytes(range(100)))
    monkeypatch.setattr("flows.review.app.local_path", lambda _: film)
    assert f'src="/media/{0:016x}"' in client.get(f"/meetings/{0:016x}").text
    part = client.get(f"/media/{0:016x}", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))


def test_a_clip_is_taken_annotated_and_followed_to_its_end(
    client: TestClient, annotator: Annotator, tmp_path: Path
) -> None:
    annotator.may_go.clear()
    first, second = (
        client.post("/api/clips", params={"name": n}, content=b"sound", headers=ORIGIN).json()
        for n in ("../../Wéekly <b>.WAV", "b.webm")
    )
    assert first["name"] == "Wéekly -b.wav"
    assert (second["state"], second["place"]) == ("waiting", 1)
    assert [path.name for path in sorted((tmp_path / "uploads").iterdir())] == [
        "Wéekly -b.wav",
        "b.webm",
    ]
    annotator.may_go.set()
    with client.stream("GET", f"/api/clips/{second['clip_id']}/events") as stream:
        told = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
    assert told[-1]["state"] == "done"
    assert told[-1]["recording_id"] == f"{0:016x}"
    assert annotator.seen == [b"sound", b"sound"]
    assert [clip["clip_id"] for clip in client.get("/api/clips").json()] == [
        second["clip_id"],
        first["clip_id"],
    ]


def test_a_clip_that_fails_says_why_and_the_next_is_annotated(client: TestClient) -> None:
    given = [
        client.post("/api/clips", params={"name": "a.wav"}, content=body, headers=ORIGIN).json()
        for body in (b"broken", b"whole")
    ]
    assert given[1]["name"] == "a.wav"
    bad, good = (ended(client, clip["clip_id"]) for clip in given)
    assert (bad["state"], bad["sentence"]) == ("failed", "It is no recording.")
    assert good["state"] == "done"


def test_what_is_no_clip_is_refused_and_leaves_nothing(client: TestClient, tmp_path: Path) -> None:
    for name, body, status in (
        ("a.exe", b"x", 415),
        ("a", b"x", 415),
        ("a.wav", b"", 413),
        ("a.wav", b"x" * 1001, 413),
        ("", b"x", 422),
    ):
        answer = client.post("/api/clips", params={"name": name}, content=body, headers=ORIGIN)
        assert answer.status_code == status
    assert not list((tmp_path / "uploads").glob("*"))


def test_nobody_sees_the_clips_of_somebody_else(client: TestClient) -> None:
    mine = client.post("/api/clips?name=a.wav", content=b"x", headers=ORIGIN).json()
    ended(client, mine["clip_id"])
    other = TestClient(client.app, base_url="http://localhost")
    assert other.get("/api/clips").json() == []
    assert other.get(f"/api/clips/{mine['clip_id']}").status_code == 404
    assert other.get(f"/api/clips/{mine['clip_id']}/events").status_code == 404


def test_another_site_can_neither_read_nor_write(client: TestClient) -> None:
    rebound = client.get("/api/meetings", headers={"host": "evil.example:8791"})
    assert rebound.status_code == 421
    for origin in ("http://evil.example", "null", "http://localhost:1", "http://["):
        headers = {"origin": origin}
        assert (
            client.post("/api/clips?name=a.wav", content=b"x", headers=headers).status_code == 403
        )
    assert client.post("/api/clips?name=a.wav", content=b"x").status_code == 403
    assert client.get("/", headers={"host": "a@localhost"}).status_code == 421


def test_beyond_this_machine_a_token_opens_and_leaves_the_address(series: Dataset) -> None:
    access = Access(hosts=("meetings.example",), token="t" * 20)
    app = create_app(series, None, None, access)
    client = TestClient(app, base_url="http://meetings.example", follow_redirects=False)
    assert client.get("/").status_code == 401
    assert client.get("/?token=wrong").status_code == 401
    assert client.get("/static/app.css").status_code == 401
    bearer = {"authorization": f"Bearer {'t' * 20}"}
    assert client.get("/api/meetings", headers=bearer).status_code == 200
    visit = client.get(f"/?token={'t' * 20}")
    assert (visit.status_code, visit.headers["location"]) == (303, "/")
    assert "HttpOnly; SameSite=Strict" in visit.headers["set-cookie"]
    assert client.get("/").status_code == 200


def test_pages_run_only_their_own_scripts(client: TestClient) -> None:
    for path in ("/", "/new"):
        page = client.get(path)
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert "<script>" not in page.text
        assert "style=" not in page.text
        assert page.headers["x-content-type-options"] == "nosniff"


def test_the_api_describes_itself(client: TestClient) -> None:
    described = client.get("/api/openapi.json").json()
    assert set(described["paths"]) == {
        "/api/meetings",
        "/api/meetings/{recording_id}/corrections",
        "/api/meetings/{recording_id}/scores",
        "/api/clips",
        "/api/clips/{clip_id}",
        "/api/clips/{clip_id}/events",
    }


def test_corrections_of_the_page_are_taken_in_and_seen_by_all(client: TestClient) -> None:
    path = f"/api/meetings/{0:016x}/corrections"
    made = {
        "id": f"{7:032x}",
        "who": "Rita",
        "when": "2026-11-20T10:00:00Z",
        "recording": f"{0:016x}",
        "utterance": 0,
        "field": "text",
        "old": "before",
        "new": "what was really said",
    }
    body = {"format": "tonescribe-corrections", "version": 1, "corrections": [made]}
    assert client.post(path, json=body).status_code == 403
    answer = client.post(path, json=body, headers=ORIGIN)
    assert (answer.status_code, answer.json()["added"]) == (200, 1)
    assert client.post(path, json=body, headers=ORIGIN).json()["known"] == 1
    assert "what was really said" in client.get(f"/meetings/{0:016x}").text
    found = client.get("/api/meetings", params={"text": "really said"}).json()
    assert [meeting["recording_id"] for meeting in found] == [f"{0:016x}"]
    assert client.post(path, content=b"{", headers=ORIGIN).status_code == 422
    other = f"/api/meetings/{1:016x}/corrections"
    assert client.post(other, json=body, headers=ORIGIN).status_code == 422
    nowhere = f"/api/meetings/{99:016x}/corrections"
    assert client.post(nowhere, json=body, headers=ORIGIN).status_code == 404
    assert client.post(path, content=b" " * 10_000_001, headers=ORIGIN).status_code == 413
