"""Prefect's database and logs hold ids, counts and times: no words, no names of people or files."""

import logging
import re
from pathlib import Path

import pytest

from flows.annotate import annotate, report_of
from flows.discretion import address_id
from tests.flows.with_server.test_consent import prefect_database
from tests.material import broken
from tests.material.meetings import make_meeting

pytestmark = pytest.mark.usefixtures("prefect_server")

CAPTIONS = """WEBVTT

00:00.000 --> 00:03.000
<v Aldonza>The windmills are giants, you see.

00:05.000 --> 00:08.000
<v Sancho>Let us begin with breakfast.
"""
NAMES = ("Aldonza", "Sancho", "Rocinante", "Cervantes", "Dulcinea")
WORDS = ("windmills", "breakfast")


@pytest.fixture
def meetings(synthetic: Path) -> Path:
    folder = synthetic / "of Cervantes"
    folder.mkdir()
    make_meeting(folder / "Aldonza interview.wav")
    (folder / "Aldonza interview.vtt").write_text(CAPTIONS)
    (folder / "Aldonza interview.toml").write_text('title = "Dulcinea alone"\n')
    broken.empty(folder / "Sancho.mp4")
    make_meeting(folder / "Rocinante trots.wav", duration=7)
    (folder / "Rocinante trots.toml").write_text("speakers = 'Rocinante'\n")
    (folder / "Dulcinea.txt").write_text("nothing")
    return folder


def test_what_prefect_keeps_names_nobody_and_quotes_nothing(
    meetings: Path,
    synthetic: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TONESCRIBE_SOURCE", str(meetings))
    with caplog.at_level(logging.DEBUG, logger="prefect"):
        state = annotate(out=str(synthetic / "d"), return_state=True)  # type: ignore[call-overload]
    outcomes = sorted(r.outcome for r in report_of(state).recordings)
    assert outcomes == ["annotated", "quarantined", "quarantined"]
    kept = prefect_database()
    assert f"annotate {address_id(str(meetings))}" in kept
    assert "0 bytes" in kept
    for pattern in (*NAMES, *WORDS):
        assert not re.search(pattern, kept, re.IGNORECASE), pattern
        assert not re.search(pattern, caplog.text, re.IGNORECASE), pattern
