"""`tonescribe evaluate attribution` on a composed meeting."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli.app import app
from flows.evaluate_attribution import measure_attribution
from lab.meetings.compose import compose
from lab.meetings.people import people_of
from lab.meetings.recipes import Recipe
from lab.meetings.render import write_meeting
from schemas.errors import InputError, SettingsError


@pytest.mark.needs_shared
def test_faces_names_and_calibration_of_a_meeting_are_reported(
    shared: Path, tmp_path: Path
) -> None:
    data = shared / "data" / "meeting"
    people = people_of(data / "video", "report", ("g03", "g07", "g10"))
    words = data / "ami_words.parquet"
    meetings = tmp_path / "meetings"
    write_meeting(compose(Recipe.parse("side"), people, words, "report", 3, 10.0), meetings)
    broken = meetings / "broken.mp4"
    broken.write_bytes(b"no video")
    truth = next(meetings.glob("*.truth.json"))
    (meetings / "broken.truth.json").write_text(truth.read_text())
    asked = ["evaluate", "attribution", "--data", str(meetings), "--turns", "true"]
    ended = CliRunner().invoke(app, [*asked, "--report", str(tmp_path / "report"), "--json"])
    assert ended.exit_code == 0, ended.output
    found = json.loads(ended.stdout)
    assert found["meetings"] == 1
    assert found["warnings"][0].startswith("broken is left out:")
    assert found["all"]["n"] + found["all"]["n_absent"] > 0
    assert found["all"]["right_speaker"] == 1.0
    assert set(found["by"]) == {"layout", "tiles", "condition", "speaker is", "meeting"}
    report = (tmp_path / "report" / "report.md").read_text()
    assert "By layout" in report
    assert (tmp_path / "report" / "contact-sheet.png").stat().st_size > 0


def test_what_is_missing_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no folder"):
        measure_attribution(tmp_path / "away")
    with pytest.raises(SettingsError, match="There is no NAME"):
        measure_attribution(tmp_path)
    with pytest.raises(SettingsError, match="--turns is true or found"):
        measure_attribution(tmp_path, turns="guessed")
    (tmp_path / "weekly.truth.json").write_text("{}")
    with pytest.raises(InputError, match="no recording beside weekly"):
        measure_attribution(tmp_path)
