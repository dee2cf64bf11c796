"""A speaker who always sounds sad is not always sad."""

from dataclasses import replace

import numpy as np
import pytest

from models.protocols import Baseline
from schemas.emotions import EMOTIONS, EmotionScores
from tasks.emotion.baseline import against_own_baseline

NEUTRAL = np.log([0.7, *[0.05] * 6])
BASELINE = Baseline(tuple(NEUTRAL.tolist()), halfway=8.0)


def of(**shares: float) -> EmotionScores:
    left = (1 - sum(shares.values())) / (7 - len(shares))
    return EmotionScores.from_array([shares.get(name, left) for name in EMOTIONS])


def judged(
    scores: list[EmotionScores | None], speakers: list[str] | None = None
) -> list[EmotionScores | None]:
    names = speakers or ["SPEAKER_00"] * len(scores)
    return against_own_baseline(scores, names, [3.0] * len(scores), BASELINE)


def test_who_always_sounds_sad_is_neutral_and_who_differs_stands_out() -> None:
    usual = [of(sad=0.6, neutral=0.2)] * 20
    found = judged([*usual, of(angry=0.4, sad=0.4)])
    assert found[0] is not None
    assert found[0].best == "neutral"
    assert found[-1] is not None
    assert found[-1].best == "angry"


def test_whoever_sounds_like_the_reference_stays() -> None:
    same = EmotionScores.from_array(np.exp(NEUTRAL).tolist())
    for score in judged([same] * 10):
        assert score is not None
        assert score.as_tuple() == pytest.approx(same.as_tuple(), abs=1e-5)


def test_little_speech_moves_little_and_a_single_utterance_nothing() -> None:
    sad = of(sad=0.6, neutral=0.2)
    assert judged([sad]) == [sad]
    few, many = judged([sad] * 2)[0], judged([sad] * 40)[0]
    assert few is not None
    assert many is not None
    assert sad.sad > few.sad > many.sad


def test_an_utterance_is_not_explained_away_by_itself() -> None:
    """Scores of the others alone make the baseline."""
    usual = of(neutral=0.7)
    first = judged([of(angry=0.9), usual, usual])[0]
    second = judged([of(happy=0.9), usual, usual])[0]
    assert first is not None
    assert second is not None
    assert first.angry == pytest.approx(second.happy)


def test_speakers_do_not_share_a_baseline_and_unknown_ones_have_none() -> None:
    sad, calm = of(sad=0.6, neutral=0.2), EmotionScores.from_array(np.exp(NEUTRAL).tolist())
    mixed = judged([sad, calm] * 10, ["SPEAKER_00", "SPEAKER_01"] * 10)
    assert mixed[1] is not None
    assert mixed[1].as_tuple() == pytest.approx(calm.as_tuple(), abs=1e-5)
    assert mixed[0] is not None
    assert mixed[0].best == "neutral"
    assert judged([sad, sad], ["UNKNOWN", "UNKNOWN"]) == [sad, sad]


def test_what_was_not_judged_or_not_heard_stays_and_tells_nothing() -> None:
    even, sad = of(neutral=1 / 7), of(sad=0.6, neutral=0.2)
    found = judged([None, even, sad])
    assert found[:2] == [None, even]
    assert found[2] == sad


def test_what_is_known_of_a_speaker_makes_surer() -> None:
    scores = [of(sad=0.6, neutral=0.2)] * 20 + [of(angry=0.4, sad=0.4)]
    pieces = ["SPEAKER_00"] * 21, [3.0] * 21
    sharper = replace(BASELINE, sharpening=0.5)
    plain = against_own_baseline(scores, *pieces, BASELINE)[-1]
    sharp = against_own_baseline(scores, *pieces, sharper)[-1]
    assert plain is not None
    assert sharp is not None
    assert plain.best == sharp.best == "angry"
    assert sharp.angry > plain.angry + 0.05
    assert against_own_baseline(scores[:1], ["SPEAKER_00"], [3.0], sharper) == scores[:1]
