"""A photograph is found again though it was cut, mirrored, dimmed or compressed."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from lab.corpora.duplicates import twins
from lab.corpora.faces import read_fer2013

random = np.random.default_rng(0)


def picture() -> np.ndarray:
    rough = random.integers(0, 255, (6, 6), dtype=np.uint8)
    return np.asarray(cv2.resize(rough, (48, 48), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def test_changed_copies_are_found_and_others_are_not() -> None:
    known = np.stack([picture() for _ in range(20)])
    first = known[0]
    _, packed = cv2.imencode(".jpg", first, [cv2.IMWRITE_JPEG_QUALITY, 30])
    tested = np.stack(
        [
            first[:, ::-1],
            (first * 0.6 + 40).astype(np.uint8),
            cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE),
            cv2.resize(first[1:47, 1:47], (48, 48)),
            picture(),
            np.full((48, 48), 128, dtype=np.uint8),
        ]
    )
    assert twins(tested, known).tolist() == [True, True, True, True, False, False]


@pytest.mark.slow
@pytest.mark.needs_shared
def test_a_sixth_of_fer2013s_test_stands_in_its_training_part(shared: Path) -> None:
    table = shared / "data" / "face" / "fer2013.parquet"
    tested, trained = read_fer2013(table, "PrivateTest"), read_fer2013(table, "Training")
    assert int(twins(tested.images, trained.images).sum()) == 588
