"""The audio branch that needs no weights."""

import numpy as np

from models.audio.synthetic import LoudnessBranch
from schemas.emotions import EMOTIONS
from schemas.settings import WeightSettings


def test_it_judges_by_level_and_always_alike() -> None:
    branch = LoudnessBranch(WeightSettings())
    times = np.arange(16_000) / 16_000
    tone = np.sin(2 * np.pi * 300 * times).astype(np.float32)
    scores = branch.score([0.01 * tone, 0.14 * tone, 0.57 * tone, np.zeros(16_000, np.float32)])
    assert [EMOTIONS[row] for row in scores.argmax(axis=1)[:3]] == ["disgust", "neutral", "angry"]
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(scores[3], 1 / 7, atol=1e-6)
    np.testing.assert_array_equal(scores[:1], branch.score([0.01 * tone]))


def test_no_clips_give_no_rows() -> None:
    assert LoudnessBranch(WeightSettings()).score([]).shape == (0, 7)
