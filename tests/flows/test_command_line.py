"""The command as a user meets it: exit codes, one sentence, machine-readable output."""

import ast
import contextlib
import io
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from flows.cli.app import _run, app
from flows.networks import absent_networks
from flows.server import prefect_environment
from schemas.settings import EngineSettings, Settings
from tests.flows.conftest import SYNTHETIC
from tests.material import broken
from tests.material.meetings import make_meeting

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "flows.cli.app"]
ROOT = Path(__file__).parent.parent.parent


def environment(folder: Path) -> dict[str, str]:
    own = dict(os.environ) | {
        "TONESCRIBE_CACHE": str(folder / "cache"),
        "PREFECT_HOME": str(folder / "prefect"),
        "PYTHONPATH": str(ROOT),
    }
    own |= {f"TONESCRIBE_ENGINES__{job}": name for job, name in SYNTHETIC.items()}
    for name in ("PREFECT_API_URL", "PREFECT_API_DATABASE_CONNECTION_URL"):
        own.pop(name, None)
    return own


def tonescribe(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(folder) | more,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def reading(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that only reads in this process, as the command line would."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    code = 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["tonescribe", *arguments])
        try:
            _run()
        except SystemExit as end:
            code = int(end.code or 0)
    said, told = (stream.buffer.getvalue().decode() for stream in (out, err))
    return subprocess.CompletedProcess(arguments, code, said, told)


def test_help_loads_nothing_heavy() -> None:
    script = "import sys, flows.cli.app; print(sorted(m for m in sys.modules if '.' not in m))"
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
    assert first.stderr.startswith("starting\n")
    assert "'weekly' diarize" in first.stderr
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

    assert "SPEAKER_00" in tonescribe(tmp_path, "show", "dataset", "weekly").stdout
    shown = reading(tmp_path, "show", "dataset", "weekly")
    assert "SPEAKER_00" in shown.stdout
    sql = "select count(*) as n from utterances"
    assert json.loads(reading(tmp_path, "query", "dataset", sql, "--format", "json").stdout) == [
        {"n": reports[next(u for u in reports if "weekly" in u)]["n_utterances"]}
    ]
    for wrong in ("select cast(speaker as int) from utterances", "drop view words", "selec 1"):
        refused = reading(tmp_path, "query", "dataset", wrong)
        assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
    hinted = reading(tmp_path, "query", "dataset", "select emotoin from utterances").stderr
    assert "emotoin" in hinted
    assert '"emotion"' in hinted
    peek = ("query", "dataset", "select * from read_csv('meetings/empty.mp4')")
    assert reading(tmp_path, *peek).returncode == 2
    assert "--unsafe" in reading(tmp_path, *peek).stderr
    (tmp_path / "own.csv").write_text("a\n1\n")
    own = reading(tmp_path, "query", "dataset", "select a from 'own.csv'", "--unsafe")
    assert own.returncode == 0, own.stderr
    wide = reading(tmp_path, "query", "dataset", "select * from utterances").stdout
    assert all(column in wide for column in ("recording_id", "overlap_ratio", "models"))
    cells = "select '=1+1' as a, -3 as b, '@x' as c"
    shown_csv = reading(tmp_path, "query", "dataset", cells, "--format", "csv").stdout
    assert shown_csv.splitlines()[1] == "'=1+1,-3,'@x"
    nobody = reading(tmp_path, "show", "dataset", "--speaker", "BOB")
    assert (nobody.returncode, nobody.stdout) == (2, "")
    assert "There is no speaker 'BOB'; there are SPEAKER_00, SPEAKER_01." in nobody.stderr
    assert (
        "SPEAKER_01" not in reading(tmp_path, "show", "dataset", "--speaker", "Speaker_00").stdout
    )
    nowhere = reading(tmp_path, "export", "dataset", "weekly", "--format", "vtt", "-o", "no/x")
    assert nowhere.returncode == 2
    exported = reading(tmp_path, "export", "dataset", "weekly", "--format", "vtt")
    assert exported.stdout.startswith("WEBVTT")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("annotate", ".", "--out", "d"), 4, "--purpose"),
        (("annotate", "nowhere", "--out", "d", "--purpose", "research"), 2, "nowhere"),
        (("annotate", ".", "--out", "d", "--purpose", "research", "--profile", "x"), 2, "profile"),
        (("annotate", ".", "--out", "d", "--purpose", "hiring"), 4, "must not be used for hiring"),
        (("annotate", ".", "--out", "d", "--purpose", "fun"), 4, "known are demo, evaluation"),
        (
            ("annotate", ".", "--out", "d", "--purpose", "demo", "--profile", "embeded"),
            2,
            "did you mean 'embedded'? Known are embedded, standard.",
        ),
        (
            ("annotate", ".", "--out", "d", "--purpose", "demo", "--language", "klingon"),
            2,
            "language is wrong: 'klingon' is no language tag; write 'en', 'de' or 'pt-BR'.",
        ),
        (
            ("annotate", ".", "--out", "d", "--purpose", "demo", "--speakers", "0"),
            2,
            "speakers.exactly is wrong: 0 must be more than 0.",
        ),
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


def test_the_version_is_told(tmp_path: Path) -> None:
    shown = tonescribe(tmp_path, "--version")
    assert (shown.returncode, shown.stdout) == (0, f"tonescribe {version('tonescribe')}\n")


def test_without_a_server_the_same_command_works(tmp_path: Path) -> None:
    make_meeting(tmp_path / "weekly.wav")
    arguments = ("annotate", "weekly.wav", "--out", "dataset", "--purpose", "demo")
    done = tonescribe(tmp_path, *arguments, "--no-server", "--json")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["outcome"] == "annotated"
    assert not (tmp_path / "prefect").exists()


def test_a_server_that_does_not_answer_is_one_sentence(
    tmp_path: Path,
) -> None:
    make_meeting(tmp_path / "weekly.wav")
    arguments = ("annotate", "weekly.wav", "--out", "dataset", "--purpose", "demo")
    done = tonescribe(tmp_path, *arguments, PREFECT_API_URL="http://127.0.0.1:9/api")
    assert done.returncode == 1
    assert "http://127.0.0.1:9/api does not answer" in done.stderr.splitlines()[-1]
    assert "--no-server" in done.stderr


def scratch_folders(folder: Path) -> list[Path]:
    return list((folder / "tmp").glob("tonescribe-*"))


def annotation_at_work(folder: Path, options: tuple[str, ...]) -> subprocess.Popen[str]:
    """Start to annotate two recordings; return as soon as somebody works on one."""
    (folder / "tmp").mkdir()
    (folder / "meetings").mkdir()
    for name in ("monday", "weekend"):
        make_meeting(folder / "meetings" / f"{name}.mp4", duration=len(name) * 2)
    command = [*COMMAND, "annotate", "meetings", "--out", "dataset", "--purpose", "demo", *options]
    own = environment(folder) | {"TMPDIR": str(folder / "tmp")}
    with (folder / "stderr.txt").open("w") as errors:
        run = subprocess.Popen(command, cwd=folder, env=own, stderr=errors, text=True)
    while not scratch_folders(folder):
        assert run.poll() is None, (folder / "stderr.txt").read_text()
        time.sleep(0.02)
    return run


WORKERS = [(), ("--workers", "2"), ("--workers", "2", "--no-server")]


@pytest.mark.slow
@pytest.mark.parametrize("options", WORKERS)
def test_whoever_is_terminated_says_so_and_leaves_nothing(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    run = annotation_at_work(tmp_path, options)
    children = psutil.Process(run.pid).children(recursive=True)
    assert children
    run.terminate()
    assert run.wait(timeout=30) == 143
    last = (tmp_path / "stderr.txt").read_text().splitlines()[-1]
    assert last == "tonescribe: terminated; what was published is whole."
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    assert not scratch_folders(tmp_path)
    assert not list((tmp_path / "dataset").rglob("*.parquet"))


@pytest.mark.slow
@pytest.mark.parametrize("options", WORKERS[1:])
def test_workers_end_with_a_run_that_is_killed(tmp_path: Path, options: tuple[str, ...]) -> None:
    run = annotation_at_work(tmp_path, options)
    children = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    run.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive


STUCK = """
import signal, threading
import flows.ending
flows.ending._GRACE_SECONDS = 0.5
flows.ending.end_when_asked()
signal.signal(signal.SIGTERM, lambda *_: None)  # as a library's callback that drops exceptions
print("ready", flush=True)
threading.Event().wait(60)
"""


def test_a_program_that_cannot_be_interrupted_ends_nevertheless() -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", STUCK], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert run.stdout is not None
    run.stdout.readline()
    run.terminate()
    _, errors = run.communicate(timeout=20)
    assert run.returncode == 143
    assert errors == b"tonescribe: terminated; what was published is whole.\n"


def test_a_missing_network_is_said_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.networks.is_there", lambda name, _: name != "campplus")
    (sentence,) = absent_networks(Settings())
    assert sentence.startswith("The network campplus (speaker embedding) is missing; run ")
    synthetic = Settings(engines=EngineSettings(diarizer="synthetic"))
    assert absent_networks(synthetic) == []


def test_prefect_knows_the_server_in_its_other_threads_too() -> None:
    """Else it starts a second one there, which outlives a run that is killed."""
    from prefect.settings import PREFECT_API_URL

    with (
        prefect_environment(PREFECT_API_URL="http://127.0.0.1:9/api"),
        ThreadPoolExecutor(1) as pool,
    ):
        assert pool.submit(PREFECT_API_URL.value).result() == "http://127.0.0.1:9/api"
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(PREFECT_API_URL.value).result() != "http://127.0.0.1:9/api"


def test_trainings_and_reading_import_no_prefect() -> None:
    script = "import sys, flows.train, flows.evaluate, flows.cli.read, flows.batch; "
    script += "print('prefect' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert run.stdout == "False\n"
