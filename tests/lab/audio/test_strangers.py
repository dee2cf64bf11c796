"""What holds for strangers is fitted to corpora that were left out: each counts alike."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lab.audio.folds import CLEAN
from lab.audio.strangers import (
    Strangers,
    Take,
    calibration_for_strangers,
    judged_strangers,
    measures_against_baselines,
    measures_on_strangers,
    read_takes,
    save_takes,
    sharpening_for_strangers,
)
from lab.audio.train import save_for_fusion
from models.audio.calibration import VoiceCalibration
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS


def judged(labels: np.ndarray, confidence: float, right: float, seed: int) -> np.ndarray:
    """Logits with one confidence of which a share is right."""
    random = np.random.default_rng(seed)
    n = len(labels)
    found = np.where(random.random(n) < right, labels, (labels + 1) % 7)
    scores = np.full((n, 7), (1 - confidence) / 6)
    scores[np.arange(n), found] = confidence
    return np.log(scores).astype(np.float32)


def corpus(name: str, n: int, confidence: float, right: float) -> Strangers:
    labels = np.random.default_rng(n).integers(0, 7, n)
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
    take = Take(judged(labels, confidence, right, n), np.full(n, 3.0), np.ones(n))
    return Strangers(name, clips, {CLEAN: take}, clips, take)


def test_too_much_confidence_is_taken_back() -> None:
    found = [corpus("one", 800, 0.9, 0.5), corpus("two", 800, 0.9, 0.5)]
    assert calibration_for_strangers(found).temperature > 1.5
    for measures in measures_on_strangers(found).values():
        assert measures.accuracy == pytest.approx(0.5, abs=0.07)
        assert measures.ece < 0.1  # .4 before


def test_a_large_corpus_does_not_decide_alone() -> None:
    sure, unsure = corpus("sure", 2_000, 0.9, 0.9), corpus("unsure", 100, 0.9, 0.4)
    both = calibration_for_strangers([sure, unsure]).temperature
    alone = [calibration_for_strangers([each]).temperature for each in (sure, unsure)]
    assert alone[0] < 1.1 < both < alone[1]


def test_a_corpus_is_measured_as_the_others_calibrate_it() -> None:
    found = [corpus("calm", 500, 0.9, 0.9), corpus("wild", 500, 0.9, 0.3)]
    measures = measures_on_strangers(found)
    assert set(measures) == {"calm, left out", "wild, left out"}
    # calm's own temperature would leave wild's confidence at .9
    assert measures["wild, left out"].ece == pytest.approx(0.6, abs=0.08)


def test_short_pieces_get_a_higher_temperature() -> None:
    found = []
    for name in ("one", "two"):
        whole = corpus(name, 1_000, 0.9, 0.9)
        logits = judged(np.array(whole.labels), 0.9, 0.4, 5)
        piece = Take(logits, np.full(1_000, 0.5), np.ones(1_000))
        found.append(replace(whole, takes={**whole.takes, "short-0.5s": piece}))
    calibration = calibration_for_strangers(found)
    assert calibration.exponent < -0.3
    short, usual = calibration.temperatures(np.array([0.5, 3.0]))
    assert short > 1.5 * usual
    measures = measures_on_strangers(found)
    assert measures["one, left out, short-0.5s"].ece < 0.1
    assert measures["one, left out"].ece < 0.1


def test_strange_voices_get_a_higher_temperature() -> None:
    found = []
    for name in ("one", "two"):
        whole = corpus(name, 1_000, 0.9, 0.9)
        logits = judged(np.array(whole.labels), 0.9, 0.3, 5)
        child = Take(logits, np.full(1_000, 3.0), np.full(1_000, 1.8))
        found.append(replace(whole, takes={**whole.takes, "high-voice": child}))
    calibration = calibration_for_strangers(found)
    assert calibration.strangeness_exponent > 0.5
    seconds = np.full(3, 3.0)
    usual, strange, unknown = calibration.temperatures(seconds, np.array([1.0, 1.8, np.nan]))
    assert strange > 1.5 * usual
    assert unknown == usual
    assert measures_on_strangers(found)["one, left out, high-voice"].ece < 0.1


def test_takes_are_kept_and_read_back(tmp_path: Path) -> None:
    take = corpus("one", 10, 0.5, 0.5).takes[CLEAN]
    kept = judged_strangers(tmp_path, 3)
    save_takes(kept, {CLEAN: take, "short-1s": replace(take, seconds=np.full(10, 1.0))})
    found = read_takes(kept)
    assert list(found) == [CLEAN, "short-1s"]
    np.testing.assert_array_equal(found[CLEAN].logits, take.logits)
    np.testing.assert_array_equal(found["short-1s"].seconds, 1.0)


def test_durations_beyond_what_was_fitted_to_change_nothing_more() -> None:
    calibration = VoiceCalibration(1.2, -0.4)
    four, ten, tenth, third = calibration.temperatures(np.array([4.0, 10.0, 0.1, 0.3]))
    assert four == ten < 1.2 < tenth == third


def of_actors(actors: str) -> Strangers:
    plain = corpus("ravdess", 70, 0.5, 0.5)
    names = actors.split()
    clips = tuple(
        clip.model_copy(update={"speaker": names[row % len(names)]})
        for row, clip in enumerate(plain.clips)
    )
    return replace(plain, clips=clips)


@pytest.mark.parametrize(("actors", "folds"), [("01 04 10", {0}), ("01 11", None)])
def test_the_fusion_gets_the_folds_that_have_somebody_to_train_on(
    actors: str, folds: set[int] | None, tmp_path: Path
) -> None:
    """01 and 11 are tested in one fold, 04 and 10 in another; one actor of the rest validates."""
    own = of_actors(actors)
    save_for_fusion([own, corpus("emodb", 50, 0.5, 0.5)], own.clips, tmp_path)
    kept = tmp_path / "folds" / "ravdess-left-out.npz"
    assert kept.is_file() == (folds is not None)
    if folds is not None:
        with np.load(kept) as found:
            assert set(found["fold"].tolist()) == folds
            assert set(found["speaker"].tolist()) == {"01"}
            assert len(found["scores"]) == len(found["label"]) == 24


def biased(name: str, seed: int) -> Strangers:
    """Speakers who each lean to another class; who knows that is more often right."""
    random = np.random.default_rng(seed)
    plain = corpus(name, 700, 0.5, 0.5)
    labels = np.array(plain.labels)
    logits = random.normal(0, 1.0, (700, 7))
    logits[np.arange(700), labels] += 2.0
    known = Take(logits.astype(np.float32), np.full(700, 3.0), np.ones(700))
    leaning = logits + random.normal(0, 2.0, (5, 7))[np.arange(700) % 5]
    take = replace(known, logits=leaning.astype(np.float32))
    return replace(plain, takes={CLEAN: take}, known=known)


def test_what_is_relative_to_a_baseline_is_more_often_right_and_may_be_surer() -> None:
    found = [biased("one", 1), biased("two", 2)]
    calibration = calibration_for_strangers(found)
    assert sharpening_for_strangers(found, calibration) > 0.1
    alone = measures_on_strangers(found)["one, left out"]
    name = "one, left out, against 20 others of the speaker"
    relative = measures_against_baselines(found, 20)[name]
    assert relative.uar > alone.uar + 0.05
    assert relative.ece < 0.08
