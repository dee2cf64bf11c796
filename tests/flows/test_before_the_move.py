"""A dataset and a cache of an earlier layout of the code are still read.

Both were written when training and pipeline still shared the folder `tasks`. Moving the code
repeats no work; stages whose results were changed on purpose since then are in `CHANGED`.
"""

import shutil
from pathlib import Path

import pytest

from flows.batch import plan_batch, run_batch, run_plainly
from flows.options import AnnotateOptions
from schemas.dataset import open_dataset
from schemas.reports import BatchReport
from schemas.values import clock
from tasks.dataset.export import EXPORTERS

CHANGED = (
    *("split", "diarize", "transcribe", "utterances"),
    *("faces", "audio", "video", "text", "fuse"),
)
"""Names of captions and files of participants decide over the diarizer; rooms are no names.

Voices and faces are scored against their own baseline, and all for how rare emotions are. Split
and faces run again for their files, which are not kept.
"""

EARLIER = Path(__file__).parents[1] / "material" / "before_the_move"


@pytest.fixture
def earlier(synthetic: Path) -> Path:
    shutil.copytree(EARLIER, synthetic, dirs_exist_ok=True)
    return synthetic


def run(folder: Path, dataset: str) -> BatchReport:
    options = AnnotateOptions(source=str(folder / "recordings"), out=str(folder / dataset))
    return run_batch(plan_batch(options), run_plainly)


def test_its_rows_views_and_exports_are_read(earlier: Path) -> None:
    dataset = open_dataset(str(earlier / "dataset"))
    (recording,) = dataset.arrow("recordings").to_table().to_pylist()
    rows = dataset.arrow("utterances").to_table().to_pylist()
    assert clock(recording["duration"]) == "0:10"
    assert {row["speaker"] for row in rows} == {"SPEAKER_00", "SPEAKER_01"}
    assert dataset.relation("words").fetchall()
    assert all(export(recording, rows, dataset) for export in EXPORTERS.values())


def test_its_cache_serves_all_stages_but_those_that_changed(earlier: Path) -> None:
    for dataset in ("dataset", "another"):
        (report,) = run(earlier, dataset).recordings
        assert (report.outcome, report.ran) == (
            "annotated",
            CHANGED if dataset == "dataset" else (),
        )
    assert run(earlier, "dataset").unchanged == 1
