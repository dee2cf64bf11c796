"""What is forgotten is in no file any more, and does not come back with the next night."""

import gzip
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from flows.cli.app import app
from flows.forgetting import outdated
from schemas.dataset import open_dataset
from schemas.errors import SettingsError
from tasks.dataset.export import EXPORTERS
from tasks.dataset.index import INDEX
from tests.material.meetings import make_meeting
from tests.material.refusals import CAPTIONS, NAME, SECRET
from tests.material.runs import annotate_plainly

runner = CliRunner()


def tonescribe(*arguments: str) -> Result:
    return runner.invoke(app, list(arguments), catch_exceptions=False)


@pytest.fixture
def meetings(synthetic: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two meetings in which Zenobia and Bo speak, nobody refusing; an export of the first."""
    monkeypatch.setenv("TONESCRIBE_SERVER", "none")
    folder = synthetic / "meetings"
    folder.mkdir()
    said = CAPTIONS.replace("plan for", f"plan of {NAME} for")
    for name, seconds in (("weekly", 10), ("daily", 9)):
        make_meeting(folder / f"{name}.wav", duration=seconds)
        (folder / f"{name}.vtt").write_text(said)
    (folder / "weekly.toml").write_text(f'title = "Talk with {NAME}"\ndate = 2025-01-02\n')
    annotate_plainly(folder, synthetic / "dataset")
    annotate_plainly(folder, synthetic / "dataset")  # the second plan writes the index
    dataset = open_dataset(str(synthetic / "dataset"))
    first = next(
        r for r in dataset.arrow("recordings").to_table().to_pylist() if NAME in r["title"]
    )
    rows = dataset.arrow("utterances").to_table().to_pylist()
    own = [row for row in rows if row["recording_id"] == first["recording_id"]]
    exports = synthetic / "dataset" / "exports"
    exports.mkdir()
    (exports / "a.vtt").write_text(EXPORTERS["vtt"](first, own, dataset))
    (exports / "notes.txt").write_text("Something of ours.")
    return folder


def id_of(dataset: Path, title: str) -> str:
    rows = open_dataset(str(dataset)).arrow("recordings").to_table().to_pylist()
    return str(next(row["recording_id"] for row in rows if title in row["title"]))


def everything(*folders: Path) -> str:
    """Names and contents of all files, tables as text."""
    parts = []
    for path in (p for folder in folders for p in folder.rglob("*") if p.is_file()):
        parts += [str(path), path.read_bytes().decode("latin-1")]
        if path.suffix == ".gz":
            parts.append(gzip.decompress(path.read_bytes()).decode())
        if path.suffix == ".parquet":
            parts.append(str(pq.read_table(path).to_pylist()))
    return "\n".join(parts)


def test_a_recording_is_gone_from_every_file_and_stays_away(
    meetings: Path, synthetic: Path
) -> None:
    dataset, cache = synthetic / "dataset", synthetic / "cache"
    recording_id = id_of(dataset, NAME)
    before = everything(dataset)
    assert recording_id in gzip.decompress((dataset / INDEX).read_bytes()).decode()
    told = tonescribe("forget", str(dataset), "--recording", recording_id, "--dry-run")
    assert re.search(r"would be removed: [5-9] files of the dataset", told.stdout)
    assert everything(dataset) == before
    told = tonescribe("forget", str(dataset), "--recording", recording_id)
    assert told.exit_code == 0
    assert re.search(r"dataset: \d+ searched, 0 found", told.stdout)
    tombstone = dataset / "forgotten" / f"{recording_id}.json"
    left = everything(dataset, cache).replace(str(tombstone), "")
    assert left.count(recording_id) == tombstone.read_text().count(recording_id) == 1
    assert f"Talk with {NAME}" not in left
    assert (dataset / "exports" / "notes.txt").exists()
    assert not (dataset / "exports" / "a.vtt").exists()
    report = annotate_plainly(meetings, dataset)
    assert sorted(r.outcome for r in report.recordings) == ["forgotten"]
    assert report.unchanged == 1
    assert report.sentence.endswith("1 forgotten on request")
    assert recording_id not in everything(cache)


def test_a_recording_may_be_let_back(meetings: Path, synthetic: Path) -> None:
    dataset = synthetic / "dataset"
    recording_id = id_of(dataset, "daily")
    tonescribe("forget", str(dataset), "--recording", recording_id)
    again = tonescribe("forget", str(dataset), "--recording", recording_id, "--allow-again")
    assert again.exit_code == 0
    assert [r.outcome for r in annotate_plainly(meetings, dataset).recordings] == ["annotated"]


def test_of_a_person_times_stay_and_the_next_night_brings_nothing_back(
    meetings: Path, synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, cache = synthetic / "dataset", synthetic / "cache"
    told = tonescribe("forget", str(dataset), "--speaker", NAME.lower())
    assert told.exit_code == 0, told.stdout
    assert re.search(r"dataset: \d+ searched, 0 found", told.stdout)
    assert "2 utterances of others hold the name" in told.stdout
    rows = open_dataset(str(dataset)).arrow("utterances").to_table().to_pylist()
    hidden = [row for row in rows if "no_consent" in row["flags"]]
    assert hidden
    assert all(row["text"] == row["speaker_name"] == "[not shown]" for row in hidden)
    assert all(row["words"] == [] and row["emotion"] is None for row in hidden)
    assert all(row["end"] > row["start"] for row in hidden)
    assert {row["speaker_name"] for row in rows} == {"[not shown]", "Bo"}
    assert SECRET not in everything(dataset, cache)
    pages = "".join(p.read_text() for p in (dataset / "pages").iterdir())
    assert "Somebody who did not consent is not shown" in pages
    assert f">{NAME}<" not in pages
    # the next night, with settings under which everything is made anew
    monkeypatch.setenv("TONESCRIBE_UTTERANCES__MAX_PAUSE", "0.9")
    (meetings / "weekly.toml").unlink()
    again = annotate_plainly(meetings, dataset)
    assert [r.outcome for r in again.recordings] == ["annotated", "annotated"]
    assert SECRET not in everything(dataset, cache)


def test_what_is_not_there_is_one_sentence(meetings: Path, synthetic: Path) -> None:
    dataset = str(synthetic / "dataset")
    for arguments, sentence in (
        (("--recording", "0123456789abcdef"), "There is no recording"),
        (("--recording", "0"), "There is no recording"),
        (("--speaker", "Quixote"), "Nobody is called 'Quixote'"),
        (("--speaker", " "), "The name is empty"),
        ((), "Give either"),
    ):
        with pytest.raises(SettingsError, match=sentence):
            tonescribe("forget", dataset, *arguments)


def test_old_meetings_are_forgotten_by_their_date(meetings: Path, synthetic: Path) -> None:
    dataset = synthetic / "dataset"
    now = datetime(2025, 2, 2, tzinfo=UTC)
    assert outdated(open_dataset(str(dataset)), 31, now) == []
    assert outdated(open_dataset(str(dataset)), 30, now) == [id_of(dataset, NAME)]
    told = tonescribe("retain", str(dataset), "--days", "365", "--dry-run")
    assert "1 recordings of meetings more than 365 days ago would be forgotten." in told.stdout
    assert tonescribe("retain", str(dataset), "--days", "365").exit_code == 0
    assert len(list((dataset / "manifests").iterdir())) == 1


def test_the_status_counts_and_names_nobody(meetings: Path, synthetic: Path) -> None:
    (meetings / "empty.mp4").touch()
    shutil.copy(meetings / "daily.vtt", meetings / "empty.vtt")
    annotate_plainly(meetings, synthetic / "dataset")
    told = tonescribe("status", str(synthetic / "dataset"))
    for fact in ("recordings", "2 (0.01 hours)", "input", "probe", "unsure", "just now"):
        assert fact in told.stdout
    as_json = tonescribe("status", str(synthetic / "dataset"), "--json")
    assert '"most_tries":1' in as_json.stdout
    for name in (NAME, "Bo", "weekly", "plan"):
        assert name not in told.stdout + as_json.stdout


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_notice_says_what_the_settings_do(synthetic: Path, language: str) -> None:
    given = ("--purpose", "research", "--days", "30", "--language", language)
    text = tonescribe("notice", *given, "--contact", "dpo@example.org").stdout
    assert "dpo@example.org" in text
    assert "30" in text
    assert "[not shown]" in text
    assert {"en": "studying how people talk", "de": "erforschen"}[language] in text
