"""A meeting in which somebody did not consent: captions with a name and a word to keep secret."""

from pathlib import Path

from tests.material.meetings import make_meeting

SECRET = "heffalump"
NAME = "Zenobia"
SIDECAR = f'participants = [{{ name = "{NAME}", consent = false }}, {{ name = "Bo" }}]\n'
CAPTIONS = f"""WEBVTT

00:00.000 --> 00:03.000
<v {NAME}>I once kept a {SECRET} in the garden.

00:05.000 --> 00:08.000
<v Bo>Let us begin with the plan for today.
"""


def make_refused_meeting(folder: Path) -> Path:
    folder.mkdir()
    make_meeting(folder / "weekly.mp4")
    (folder / "weekly.vtt").write_text(CAPTIONS)
    (folder / "weekly.toml").write_text(SIDECAR)
    return folder / "weekly.mp4"
