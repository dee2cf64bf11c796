"""Measures that can be checked by hand."""

import numpy as np
import pytest

from lab.measures import (
    calibration_error,
    fit_temperature,
    fit_threshold,
    measure,
    measure_folds,
    multi_label_macro_f1,
)


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


def test_weighted_f1_counts_a_class_by_its_samples_and_macro_f1_does_not() -> None:
    found = measure([0, 0, 0, 1], sure_of([0, 0, 0, 0]))
    of_neutral = 2 * 0.75 / 1.75
    assert found.macro_f1 == pytest.approx(of_neutral / 2)
    assert found.weighted_f1 == pytest.approx(0.75 * of_neutral)


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
    found = measure([0, 0, 0, 0], scores)
    assert found.accuracy_at_half_coverage == 1.0
    assert found.risk_coverage == ((0.25, 0.0), (0.5, 0.0), (0.75, pytest.approx(1 / 3)), (1, 0.5))
    assert found.aurc == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)


def test_a_branch_that_is_equally_sure_of_all_gains_nothing_by_leaving_some_out() -> None:
    labels, scores = [0] * 60 + [1] * 40, sure_of([0] * 100)
    found = measure(labels, scores)
    assert found.accuracy_at_half_coverage == pytest.approx(0.6)
    assert found.aurc == pytest.approx(0.4)
    turned = measure(labels[::-1], scores)
    assert turned.risk_coverage == found.risk_coverage


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


def test_folds_have_figures_of_their_own_a_mean_and_a_deviation() -> None:
    labels, speakers = [0, 1, 0, 1], ["a", "a", "b", "b"]
    found = measure_folds(
        labels, sure_of([0, 1, 0, 0]), [0, 0, 1, 1], speakers, protocol="One speaker each."
    )
    assert [(fold.uar, fold.speakers) for fold in found.folds] == [(1.0, ("a",)), (0.5, ("b",))]
    assert found.mean["uar"] == pytest.approx(0.75)
    assert found.deviation["uar"] == pytest.approx(0.25)
    assert found.n == 4
    assert found.uar == pytest.approx(0.75)
    assert found.model_dump()["protocol"] == "One speaker each."


def test_several_labels_are_found_above_one_threshold_fitted_elsewhere() -> None:
    truth = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 0]])
    scores = np.array([[0.5, 0.4, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    assert multi_label_macro_f1(truth, scores, 0.35) == 1.0
    # both labels are missed once at .45: .8 of happy is lost with one of two hits
    assert multi_label_macro_f1(truth, scores, 0.45) == pytest.approx((1 + 2 / 3) / 2)
    assert 0.3 < fit_threshold(truth, scores) <= 0.4


def test_the_temperature_of_logits_made_three_times_too_large_is_three() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(20_000, 7))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = [int(random.choice(7, p=row)) for row in shares]
    assert fit_temperature(labels, 3 * logits) == pytest.approx(3.0, rel=0.06)
