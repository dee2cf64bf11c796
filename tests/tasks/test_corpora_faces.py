"""FER2013 is read with its official parts and FERPlus' votes in our order."""

from pathlib import Path

import numpy as np
import pytest

from schemas.emotions import EMOTIONS
from schemas.errors import InputError
from tasks.corpora.faces import read_fer2013
from tasks.training.camera import draw_no_face, draw_shot, next_shot, take
from tasks.training.video import targets_of


@pytest.mark.needs_shared
def test_the_official_parts_are_whole_and_their_labels_in_our_order(shared: Path) -> None:
    table = shared / "data" / "face" / "fer2013.parquet"
    faces = read_fer2013(table, "PrivateTest")
    counts = dict(zip(EMOTIONS, np.bincount(faces.labels).tolist(), strict=True))
    assert (counts["neutral"], counts["disgust"]) == (626, 55)
    assert max(counts, key=lambda name: counts[name]) == "happy"
    assert faces.images.shape == (3589, 48, 48)
    assert len(read_fer2013(table, "PublicTest")) == 3589


@pytest.mark.needs_shared
def test_votes_are_shares_or_nothing(shared: Path) -> None:
    faces = read_fer2013(shared / "data" / "face" / "fer2013.parquet", "PublicTest")
    total = faces.votes.sum(axis=1)
    known = total > 0
    assert total[known] == pytest.approx(np.ones(known.sum()))
    assert 0.95 < known.mean() < 1.0
    agree = faces.votes.argmax(axis=1) == faces.labels
    assert 0.6 < agree[known].mean() < 0.9  # two noisy readers of the same faces
    assert targets_of(faces.take(np.flatnonzero(known))).sum(axis=1) == pytest.approx(1.0)


def test_another_table_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"no table")
    with pytest.raises(InputError, match="is no table of FER2013 faces"):
        read_fer2013(tmp_path / "a.parquet", "Training")


def test_a_camera_keeps_shape_and_type_and_is_repeatable() -> None:
    face = np.random.default_rng(0).integers(0, 255, (48, 48), dtype=np.uint8)
    for seed in range(40):
        shots = []
        for _ in range(2):
            random = np.random.default_rng(seed)
            shots.append(take(face, draw_shot(random), random))
        assert shots[0].shape == face.shape
        assert shots[0].dtype == np.uint8
        assert np.array_equal(*shots)


def test_a_walk_drifts_and_stays_near() -> None:
    random = np.random.default_rng(3)
    shot = draw_shot(random)
    walked = shot
    for _ in range(200):
        walked = next_shot(walked, random)
    assert walked != shot
    assert abs(walked.shift_x) < 0.3
    assert 0.75 <= walked.zoom <= 1.35
    assert walked.flipped == shot.flipped


def test_what_is_no_face_varies() -> None:
    random = np.random.default_rng(0)
    drawn = [draw_no_face(random, 48) for _ in range(50)]
    assert all(picture.shape == (48, 48) for picture in drawn)
    assert np.std([picture.mean() for picture in drawn]) > 20
