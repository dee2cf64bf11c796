"""Prefect forgets, too: the artifacts of a recording leave its database, others stay."""

from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from flows.annotate import annotate
from flows.artifacts import artifact_key
from flows.forgetting import forget
from schemas.dataset import open_dataset
from schemas.settings import load_settings
from tests.material.meetings import make_meeting

pytestmark = pytest.mark.usefixtures("prefect_server")


def artifacts_of(recording_id: str) -> list[str]:
    pattern = ArtifactFilterKey(like_=f"{artifact_key(recording_id)}%")
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=pattern))
    return sorted(str(artifact.key).rpartition("-")[2] for artifact in found)


def test_artifacts_of_what_is_forgotten_are_removed_and_looked_for(synthetic: Path) -> None:
    meetings = synthetic / "meetings"
    meetings.mkdir()
    for seconds in (6.2, 7.2):
        make_meeting(meetings / f"{seconds}.wav", duration=seconds)
    reports = annotate(str(meetings), str(synthetic / "d")).recordings
    gone, stays = (str(report.recording_id) for report in reports)
    assert artifacts_of(gone) == artifacts_of(stays) == ["speakers", "transcript"]
    done = forget(open_dataset(str(synthetic / "d")), load_settings(), recording=gone)
    assert done.artifacts == 2
    (prefect,) = (place for place in done.proof if place.place == "Prefect")
    assert prefect.left == ()
    assert done.is_clean
    assert artifacts_of(gone) == []
    assert artifacts_of(stays) == ["speakers", "transcript"]
