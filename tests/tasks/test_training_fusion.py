"""The fusion's weights: learned where the truth of them is known."""

from pathlib import Path

import numpy as np
import pytest

from models.fusion.embedded import BRANCHES, log_pool
from schemas.errors import SettingsError
from tasks.corpora.actions import performance, read_face_actions
from tasks.training.fusion import (
    Performances,
    compare,
    fit_pool,
    judge_actions,
    read_performances,
)
from tasks.training.options import TrainingOptions


def witnesses(count: int, *, alike: bool, seed: int = 0) -> Performances:
    """Three calibrated branches: independent ones, or three times the same one."""
    random = np.random.default_rng(seed)
    labels = np.tile(np.arange(7), count // 7 + 1)[:count]

    def branch() -> np.ndarray:
        evidence = random.normal(size=(count, 7))
        evidence[np.arange(count), labels] += 1.0
        likelihood = np.exp(evidence)
        return likelihood / likelihood.sum(axis=1, keepdims=True)

    first = branch()
    scores = np.stack([first, first, first] if alike else [first, branch(), branch()])
    speakers = np.array([str(row % 12) for row in range(count)])
    folds = np.array([row % 12 // 2 for row in range(count)])
    return Performances(tuple(map(str, range(count))), labels, speakers, folds, scores)


def test_independent_witnesses_are_believed_in_full() -> None:
    weights = fit_pool(witnesses(4_000, alike=False))
    for company in (("audio", "video"), BRANCHES):
        assert weights[company] == pytest.approx(1.0, abs=0.15)


def test_witnesses_who_copy_each_other_count_as_one() -> None:
    weights = fit_pool(witnesses(4_000, alike=True))
    assert weights["audio", "video"].sum() == pytest.approx(1.0, abs=0.15)
    assert weights[BRANCHES].sum() == pytest.approx(1.0, abs=0.2)


def test_a_branch_alone_has_weight_one() -> None:
    weights = fit_pool(witnesses(200, alike=False))
    assert all(weights[(branch,)].tolist() == [1.0] for branch in BRANCHES)


def test_the_pool_beats_each_branch_and_stays_calibrated_on_unseen_people() -> None:
    found = compare(witnesses(3_000, alike=False), seed=0)
    pool = found["audio+video, log-linear pool"]
    assert pool.n == 3_000
    assert pool.uar > max(found["audio alone"].uar, found["video alone"].uar) + 0.05
    assert pool.ece < found["audio+video, mean"].ece
    assert pool.ece < 0.05


def test_faces_are_judged_by_people_whom_the_judge_never_saw() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(700) % 7
    speakers = np.array([f"{row % 10:02}" for row in range(700)])
    units = random.normal(size=(700, 35))
    units[np.arange(700), labels] += 3.0
    folds = np.array([row % 10 // 2 for row in range(700)])
    scores = judge_actions(units, labels, folds, speakers)
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-6)
    assert (scores.argmax(axis=1) == labels).mean() > 0.8
    noise = judge_actions(random.normal(size=(700, 35)), labels, folds, speakers)
    assert (noise.argmax(axis=1) == labels).mean() < 0.25
    assert noise.max() < 0.6


def test_one_weight_serves_all_rows_of_a_company() -> None:
    scores = witnesses(20, alike=False).scores[:2]
    both = log_pool(scores, np.array([0.8, 0.6]))
    np.testing.assert_allclose(both[3:4], log_pool(scores[:, 3:4], np.array([0.8, 0.6])), rtol=1e-5)


@pytest.mark.needs_shared
def test_a_face_is_of_the_same_performance_as_its_voice(shared: Path) -> None:
    actions = read_face_actions(shared / "data")
    assert performance("03-01-05-02-01-01-09") == performance("01-01-05-02-01-01-09")
    assert actions.of(["03-01-05-02-01-01-09"]).shape == (1, 35)
    assert len(set(actions.names)) == 1440


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="run tonescribe train audio first"):
        read_performances(tmp_path, TrainingOptions(start=tmp_path))
    with pytest.raises(SettingsError, match=r"ravdess_openface_au_mean\.parquet"):
        read_face_actions(tmp_path)
