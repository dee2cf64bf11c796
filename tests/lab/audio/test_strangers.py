"""One temperature for corpora that were left out: each counts alike, and none sets its own."""

import numpy as np
import pytest

from lab.audio.strangers import Strangers, measures_on_strangers, temperature_for_strangers
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS


def corpus(name: str, n: int, confidence: float, right: float) -> Strangers:
    """A corpus of which a share is right, all judged with one confidence."""
    random = np.random.default_rng(n)
    labels = random.integers(0, 7, n)
    judged = np.where(random.random(n) < right, labels, (labels + 1) % 7)
    scores = np.full((n, 7), (1 - confidence) / 6)
    scores[np.arange(n), judged] = confidence
    clips = tuple(
        LabelledClip(
            corpus=name,
            source=f"{name}/{row}",
            label=EMOTIONS[label],
            emotion=EMOTIONS[label],
            speaker=str(row % 5),
        )
        for row, label in enumerate(labels)
    )
    return Strangers(name, clips, np.log(scores).astype(np.float32))


def test_too_much_confidence_is_taken_back() -> None:
    found = [corpus("one", 800, 0.9, 0.5), corpus("two", 800, 0.9, 0.5)]
    temperature = temperature_for_strangers(found)
    assert temperature > 1.5
    for measures in measures_on_strangers(found).values():
        assert measures.accuracy == pytest.approx(0.5, abs=0.07)
        assert measures.ece < 0.1  # .4 before


def test_a_large_corpus_does_not_decide_alone() -> None:
    sure, unsure = corpus("sure", 2_000, 0.9, 0.9), corpus("unsure", 100, 0.9, 0.4)
    both = temperature_for_strangers([sure, unsure])
    alone = [temperature_for_strangers([each]) for each in (sure, unsure)]
    assert alone[0] < 1.1 < both < alone[1]


def test_a_corpus_is_measured_at_the_temperature_of_the_others() -> None:
    found = [corpus("calm", 500, 0.9, 0.9), corpus("wild", 500, 0.9, 0.3)]
    measures = measures_on_strangers(found)
    assert set(measures) == {"calm, left out", "wild, left out"}
    # calm's own temperature would leave wild's confidence at .9
    assert measures["wild, left out"].ece == pytest.approx(0.6, abs=0.08)
