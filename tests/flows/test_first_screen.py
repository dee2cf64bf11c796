"""The sample meeting as a newcomer sees it first: every cue whole, with whoever said it."""

from pathlib import Path

import pytest

from flows.batch import plan_batch, run_batch, run_plainly
from flows.options import AnnotateOptions
from schemas.dataset import open_dataset
from tasks.sample import _read, _stm_line, make_sample


@pytest.mark.slow
def test_every_cue_of_the_sample_stands_whole_in_a_row_of_its_speaker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONESCRIBE_CACHE", str(tmp_path / "cache"))
    make_sample(tmp_path / "bucket")
    options = AnnotateOptions(
        source=str(tmp_path / "bucket"), out=str(tmp_path / "d"), purpose="demo"
    )
    run_batch(plan_batch(options), run_plainly)
    rows = open_dataset(str(tmp_path / "d")).arrow("utterances").to_table().to_pylist()
    said = {line.text: line.speaker for line in _read("sample.stm", _stm_line) if line.text}
    speakers: dict[str, set[str]] = {}
    for text, person in list(said.items())[1:]:  # "Hello?" is said twice, by two people
        (row,) = [r for r in rows if text in r["text"]]
        speakers.setdefault(person, set()).add(row["speaker"])
    assert [len(found) for found in speakers.values()] == [1, 1]
    assert len(set.union(*speakers.values())) == 2
    starts = [r["text"] for r in rows]
    assert all(text[0].isupper() and text[-1] in ".?" for text in starts)
