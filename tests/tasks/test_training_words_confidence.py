"""A recogniser learns how sure it may be of its words, and of their language."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.words.confidence import Confidence, read_confidence
from models.words.decoder import DecodedWord
from schemas.errors import InputError
from tasks.training.words_confidence import (
    FITTED,
    Sound,
    calibrate,
    fit_confidence,
    foreign_limit,
    gather,
    mean_confidence,
    right_words,
    whole,
)
from tests.material.checkpoints import random_recogniser
from tests.models.test_words_embedded import talk

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize(
    ("heard", "told", "right"),
    [
        ("the cat sat", "the cat sat", {0: True, 1: True, 2: True}),
        ("the hat sat", "The cat sat.", {0: True, 1: False, 2: True}),
        ("the the cat", "the cat", {0: True, 1: False, 2: True}),
        ("cat", "the cat sat", {0: True}),
        ("um we'll go", "we will go", {1: True, 2: True}),
        ("we'll go", "we shall go", {0: False, 1: True}),
        ("twenty one", "twenty two", {0: True, 1: False}),
        ("anything", "", {0: False}),
        ("", "the cat", {}),
    ],
)
def test_words_are_right_where_they_are_aligned_with_their_like(
    heard: str, told: str, right: dict[int, bool]
) -> None:
    found = right_words(heard.split(), told)
    if heard == "the the cat":  # which of the two is the spare one is open
        assert sorted(found.values()) == sorted(right.values())
        assert found[2]
    else:
        assert found == right


def word(text: str, chance: float) -> DecodedWord:
    return DecodedWord(text, 0.0, 0.3, (chance,))


def test_evidence_leaves_fillers_out_and_knows_the_recording() -> None:
    pieces = [[word("the", -0.1), word("um", -0.2)], [], [word("hat", -0.3)]]
    told = [(pieces, "the cat", 5.0), ([], "nothing", 1.0), ([[word("so", -0.4)]], "so", 1.0)]
    evidence = gather(told)
    assert evidence.features[:, 0].tolist() == [-0.1, -0.3, -0.4]
    assert evidence.features.shape == (3, len(FITTED))
    assert evidence.is_right.tolist() == [True, False, True]
    assert evidence.recordings.tolist() == [0, 0, 2]
    assert evidence.weights.tolist() == [5.0, 5.0, 1.0]
    empty = gather([])
    assert (len(empty.features), len(empty.is_right)) == (0, 0)


def material(n: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Words whose truth follows a logistic function of the first of two features."""
    random = np.random.default_rng(0)
    features = np.stack([random.normal(-1, 2, n), random.normal(5, 0.1, n)], axis=1)
    is_right = random.random(n) < 1 / (1 + np.exp(-(1.5 * features[:, 0] + 1.0)))
    return features, is_right, np.arange(n) % 10


def test_the_fit_finds_what_made_the_words_right() -> None:
    names = ("mean_log_probability", "log_letters")
    content = fit_confidence(*material(), names=names)
    assert content["features"] == list(names)
    assert content["weights"][0] == pytest.approx(1.5, abs=0.15)
    at_mean = content["bias"] + 5 * content["weights"][1]
    assert at_mean == pytest.approx(1.0, abs=0.2), "the second feature says nothing"
    assert content["ece"] < 0.03
    assert content["n_words"] == 4000
    assert Confidence(**content).threshold == 0.3
    assert json.loads(json.dumps(content)) == content


def test_what_weighs_more_decides() -> None:
    features, is_right, recordings = material(400)
    again = 400 + np.flatnonzero(recordings < 3)
    both = np.concatenate([features, features]), np.concatenate([is_right, ~is_right])
    twice = np.concatenate([recordings, 10 + recordings])  # the same words, right and wrong
    names = ("mean_log_probability", "log_letters")
    weights = np.ones(800)
    assert abs(fit_confidence(*both, twice, weights, names)["weights"][0]) < 0.01
    weights[again] = 5.0
    assert fit_confidence(*both, twice, weights, names)["weights"][0] < -0.2
    weights[:400] = 50.0
    assert fit_confidence(*both, twice, weights, names)["weights"][0] > 0.5


def test_the_calibration_error_is_that_of_unseen_recordings() -> None:
    random = np.random.default_rng(0)
    recordings = np.repeat(np.arange(10), 20)
    features = np.eye(200)  # every word can be learned by heart, and nothing of one helps another
    is_right = random.random(200) < 0.5
    content = fit_confidence(features, is_right, recordings, names=["repeats"] * 200)
    by_heart = features @ np.array(content["weights"]) + content["bias"]
    assert ((by_heart > 0) == is_right).mean() > 0.9
    assert content["ece"] < 0.2, "unseen words are given about the share that is right"


@pytest.mark.parametrize("right", [True, False])
def test_words_that_are_all_alike_teach_nothing(right: bool) -> None:
    features, is_right, recordings = material(100)
    is_right[:] = right
    with pytest.raises(InputError, match="right and wrong words"):
        fit_confidence(features, is_right, recordings)


@pytest.mark.parametrize(
    ("english", "foreign", "limit"),
    [
        ([0.8, 0.7], [0.3, 0.2], 0.29),
        ([0.8, 0.4, 0.7, 0.9], [0.5, 0.2], 0.445),
        ([*[0.8] * 20, 0.1], [0.5, 0.2], 0.47),
        ([0.8, 0.1], [], 0.0),
        ([0.1, 0.2], [0.8, 0.9], 0.105),
    ],
)
def test_the_limit_turns_most_foreign_recordings_away_and_few_english_ones(
    english: list[float], foreign: list[float], limit: float
) -> None:
    assert foreign_limit(english, foreign) == pytest.approx(limit)


def test_the_mean_confidence_is_over_words_not_pieces() -> None:
    fitted = Confidence(
        features=("mean_log_probability",),
        weights=(1.0,),
        bias=0.0,
        threshold=0.3,
        foreign_below=0.0,
    )
    pieces = [[word("a", 0.0)], [], [word("b", -50.0), word("c", -50.0), word("d", -50.0)]]
    assert mean_confidence(fitted, pieces) == pytest.approx(0.125)


def test_samples_are_a_recording_with_silence_around_it() -> None:
    sound = Sound(np.arange(1, 16_001, dtype=np.float32))
    assert sound.duration == 1.0
    assert sound.read(0.0, 1.0).tolist() == sound.samples.tolist()
    early = sound.read(-0.5, 0.5)
    assert (len(early), early[7_999], early[8_000]) == (16_000, 0.0, 1.0)
    late = sound.read(0.9, 1.9)
    assert (len(late), late[0], late[1_600]) == (16_000, 14_401.0, 0.0)
    assert not sound.read(5.0, 6.0).any()


@pytest.mark.slow
def test_a_folder_is_calibrated_by_one_call(tmp_path: Path) -> None:
    folder = random_recogniser(tmp_path)
    (folder / "confidence.json").unlink()
    sound = talk()
    pieces = [whole(sound[n * 80_000 : (n + 2) * 80_000], "aacddd a c bbd") for n in range(4)]
    content = calibrate(folder, pieces, foreign=[whole(sound[:160_000], "")], device="cpu")
    written = read_confidence(folder / "confidence.json")
    assert written == Confidence(**content)
    assert written.n_words is not None
    assert written.n_words > 10
