"""What parses a stranger's file has no network, writes nowhere else, and has limits."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import InputError
from tasks.media import frames
from tasks.media.programs import Confinement, run_program
from tests.material.meetings import make_meeting
from tests.tasks.media.test_frames import info, shown

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the confinement is Linux's")

TRIES = """
import json, os, resource, socket, sys
inside, outside = sys.argv[1:]
found = {}
def attempt(name, action):
    try:
        action()
        found[name] = "done"
    except BaseException as error:
        found[name] = type(error).__name__
attempt("socket", lambda: socket.socket())
attempt("datagrams", lambda: socket.socket(type=socket.SOCK_DGRAM))
attempt("write inside", lambda: open(inside + "/a", "w").write("x"))
attempt("write outside", lambda: open(outside + "/a", "w").write("x"))
attempt("shorten outside", lambda: os.truncate(outside + "/there", 0))
attempt("remove outside", lambda: os.remove(outside + "/there"))
attempt("read outside", lambda: open(outside + "/there").read())
attempt("nowhere", lambda: open(os.devnull, "w").write("x"))
attempt("memory", lambda: bytearray(3 << 30))
attempt("a long file", lambda: open(inside + "/b", "wb").write(bytes(2 << 20)))
found["core"] = resource.getrlimit(resource.RLIMIT_CORE)[1]
found["seconds"] = resource.getrlimit(resource.RLIMIT_CPU)[1]
print(json.dumps(found))
"""


def test_a_confined_program_can_only_work_in_its_folder(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
    (outside / "there").write_text("kept")
    limits = Confinement(7, 1 << 20, (str(inside),), memory_bytes=2 << 30)
    command = [sys.executable, "-c", TRIES, str(inside), str(outside)]
    ended = run_program(command, 60, limits)
    assert json.loads(ended.output) == {
        "socket": "PermissionError",
        "datagrams": "PermissionError",
        "write inside": "done",
        "write outside": "PermissionError",
        "shorten outside": "PermissionError",
        "remove outside": "PermissionError",
        "read outside": "done",
        "nowhere": "done",
        "memory": "MemoryError",
        "a long file": "OSError",
        "core": 0,
        "seconds": 7,
    }
    assert (outside / "there").read_text() == "kept"


def test_a_program_that_computes_without_end_is_ended() -> None:
    ended = run_program([sys.executable, "-c", "while True: pass"], 60, Confinement(cpu_seconds=1))
    assert ended.returncode is not None
    assert ended.returncode < 0


@pytest.mark.parametrize(
    "script",
    [
        "import os; os.abort()",
        "import time; time.sleep(60)",
        "import sys; sys.stdout.buffer.write(b'no picture' * 100)",
    ],
)
def test_a_decoder_that_crashes_hangs_or_lies_is_an_input_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    (tmp_path / "decoder.py").write_text(script)
    monkeypatch.setattr(frames.pictures, "__file__", str(tmp_path / "decoder.py"))
    monkeypatch.setattr(frames, "_STALL_SECONDS", 1.0)
    with pytest.raises(InputError, match="cannot be decoded"):
        shown(tmp_path / "a.mp4", [(0.0, 1.0)], info())


def test_who_stops_looking_ends_the_decoder(tmp_path: Path) -> None:
    video = make_meeting(tmp_path / "a.mp4", duration=5.0, faces=(0,))
    seen = frames.sampled_pictures(str(video), info(), [(0.0, 4.9)], 5.0)
    assert next(seen).time == 0.0
    seen.close()  # type: ignore[attr-defined]
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(video) not in running.stdout
