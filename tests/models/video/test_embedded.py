"""The video branch judges any sequence, the same alone and in a batch."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lab.corpora.faces import read_fer2013
from models.protocols import FaceSequence
from models.video.embedded import EmbeddedVideoBranch, thin
from models.video.synthetic import BrightnessBranch
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings


@pytest.fixture(scope="module")
def branch() -> EmbeddedVideoBranch:
    return EmbeddedVideoBranch(WeightSettings(device="cpu"))


def sequence(crops: NDArray[np.uint8]) -> FaceSequence:
    return FaceSequence(crops, 0.2 * np.arange(len(crops), dtype=np.float32))


def noise(frames: int, size: int = 48) -> FaceSequence:
    random = np.random.default_rng(frames)
    return sequence(random.integers(0, 255, (frames, size, size), dtype=np.uint8))


def test_scores_are_probabilities_and_nothing_seen_is_no_score(branch: EmbeddedVideoBranch) -> None:
    scores = branch.score([noise(3), noise(0), noise(40), noise(1, size=64)])
    assert scores.shape == (4, len(EMOTIONS))
    assert np.isnan(scores[1]).all()
    assert scores[[0, 2, 3]].sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert branch.score([]).shape == (0, len(EMOTIONS))


def test_padding_and_neighbours_change_nothing(branch: EmbeddedVideoBranch) -> None:
    samples = [noise(n) for n in (1, 9, 24, 4)]
    together = branch.score(samples)
    alone = np.concatenate([branch.score([sample]) for sample in samples])
    assert together == pytest.approx(alone, abs=0.02)  # bfloat16 where the processor has it


def test_when_a_meeting_began_does_not_matter(branch: EmbeddedVideoBranch) -> None:
    early = noise(8)
    late = FaceSequence(early.crops, early.times + 5000)
    assert branch.score([late]) == pytest.approx(branch.score([early]), abs=0.02)


def test_a_blank_crop_gives_no_confident_answer(branch: EmbeddedVideoBranch) -> None:
    blank = sequence(np.full((5, 48, 48), 128, np.uint8))
    assert branch.score([blank]).max() < 0.5


def test_long_sequences_are_thinned_evenly() -> None:
    long = noise(100)
    kept = thin(long, 10)
    assert kept.times[[0, -1]].tolist() == long.times[[0, -1]].tolist()
    assert np.diff(kept.times) == pytest.approx(np.full(9, 2.2), abs=0.11)
    assert thin(long, 100) is long


@pytest.mark.needs_shared
def test_faces_that_were_not_trained_on_are_judged_well_above_chance(
    branch: EmbeddedVideoBranch, shared: Path
) -> None:
    faces = read_fer2013(shared / "data" / "face" / "fer2013.parquet", "PrivateTest")
    faces = faces.take(np.arange(0, len(faces), 12))
    scores = branch.score([sequence(image[np.newaxis]) for image in faces.images])
    right = scores.argmax(axis=1) == faces.labels
    recalls = [right[faces.labels == label].mean() for label in np.unique(faces.labels)]
    assert np.mean(recalls) > 0.4  # chance is 0.14
    confidence = float(scores.max(axis=1).mean())
    assert confidence == pytest.approx(right.mean(), abs=0.12)


def test_missing_weights_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"weights .*gone\.safetensors are missing"):
        EmbeddedVideoBranch(WeightSettings(video=str(tmp_path / "gone.safetensors")))


def test_bright_faces_are_happy_in_tests() -> None:
    scores = BrightnessBranch(WeightSettings()).score(
        [sequence(np.full((2, 48, 48), level, np.uint8)) for level in (220, 30)] + [noise(0)]
    )
    best = [EMOTIONS[i] for i in scores[:2].argmax(axis=1)]
    assert best == ["happy", "sad"]
    assert np.isnan(scores[2]).all()
