"""Fusion of any subset of the branches."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.architectures.fusion import TrainedFusion
from models.checkpoint import load_weights, save_weights, shipped
from models.fusion.embedded import (
    BRANCHES,
    EmbeddedFusion,
    evidence,
    log_pool,
    pool,
    read_discounts,
    read_priors,
)
from models.fusion.mean import MeanFusion
from models.registry import identify, load_engine
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings, load_settings
from tests.material.checkpoints import random_fusion

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
def test_a_branch_alone_is_believed_as_it_is(engine: type[EmbeddedFusion | MeanFusion]) -> None:
    scores = random_scores(20, 1)["audio"]
    fused = engine(WeightSettings()).fuse({"audio": scores})
    np.testing.assert_allclose(fused, scores, atol=1e-6)


@pytest.mark.parametrize("branch", ["video", "text"])
def test_of_a_branch_alone_nothing_but_its_prior_is_taken_out(branch: str) -> None:
    """Words that say no more than how often lines are neutral say nothing."""
    state, _ = load_weights(shipped("fusion"))
    prior = read_priors(state, "x")[BRANCHES.index(branch)].astype(np.float32)
    assert prior.sum() == pytest.approx(1.0, abs=1e-5)
    fusion = EmbeddedFusion(WeightSettings())
    np.testing.assert_allclose(fusion.fuse({branch: prior[None]}), EVEN[:1], atol=1e-5)
    scores = random_scores(20, 1)[branch]
    even = scores / prior
    expected = even / even.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fusion.fuse({branch: scores}), expected, atol=1e-5)


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
    state, _ = load_weights(shipped("fusion"))
    prior = np.tile(read_priors(state, "x")[BRANCHES.index(undecided)], (20, 1))
    scores = random_scores(20, 3)
    others = {name: rows for name, rows in scores.items() if name != undecided}
    with_it = fusion.fuse(others | {undecided: prior})
    np.testing.assert_allclose(with_it, fusion.fuse(others), atol=1e-6)
    first = {next(iter(others)): others[next(iter(others))]}
    beside = fusion.fuse(first | {undecided: prior})
    # but for the doubt in each branch
    np.testing.assert_allclose(beside, fusion.fuse(first), atol=0.011)


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
    with pytest.raises(WeightsError, match="no priors of the seven classes"):
        read_priors({"priors": torch.zeros(3, 7)}, "x")
    np.testing.assert_allclose(read_priors({}, "x"), 1 / 7)


SURE = {
    # voice, face, words: (class, probability); then what may come out, and the most confidence
    "all agree": (("happy", 0.7), ("happy", 0.7), ("happy", 0.7), {"happy"}, 1.0),
    "voice against words": (("disgust", 0.8), None, ("happy", 0.8), {"disgust", "happy"}, 0.7),
    "voice against face": (("angry", 0.8), ("happy", 0.8), None, {"angry", "happy"}, 0.7),
    "face against words": (None, ("sad", 0.8), ("happy", 0.8), {"sad", "happy"}, 0.75),
    "two against one": (("sad", 0.6), ("happy", 0.7), ("happy", 0.7), {"happy"}, 0.97),
    "one is sure, one hardly": (("angry", 0.8), None, ("happy", 0.35), {"angry"}, 0.85),
}


@pytest.mark.parametrize("case", SURE)
def test_disagreement_of_sure_branches_lowers_the_confidence(case: str) -> None:
    *said, expected, most = SURE[case]
    state, _ = load_weights(shipped("fusion"))
    priors = read_priors(state, "x")
    scores = {}
    for branch, claim, prior in zip(BRANCHES, said, priors, strict=True):
        if claim is None:
            continue
        # sure beyond how often its own texts or pictures are so
        even = np.full(7, (1 - claim[1]) / 6)
        even[EMOTIONS.index(claim[0])] = claim[1]
        scores[branch] = (even * prior / (even * prior).sum())[None].astype(np.float32)
    (fused,) = EmbeddedFusion(WeightSettings()).fuse(scores)
    assert EMOTIONS[int(fused.argmax())] in expected
    assert fused.max() <= most


def test_a_trained_network_joins_who_is_there(tmp_path: Path) -> None:
    fusion = TrainedFusion(random_fusion(tmp_path))
    scores = random_scores(20, 4)
    together = fusion.fuse(scores)
    np.testing.assert_allclose(together.sum(axis=1), 1.0, atol=1e-5)
    for absent in BRANCHES:
        others = {name: rows for name, rows in scores.items() if name != absent}
        masked = others | {absent: np.full((20, 7), np.nan, np.float32)}
        two = fusion.fuse(others)
        np.testing.assert_array_equal(fusion.fuse(masked), two)
        np.testing.assert_allclose(two.sum(axis=1), 1.0, atol=1e-5)
        assert np.abs(two - together).max() > 1e-3
        np.testing.assert_array_equal(fusion.fuse({absent: scores[absent]}), scores[absent])
    nobody = fusion.fuse({branch: np.full((2, 7), np.nan, np.float32) for branch in BRANCHES})
    assert np.isnan(nobody).all()
    assert fusion.fuse({}).shape == (0, 7)


def test_the_temperature_of_the_header_cools_the_network(tmp_path: Path) -> None:
    scores = random_scores(20, 5)
    hot = TrainedFusion(random_fusion(tmp_path / "hot", temperature=0.1)).fuse(scores)
    cool = TrainedFusion(random_fusion(tmp_path / "cool", temperature=10.0)).fuse(scores)
    np.testing.assert_array_equal(hot.argmax(axis=1), cool.argmax(axis=1))
    assert hot.max(axis=1).mean() > cool.max(axis=1).mean() + 0.1


def test_the_settings_choose_a_network_a_pool_or_what_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_weights(tmp_path / "pool.safetensors", {"discounts": torch.zeros(3, 3)}, {})
    scores = random_scores(20, 6)
    fused, known = [], set()
    for file in ("", str(random_fusion(tmp_path)), "pool.safetensors"):
        monkeypatch.setenv("TONESCRIBE_WEIGHTS__FUSION", file)
        weights = load_settings().weights
        fused.append(load_engine("fusion", "embedded", weights).fuse(scores))
        known.add(identify("fusion", "embedded", weights))
    np.testing.assert_array_equal(fused[0], EmbeddedFusion(WeightSettings()).fuse(scores))
    assert len(known) == 3
    assert np.abs(fused[1] - fused[0]).max() > 1e-3
    assert np.abs(fused[2] - fused[0]).max() > 1e-3


def test_a_wrong_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.safetensors").write_text("no weights")
    wrong = {
        str(tmp_path / "none.safetensors"): "none.safetensors are missing",
        str(tmp_path): "are missing",
        str(tmp_path / "text.safetensors"): "holds no weights of tonescribe",
        str(shipped("audio")): "has no discounts for audio, video, text; train it anew",
        str(random_fusion(tmp_path / "a", branch="audio")): "holds no fusion network",
        str(random_fusion(tmp_path / "b", classes=["happy", "sad"])): "of the seven classes",
        str(random_fusion(tmp_path / "c", branches=["audio"])): "no fusion of audio, video, text",
        str(random_fusion(tmp_path / "d", architecture="concatenation")): "probability-mlp",
        str(random_fusion(tmp_path / "e", parameters={"width": 6})): "does not fit probability-mlp",
    }
    for file, sentence in wrong.items():
        with pytest.raises(WeightsError, match=sentence):
            load_engine("fusion", "embedded", WeightSettings(fusion=file))
