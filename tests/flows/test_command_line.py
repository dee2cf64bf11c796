"""The command as a user meets it: exit codes, one sentence, machine-readable output."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tests.flows.conftest import SYNTHETIC
from tests.material import broken
from tests.material.meetings import make_meeting

COMMAND = [sys.executable, "-m", "flows.cli"]
ROOT = Path(__file__).parent.parent.parent


def tonescribe(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ) | {
        "TONESCRIBE_CACHE": str(folder / "cache"),
        "PREFECT_HOME": str(folder / "prefect"),
        "PYTHONPATH": str(ROOT),
    }
    environment |= {f"TONESCRIBE_ENGINES__{job}": name for job, name in SYNTHETIC.items()}
    for name in ("PREFECT_API_URL", "PREFECT_API_DATABASE_CONNECTION_URL"):
        environment.pop(name, None)
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_help_loads_nothing_heavy() -> None:
    script = "import sys, flows.cli; print(sorted(m for m in sys.modules if '.' not in m))"
    run = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    )
    heavy = {"torch", "prefect", "pydantic", "pyarrow", "numpy", "duckdb", "transformers", "av"}
    assert not heavy & set(ast.literal_eval(run.stdout))


def test_every_command_of_the_contract_has_help() -> None:
    shown = CliRunner().invoke(app, ["--help"]).stdout
    for command in ("annotate", "show", "query", "export", "train", "evaluate", "doctor"):
        assert command in shown
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


@pytest.mark.slow
def test_a_batch_from_start_to_query(tmp_path: Path) -> None:
    meetings = tmp_path / "meetings"
    meetings.mkdir()
    make_meeting(meetings / "weekly.mp4")
    broken.empty(meetings / "empty.mp4")
    arguments = ("annotate", "meetings", "--out", "dataset", "--purpose", "tests")

    first = tonescribe(tmp_path, *arguments, "--json")
    assert first.returncode == 3, first.stderr
    reports = {r["uri"]: r for r in map(json.loads, first.stdout.splitlines())}
    assert sorted(r["outcome"] for r in reports.values()) == ["annotated", "quarantined"]

    second = tonescribe(tmp_path, *arguments)
    assert second.returncode == 3
    assert "Nothing to do" in second.stdout
    assert "--requeue" in second.stdout
    again = tonescribe(tmp_path, *arguments, "--json")
    outcomes = [json.loads(line)["outcome"] for line in again.stdout.splitlines()]
    assert sorted(outcomes) == ["quarantined", "unchanged"]

    (meetings / "empty.mp4").unlink()
    third = tonescribe(tmp_path, *arguments)
    assert third.returncode == 0
    assert "1 unchanged" in third.stdout

    shown = tonescribe(tmp_path, "show", "dataset", "weekly")
    assert "SPEAKER_00" in shown.stdout
    sql = "select count(*) as n from utterances"
    assert json.loads(tonescribe(tmp_path, "query", "dataset", sql, "--format", "json").stdout) == [
        {"n": reports[next(u for u in reports if "weekly" in u)]["n_utterances"]}
    ]
    for wrong in ("select cast(speaker as int) from utterances", "drop view words", "selec 1"):
        refused = tonescribe(tmp_path, "query", "dataset", wrong)
        assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
    nowhere = tonescribe(tmp_path, "export", "dataset", "weekly", "--format", "vtt", "-o", "no/x")
    assert nowhere.returncode == 2
    exported = tonescribe(tmp_path, "export", "dataset", "weekly", "--format", "vtt")
    assert exported.stdout.startswith("WEBVTT")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("annotate", ".", "--out", "d"), 4, "--purpose"),
        (("annotate", "nowhere", "--out", "d", "--purpose", "research"), 2, "nowhere"),
        (("annotate", ".", "--out", "d", "--purpose", "research", "--profile", "x"), 2, "profile"),
        (("query", "nowhere", "select 1"), 2, "nowhere"),
        (("show", "nowhere"), 2, "nowhere"),
    ],
)
def test_a_refusal_is_one_sentence_and_an_exit_code(
    tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    result = tonescribe(tmp_path, *arguments)
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("tonescribe: ")
    assert sentence in line
