"""Kappa and confusion of models and reviewers, from what reviewers looked at."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import cohen_kappa_score
from typer.testing import CliRunner

from flows.cli.app import app
from schemas.corrections import Correction
from schemas.dataset import Dataset
from tasks.dataset.agreement import LABELS, agreements
from tasks.dataset.corrections import take_in, utterances_of
from tests.material.series import make_series


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    dataset = Dataset(str(tmp_path_factory.mktemp("series") / "dataset"), create=True)
    make_series(dataset)
    made = []
    for week in range(6):
        recording = f"{week:016x}"
        for number, row in enumerate(utterances_of(dataset, recording)[:12]):
            old = row["emotion"]
            made.append(said(len(made), "Rita", recording, number, old, old))
            if number % 3 == 0:
                made.append(said(len(made), "Sam", recording, number, old, "sad"))
    take_in(dataset, made)
    return dataset


def said(
    number: int, who: str, recording: str, utterance: int, old: str | None, new: str | None
) -> Correction:
    facts: dict[str, Any] = {"id": f"{number:032x}", "who": who, "recording": recording}
    when = datetime(2026, 11, 20, 10, number // 60, number % 60, tzinfo=UTC)
    return Correction(**facts, when=when, utterance=utterance, field="emotion", old=old, new=new)


def test_models_and_reviewers_are_compared_in_pairs(series: Dataset) -> None:
    found = {(each.first, each.second): each for each in agreements(series)}
    assert set(found) == {
        ("models", "all reviewers"),
        ("models", "Rita"),
        ("models", "Sam"),
        ("Rita", "Sam"),
    }
    rita = found["models", "Rita"]
    assert (rita.n, rita.agreed) == (72, 1.0)
    assert [rita.kappa, *(rita.interval or ())] == pytest.approx([1.0, 1.0, 1.0])
    assert found["models", "Sam"].n == found["Rita", "Sam"].n == 24
    whole = found["models", "all reviewers"]
    labels = [
        (LABELS[row], LABELS[column])
        for row, cells in enumerate(whole.confusion)
        for column, count in enumerate(cells)
        for _ in range(count)
    ]
    assert whole.kappa == pytest.approx(cohen_kappa_score(*zip(*labels, strict=True)))
    assert whole.interval is not None
    assert whole.interval[0] < whole.kappa < whole.interval[1]


def test_the_command_prints_them_and_says_when_there_are_none(
    series: Dataset, tmp_path: Path
) -> None:
    told = CliRunner().invoke(app, ["agree", series.location])
    assert "models and Rita: 72 utterances, 100% alike, kappa 1.00 [1.00, 1.00]" in told.stdout
    assert "models (rows), Sam (columns)" in told.stdout
    (tmp_path / "empty").mkdir()
    told = CliRunner().invoke(app, ["agree", str(tmp_path / "empty")])
    assert told.stdout == "Nobody has corrected or confirmed an emotion in this dataset.\n"
