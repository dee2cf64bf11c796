"""Scores are corrected for how often each emotion occurs in a recording."""

import numpy as np
import pytest

from models.protocols import Scores
from schemas.emotions import EMOTIONS, EmotionScores
from schemas.settings import MeetingSettings, Settings
from schemas.speech import BranchScores, Faces, Utterance
from tasks.emotion.fuse import fuse
from tasks.emotion.meeting_prior import adapt_to_meeting, meeting_shares

RULES = MeetingSettings()
SAD = EMOTIONS.index("sad")


def of(**shares: float) -> list[float]:
    """Scores of some classes; the rest is even."""
    left = (1 - sum(shares.values())) / (7 - len(shares))
    return [shares.get(name, left) for name in EMOTIONS]


def rows(*scores: list[float]) -> Scores:
    return np.array(scores, dtype=np.float32)


def test_in_a_calm_meeting_a_weak_sign_of_sadness_is_none() -> None:
    calm = [of(neutral=0.6)] * 40
    adapted = adapt_to_meeting(rows(*calm, of(sad=0.5, neutral=0.2)), RULES)
    assert adapted[-1, SAD] < 0.25
    assert adapted[-1].sum() == pytest.approx(1, abs=1e-6)


def test_a_strong_sign_stays() -> None:
    calm = [of(neutral=0.6)] * 40
    adapted = adapt_to_meeting(rows(*calm, of(sad=0.97, neutral=0.005)), RULES)
    assert adapted[-1, SAD] > 0.5


def test_an_emotional_meeting_overrules_the_expectation() -> None:
    sad = rows(*[of(sad=0.8, neutral=0.05)] * 200)
    shares = meeting_shares(sad.astype(np.float64), RULES)
    assert shares[SAD] > 0.7
    assert adapt_to_meeting(sad, RULES)[0, SAD] > 0.9


def test_shares_are_found_where_scores_are_calibrated() -> None:
    """Of classes drawn with known shares, each seen through scores that mean what they say."""
    random = np.random.default_rng(0)
    truth = np.array(of(neutral=0.5, happy=0.3))
    labels = random.choice(7, 4_000, p=truth)
    noisy = random.dirichlet(np.full(7, 0.5), 4_000)
    # the chance of a class given the noise is what the scores say under even shares
    kept = random.random(4_000) < noisy[np.arange(4_000), labels] / noisy.max(axis=1)
    shares = meeting_shares(noisy[kept], MeetingSettings(expected_weight=0))
    assert shares[EMOTIONS.index("neutral")] == pytest.approx(0.5, abs=0.07)
    assert shares[EMOTIONS.index("happy")] == pytest.approx(0.3, abs=0.07)


def test_nothing_changes_where_it_is_switched_off_or_nothing_was_judged() -> None:
    scores = rows(of(sad=0.5), [float("nan")] * 7)
    off = MeetingSettings(expected_neutral=0)
    np.testing.assert_array_equal(adapt_to_meeting(scores, off), scores)
    assert np.isnan(adapt_to_meeting(scores, RULES)[1]).all()
    assert len(adapt_to_meeting(scores[:0], RULES)) == 0


def test_the_correction_makes_nothing_neutral() -> None:
    """What it takes from sadness becomes unsure, not a neutral that nobody saw."""
    settings = Settings.model_validate({"purpose": "tests", "engines": {"fusion": "mean"}})
    said = tuple(
        Utterance(
            index=index,
            start=float(index),
            end=index + 0.9,
            speaker="SPEAKER_00",
            speaker_confidence=1,
            overlap_ratio=0,
        )
        for index in range(2)
    )
    scores = (
        EmotionScores.from_array(of(sad=0.5, neutral=0.3)),
        EmotionScores.from_array(of(neutral=0.5)),
    )
    judged = {"audio": BranchScores(model="m", scores=scores)}
    weak, calm = fuse(said, Faces(), judged, settings, text_only=False)
    assert (weak.emotion, weak.confidence) == (None, None)
    assert "low_confidence" in weak.flags
    assert weak.scores is not None
    assert weak.scores.best == "neutral"
    assert weak.audio_scores == scores[0]
    assert calm.emotion == "neutral"
    # words that say neutral by themselves have seen it
    neutral = EmotionScores.from_array(of(neutral=0.6))
    heard = judged | {"text": BranchScores(model="t", scores=(neutral, None))}
    spoken, _ = fuse(said, Faces(), heard, settings, text_only=False)
    assert spoken.emotion == "neutral"
