"""Who is like what was trained on, and who is not."""

import numpy as np
import pytest
import torch

from models.audio.familiarity import Familiarity, fit_familiarity, quantiles_of, take_familiarity


def on_a_plane(n: int, beside: float, seed: int) -> torch.Tensor:
    """Points of ten dimensions in a space of two hundred, and so much beside them."""
    random = np.random.default_rng(seed)
    plane = np.random.default_rng(0).normal(size=(10, 200))
    points = random.normal(size=(n, 10)) @ plane + beside * random.normal(size=(n, 200))
    return torch.from_numpy(points).float()


def test_what_lies_beside_the_plane_of_training_is_strange() -> None:
    seconds = np.full(400, 3.0)
    familiar = fit_familiarity(on_a_plane(400, 0.5, 1), seconds)
    usual = familiar.strangeness(on_a_plane(100, 0.5, 2), seconds[:100])
    strange = familiar.strangeness(on_a_plane(100, 2.0, 3), seconds[:100])
    assert np.median(usual) == pytest.approx(1.2, abs=0.3)
    assert strange.min() > usual.max()


def test_short_pieces_scatter_more_and_are_not_strange_for_that() -> None:
    rows = torch.cat([on_a_plane(300, 0.5, 1), on_a_plane(300, 1.5, 2)])
    familiar = fit_familiarity(rows, np.repeat([3.0, 0.5], 300))
    assert familiar.usual[0] > 1.5 * familiar.usual[-1]
    short = familiar.strangeness(on_a_plane(100, 1.5, 3), np.full(100, 0.5))
    assert np.median(short) == pytest.approx(1.2, abs=0.3)


def test_shares_fall_from_one_to_nought() -> None:
    strangers = quantiles_of(np.linspace(1.0, 2.0, 500))
    familiar = Familiarity(torch.eye(2), (1.0,) * 4, strangers)
    shares = familiar.shares(np.array([0.5, 1.0, 1.5, 2.0, 9.0]))
    np.testing.assert_allclose(shares, [1.0, 1.0, 0.5, 0.0, 0.0], atol=0.01)
    assert np.isnan(Familiarity(torch.eye(2), (1.0,) * 4).shares(np.array([1.0]))).all()


def test_it_is_stored_beside_the_network() -> None:
    familiar = Familiarity(torch.eye(3), (2.0, 1.0, 0.7, 0.5), (1.0, 2.0))
    state = {"head.bias": torch.zeros(8), **familiar.as_state()}
    found = take_familiarity(state, familiar.as_config())
    assert list(state) == ["head.bias"]
    assert found is not None
    assert (found.usual, found.strangers) == (familiar.usual, (1.0, 2.0))
    torch.testing.assert_close(found.basis, familiar.basis)
    assert take_familiarity({}, {}) is None
