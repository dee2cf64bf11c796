"""An annotation, a training and an evaluation open no socket but to this machine.

A preload library ends a process at its first try, look-ups of names included: whether Python, a
library of C++ or a child process tries.
"""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from schemas.privacy import TELEMETRY_OFF
from tasks.media.split import ffmpeg_program
from tasks.sample import make_sample
from tests.material.meetings import make_meeting
from tests.material.sounds import write_wav

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
REFUSED = 97

Run = subprocess.CompletedProcess[str]


class Cage:
    """Runs Python so that whoever leaves the machine is ended, and written down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "tries.log"
        self.library = folder / "only_loopback.so"
        source = ROOT / "tests" / "material" / "only_loopback.c"
        subprocess.run(
            ["cc", "-O1", "-shared", "-fPIC", "-o", self.library, source, "-ldl"],
            check=True,
            timeout=60,
        )

    def run(self, *arguments: str, **environment: str) -> Run:
        # a run in CI is kept from telling by some libraries themselves: that would prove nothing
        kept = {k: v for k, v in os.environ.items() if k != "CI" and k not in TELEMETRY_OFF}
        for name in ("PREFECT_API_URL", "PREFECT_API_DATABASE_CONNECTION_URL"):
            kept.pop(name, None)
        caged = {
            "LD_PRELOAD": str(self.library),
            "ONLY_LOOPBACK_LOG": str(self.log),
            "PYTHONPATH": str(ROOT),
            "PREFECT_HOME": str(self.folder / "prefect"),
            "TONESCRIBE_CACHE": str(self.folder / "cache"),
        }
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=kept | caged | environment,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    def tonescribe(self, *arguments: str) -> Run:
        return self.run("-m", "flows.cli.app", *arguments)

    @property
    def tries(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def cage(tmp_path: Path) -> Cage:
    if not sys.platform.startswith("linux") or shutil.which("cc") is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have a C compiler: this test may not be skipped there")
        pytest.skip("needs Linux and a C compiler")
    return Cage(tmp_path)


@pytest.mark.parametrize(
    "leave",
    [
        "import socket; socket.getaddrinfo('example.org', 80)",
        "import socket; socket.socket().connect(('192.0.2.1', 80))",
        "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 53))",
    ],
)
def test_the_cage_ends_who_tries_to_leave(cage: Cage, leave: str) -> None:
    assert cage.run("-c", leave).returncode == REFUSED
    assert cage.tries


@pytest.mark.slow
def test_without_its_switch_a_library_would_be_caught(cage: Cage) -> None:
    script = "from faster_whisper.vad import get_vad_model as g; g(); import time; time.sleep(60)"
    assert cage.run("-c", script).returncode == REFUSED
    assert "microsoft" in cage.tries


@pytest.mark.slow
def test_an_annotation_leaves_nothing(cage: Cage) -> None:
    (cage.folder / "bucket").mkdir()
    sample = make_sample(cage.folder / "whole")
    program = [ffmpeg_program(), "-nostdin", "-loglevel", "error", "-t", "9"]
    short = cage.folder / "bucket" / "sample.mp4"
    subprocess.run([*program, "-i", sample, "-c", "copy", short], check=True, timeout=60)
    done = cage.tonescribe("annotate", "bucket", "--out", "dataset", "--purpose", "demo")
    assert done.returncode == 0, done.stderr
    for command in (("show", "dataset"), ("query", "dataset", "from speakers"), ("doctor",)):
        assert cage.tonescribe(*command).returncode == 0
    assert cage.tries == ""


def test_without_a_server_an_annotation_opens_no_socket_at_all(cage: Cage) -> None:
    make_meeting(cage.folder / "bucket.mp4", duration=4.0)
    given = ("-m", "flows.cli.app", "annotate", "bucket.mp4", "--out", "d", "--purpose", "demo")
    caught = cage.run("-c", "import socket; socket.socket()", NO_SOCKETS="1")
    assert caught.returncode == REFUSED
    cage.log.unlink()
    done = cage.run(*given, "--no-server", NO_SOCKETS="1", PREFECT_HOME=str(cage.folder / "p"))
    assert done.returncode == 0, done.stderr
    assert cage.tries == ""
    assert not (cage.folder / "p").exists()


@pytest.mark.slow
def test_a_training_and_an_evaluation_leave_nothing(cage: Cage) -> None:
    home = cage.folder / "data" / "speech" / "ravdess"
    home.mkdir(parents=True)
    random = np.random.default_rng(0)
    rows = []
    for actor in (1, 2, 4, 8, 10, 11, 20, 21):
        for emotion in (1, 4, 5):
            name = f"03-01-{emotion:02}-01-01-01-{actor:02}.wav"
            sound = 0.1 * random.standard_normal(16_000)
            write_wav(home / name, sound.astype(np.float32))
            rows.append({"path": name, "label": "sad", "speaker": str(actor)})
    with (home / "set.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["path", "label", "speaker"])
        writer.writeheader()
        writer.writerows(rows)
    recipe = ("--architecture", "level-logistic", "--epochs", "1", "--device", "cpu")
    trained = cage.tonescribe("train", "audio", "--data", "data", "--out", "out", *recipe)
    assert trained.returncode == 0, trained.stderr
    measured = cage.tonescribe("evaluate", "audio", "--data", str(home / "set.csv"), "--json")
    assert measured.returncode == 0, measured.stderr
    assert cage.tries == ""


def test_deployed_runs_have_the_same_switches() -> None:
    deployed = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text())
    assert deployed["definitions"]["job"]["env"].items() >= TELEMETRY_OFF.items()
