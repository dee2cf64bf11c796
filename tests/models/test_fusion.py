"""Fusion of any subset of the branches."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.fusion.embedded import (
    BRANCHES,
    EmbeddedFusion,
    evidence,
    log_pool,
    pool,
    read_discounts,
)
from models.fusion.mean import MeanFusion
from schemas.errors import WeightsError
from schemas.settings import WeightSettings

ENGINES = [EmbeddedFusion, MeanFusion]
EVEN = np.full((20, 7), 1 / 7, np.float32)


def random_scores(count: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        branch: random.dirichlet(np.full(7, 0.4), count).astype(np.float32) for branch in BRANCHES
    }


@pytest.mark.parametrize("engine", ENGINES)
@settings(deadline=None)
@given(seed=st.integers(0, 10_000), absent=st.lists(st.booleans(), min_size=12, max_size=12))
def test_what_is_present_is_joined_and_sums_to_one(
    engine: type[EmbeddedFusion | MeanFusion], seed: int, absent: list[bool]
) -> None:
    scores = random_scores(4, seed)
    missing = np.array(absent).reshape(3, 4)
    for index, branch in enumerate(BRANCHES):
        scores[branch][missing[index]] = np.nan
    fused = engine(WeightSettings()).fuse(scores)
    nobody = missing.all(axis=0)
    assert np.isnan(fused[nobody]).all()
    np.testing.assert_allclose(fused[~nobody].sum(axis=1), 1.0, atol=1e-5)
    assert (fused[~nobody] >= 0).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("branch", BRANCHES)
def test_a_branch_alone_is_believed_as_it_is(
    engine: type[EmbeddedFusion | MeanFusion], branch: str
) -> None:
    scores = random_scores(20, 1)[branch]
    fused = engine(WeightSettings()).fuse({branch: scores})
    np.testing.assert_allclose(fused, scores, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("absent", BRANCHES)
def test_a_masked_branch_is_as_if_it_were_not_there(
    engine: type[EmbeddedFusion | MeanFusion], absent: str
) -> None:
    scores = random_scores(20, 2)
    others = {name: rows for name, rows in scores.items() if name != absent}
    masked = others | {absent: np.full((20, 7), np.nan, np.float32)}
    np.testing.assert_array_equal(
        engine(WeightSettings()).fuse(masked), engine(WeightSettings()).fuse(others)
    )


@pytest.mark.parametrize("undecided", BRANCHES)
def test_an_undecided_branch_changes_little(undecided: str) -> None:
    fusion = EmbeddedFusion(WeightSettings())
    scores = random_scores(20, 3)
    others = {name: rows for name, rows in scores.items() if name != undecided}
    with_it = fusion.fuse(others | {undecided: EVEN})
    np.testing.assert_allclose(with_it, fusion.fuse(others), atol=1e-6)
    (alone,) = (rows for name, rows in others.items() if name == next(iter(others)))
    beside = fusion.fuse({next(iter(others)): alone, undecided: EVEN})
    np.testing.assert_allclose(beside, alone, atol=0.011)  # but for the doubt in each branch


def test_agreement_makes_surer_and_contradiction_less_sure() -> None:
    fusion = EmbeddedFusion(WeightSettings())
    happy, angry = np.full((1, 7), 0.06), np.full((1, 7), 0.06)
    happy[0, 1] = angry[0, 3] = 0.64
    agreed = fusion.fuse({"audio": happy, "video": happy})
    divided = fusion.fuse({"audio": happy, "video": angry})
    assert agreed[0, 1] > 0.64
    assert divided.max() < 0.64


def test_one_branch_cannot_forbid_a_class_alone() -> None:
    fusion = EmbeddedFusion(WeightSettings())
    never_sad, sad = np.zeros((1, 7), np.float32), np.full((1, 7), 0.02, np.float32)
    never_sad[0, 0], sad[0, 2] = 1.0, 0.88
    fused = fusion.fuse({"audio": never_sad, "video": sad})
    assert np.isfinite(fused).all()
    assert fused[0, 2] > 0.01


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_to_fuse_gives_no_rows(engine: type[EmbeddedFusion | MeanFusion]) -> None:
    empty = {branch: np.zeros((0, 7), np.float32) for branch in BRANCHES}
    assert engine(WeightSettings()).fuse(empty).shape == (0, 7)


def test_weights_of_one_are_the_product_of_independent_witnesses() -> None:
    first = np.array([[0.5, 0.3, 0.2, 0, 0, 0, 0]])
    pooled = log_pool(np.stack([first, first]), np.array([1.0, 1.0]))
    assert pooled[0, 0] / pooled[0, 1] == pytest.approx((0.5 / 0.3) ** 2, rel=0.02)


def test_the_more_another_branch_knows_the_more_it_discounts() -> None:
    discounts = np.array([[0.0, 1.0], [1.0, 0.0]])
    happy = np.array([0.05, 0.7, 0.05, 0.05, 0.05, 0.05, 0.05])
    knowing, guessing = np.eye(7)[1], np.eye(7)[1] * 0.1 + 0.9 / 7
    assert evidence(knowing) > evidence(happy) > evidence(guessing) > evidence(EVEN[0])
    full = pool(np.stack([[happy], [happy]]), np.zeros((2, 2)))
    discounted = pool(np.stack([[happy], [happy]]), discounts)
    assert full[0, 1] > discounted[0, 1] > 0.7 - 0.02


def test_weights_of_another_fusion_are_refused() -> None:
    with pytest.raises(WeightsError, match="no discounts for audio, video, text"):
        read_discounts({"branches": torch.arange(3)}, "x")
    with pytest.raises(WeightsError, match="train it anew"):
        read_discounts({"discounts": torch.zeros(2, 2)}, "x")
