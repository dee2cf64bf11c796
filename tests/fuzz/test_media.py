"""Spoiled recordings: read, or refused with one sentence; no file anywhere but in the scratch."""

import shutil
import tempfile
from pathlib import Path

import pytest

from schemas.errors import InputError, ResourceError
from schemas.media import Recording
from schemas.settings import Settings
from tasks.media.frames import sampled_pictures
from tasks.media.probe import probe
from tasks.media.split import split
from tests.fuzz.hostile import SECONDS, attack
from tests.material.meetings import make_meeting

SETTINGS = Settings(purpose="tests")
KINDS = (".mp4", ".mkv", ".mp3", ".wav", ".ogg", ".flac")


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoiled_recording_harms_nobody(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make_meeting(tmp_path / f"whole{kind}", duration=2.0, size=(64, 48), fps=5.0)
    content = whole.read_bytes()
    work, elsewhere, temporary = (tmp_path / n for n in ("work", "elsewhere", "temporary"))
    for folder in (elsewhere, temporary):
        folder.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def check(spoiled_content: bytes) -> None:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        path = work / f"recording{kind}"
        path.write_bytes(spoiled_content)
        try:
            read(path, work)
        except (InputError, ResourceError) as error:
            told = error.sentence
        else:
            told = "It was read."
        assert 10 < len(told) < 2000
        assert path.read_bytes() == spoiled_content
        assert not list(elsewhere.iterdir())
        assert not list(temporary.iterdir())

    check(content)
    count = attack([content], check, 0.4 * SECONDS / len(KINDS), first=2)
    print(f"{kind}: {count} examples")


def read(path: Path, work: Path) -> None:
    info = probe(str(path), SETTINGS)
    recording = Recording(
        recording_id="0" * 16, uri=str(path), title="x", path=str(path), size=1, version="1"
    )
    split(recording, info, SETTINGS, work / "scratch")
    for picture in sampled_pictures(str(path), info, [(0.0, 2.0)], 5.0):
        assert picture.gray.size
