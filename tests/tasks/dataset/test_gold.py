"""The page and every export are, to the letter, what a reviewer looked at and accepted.

After a change that is wanted: `GOLD=write pytest tests/tasks/dataset/test_gold.py`, then look at
the difference.
"""

import os
import re
from pathlib import Path

import pytest

from schemas.dataset import Dataset
from schemas.media import MediaInfo
from schemas.speech import Transcript
from tasks.dataset.export import EXPORTERS
from tasks.dataset.page import render_page
from tests.material.annotations import annotated, annotation, recording

GOLD = Path(__file__).parents[2] / "material" / "gold"
ROOT = Path(__file__).parents[2] / "material" / "before_the_move" / "dataset"


def compare(name: str, text: str) -> None:
    path = GOLD / name
    if os.environ.get("GOLD") == "write":
        path.write_text(text, encoding="utf-8", newline="")
    assert text == path.read_bytes().decode()


def without_style_and_script(page: str) -> str:
    """Return a page without what lies in files of its own, and without their digests."""
    bare = re.sub(r"<(style|script)>.*?</\1>", r"<\1></\1>", page, flags=re.DOTALL)
    return re.sub(r"'sha256-[^']*'", "'sha256-'", bare)


@pytest.mark.parametrize("kind", sorted(set(EXPORTERS) - {"html", "docx"}))
def test_an_export_is_what_was_accepted(kind: str) -> None:
    dataset = Dataset(str(ROOT))
    (recording,) = dataset.arrow("recordings").to_table().to_pylist()
    rows = dataset.arrow("utterances").to_table().to_pylist()
    compare(f"weekly.{kind}", EXPORTERS[kind](recording, rows, dataset))


def test_the_page_is_what_was_accepted() -> None:
    media = MediaInfo(container="mp4", duration=12.0, origin=0.0)
    transcript = Transcript(engine="none", reason="Why.")
    page = render_page(annotation(recording(), media, annotated(), transcript))
    compare("page.html", without_style_and_script(page))
