"""Measures that can be checked by hand, and reports that can be opened."""

import json
from pathlib import Path

import numpy as np
import pytest

from schemas.emotions import EMOTIONS
from tasks.evaluation import calibration_error, fit_temperature, measure, write_report


def sure_of(classes: list[int], confidence: float = 0.9) -> np.ndarray:
    scores = np.full((len(classes), 7), (1 - confidence) / 6, dtype=np.float32)
    scores[np.arange(len(classes)), classes] = confidence
    return scores


def test_uar_counts_each_class_alike_and_accuracy_each_sample() -> None:
    found = measure([0, 0, 0, 0, 1, 1], sure_of([0, 0, 0, 0, 1, 2]))
    assert found.accuracy == pytest.approx(5 / 6)
    assert found.uar == pytest.approx(0.75)
    assert found.recall == {"neutral": 1.0, "happy": 0.5}
    assert found.confusion[1][2] == 1


def test_a_class_that_never_occurs_is_left_out_of_the_averages() -> None:
    found = measure([3, 3], sure_of([3, 6]))
    assert found.recall == {"angry": 0.5}
    assert found.uar == pytest.approx(0.5)
    assert found.macro_f1 == pytest.approx(2 / 3)


def test_confidence_equal_to_accuracy_is_no_calibration_error() -> None:
    labels = [0] * 8 + [1] * 2
    assert calibration_error(labels, sure_of([0] * 10, 0.8)) == pytest.approx(0.0, abs=1e-6)
    assert calibration_error(labels, sure_of([0] * 10, 1.0)) == pytest.approx(0.2, abs=1e-6)


def test_the_more_confident_half_is_measured_alone() -> None:
    scores = np.concatenate([sure_of([0, 0], 0.9), sure_of([1, 1], 0.5)])
    assert measure([0, 0, 0, 0], scores).accuracy_at_half_coverage == 1.0


def test_the_interval_is_over_speakers_and_holds_the_figure() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 7, 400)
    guess = np.where(random.random(400) < 0.6, labels, random.integers(0, 7, 400))
    found = measure(labels.tolist(), sure_of(guess.tolist()), [str(i % 12) for i in range(400)])
    assert found.uar_interval is not None
    low, high = found.uar_interval
    assert low < found.uar < high
    assert high - low < 0.2


def test_one_speaker_alone_has_no_interval() -> None:
    assert measure([0, 1], sure_of([0, 1]), ["a", "a"]).uar_interval is None


def test_a_missing_score_is_refused() -> None:
    scores = sure_of([0, 1])
    scores[1] = np.nan
    with pytest.raises(ValueError, match="missing score"):
        measure([0, 1], scores)


def test_the_temperature_of_logits_made_three_times_too_large_is_three() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(20_000, 7))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = [int(random.choice(7, p=row)) for row in shares]
    assert fit_temperature(labels, 3 * logits) == pytest.approx(3.0, rel=0.06)


def test_a_report_holds_figures_and_drawings(tmp_path: Path) -> None:
    labels, scores = [0, 1, 1, 2], sure_of([0, 1, 2, 2])
    write_report(tmp_path / "report", "voice", measure(labels, scores), labels, scores, {"k": 6})
    record = json.loads((tmp_path / "report" / "measures.json").read_text())
    assert record["n"] == 4
    assert record["k"] == 6
    page = (tmp_path / "report" / "report.md").read_text()
    assert "| happy | 50.0% |" in page
    assert all(name in page for name in EMOTIONS)
    for picture in ("confusion.png", "reliability.png"):
        assert (tmp_path / "report" / picture).read_bytes().startswith(b"\x89PNG")
