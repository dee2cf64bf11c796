"""Fusion of any subset of the branches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fusion.embedded import BRANCHES, COMPANIES, EmbeddedFusion, log_pool, read_weights
from models.fusion.mean import MeanFusion
from schemas.errors import WeightsError
from schemas.settings import WeightSettings

ENGINES = [EmbeddedFusion, MeanFusion]


def random_scores(count: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        branch: random.dirichlet(np.full(7, 0.4), count).astype(np.float32) for branch in BRANCHES
    }


@pytest.mark.parametrize("engine", ENGINES)
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


def test_weights_for_every_company_are_needed() -> None:
    stored = {"+".join(company): [1.0] * len(company) for company in COMPANIES}
    assert len(read_weights(stored, "x")) == 7
    del stored["audio+text"]
    with pytest.raises(WeightsError, match=r"no weights for audio\+text"):
        read_weights(stored, "x")
