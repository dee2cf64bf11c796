"""FER2013 is read with its official parts and FERPlus' votes in our order."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from lab.corpora.faces import read_face_clips, read_fer2013
from lab.video.augmentation import draw_no_face, draw_shot, next_shot, take
from lab.video.train import targets_of
from schemas.emotions import EMOTIONS
from schemas.errors import InputError
from tests.material.corpora import faces, write_fer2013, write_ferplus, write_table


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


@pytest.mark.parametrize("name", ["a.parquet", "fer2013.csv", "fer2013.txt"])
def test_another_table_is_an_input_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_fer2013(tmp_path / name, "Training")
    (tmp_path / name).write_bytes(b"no table")
    with pytest.raises(InputError, match="is no table of FER2013 faces"):
        read_fer2013(tmp_path / name, "Training")


USAGES = ["Training"] * 9 + ["PublicTest"] * 2 + ["PrivateTest"] * 3


@pytest.mark.parametrize(
    ("name", "columns"),
    [("fer2013.csv", "emotion,pixels,Usage"), ("icml_face_data.csv", "emotion, pixels, Usage")],
)
def test_kaggles_tables_are_read_with_their_parts(tmp_path: Path, name: str, columns: str) -> None:
    table = write_fer2013(tmp_path / name, USAGES, columns)
    for found in (read_fer2013(table, "PrivateTest"), read_fer2013(tmp_path, "PrivateTest")):
        np.testing.assert_array_equal(found.images, faces(len(USAGES))[11:])
        assert [EMOTIONS[label] for label in found.labels] == ["sad", "surprised", "neutral"]
        assert not found.votes.any()


def test_votes_of_ferplus_are_joined_by_the_order_of_rows(tmp_path: Path) -> None:
    table = write_fer2013(tmp_path / "fer2013.csv", USAGES)
    votes = write_ferplus(tmp_path / "fer2013new.csv", USAGES)
    found = read_fer2013(table, "Training")
    named = [EMOTIONS[share.argmax()] if share.any() else None for share in found.votes]
    assert named == [
        "neutral",
        "happy",
        "surprised",
        "sad",
        "angry",
        "disgust",
        "fearful",
        None,
        None,
    ]
    elsewhere = votes.rename(tmp_path / "votes.csv")
    assert not read_fer2013(table, "Training").votes.any()
    np.testing.assert_array_equal(read_fer2013(table, "Training", elsewhere).votes, found.votes)
    write_ferplus(elsewhere, USAGES[1:])
    with pytest.raises(InputError, match="13 rows that do not follow the 14 faces"):
        read_fer2013(table, "Training", elsewhere)


def test_folders_of_pictures_are_read_too(tmp_path: Path) -> None:
    for part, emotion in (("train", "angry"), ("train", "fear"), ("test", "surprise")):
        path = tmp_path / part / emotion / "im0.png"
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), faces(1)[0])
    found = read_fer2013(tmp_path, "Training")
    assert [EMOTIONS[label] for label in found.labels] == ["angry", "fearful"]
    np.testing.assert_array_equal(found.images[0], faces(1)[0])
    assert len(read_fer2013(tmp_path, "PrivateTest")) == 1
    with pytest.raises(InputError, match="no faces of the part PublicTest"):
        read_fer2013(tmp_path, "PublicTest")
    with pytest.raises(InputError, match="have no order that"):
        read_fer2013(tmp_path, "Training", tmp_path / "votes.csv")


def test_a_damaged_copy_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds none of fer2013\.parquet, fer2013\.csv"):
        read_fer2013(tmp_path, "Training")
    table = write_table(
        tmp_path / "fer2013.csv", [{"emotion": 0, "pixels": "1 2 3", "Usage": "Training"}]
    )
    with pytest.raises(InputError, match="starts with '1 2 3' and is not 48 x 48 numbers"):
        read_fer2013(table, "Training")
    write_table(table, [{"emotion": 7, "pixels": "1 2 3", "Usage": "Training"}])
    with pytest.raises(InputError, match="labels that are not 0 to 6"):
        read_fer2013(table, "Training")
    (tmp_path / "train" / "sad").mkdir(parents=True)
    (tmp_path / "train" / "sad" / "x.jpg").write_bytes(b"")
    table.unlink()
    with pytest.raises(InputError, match=r"x\.jpg is no readable picture"):
        read_fer2013(tmp_path, "Training")


def test_faces_are_clips_of_one_picture(tmp_path: Path) -> None:
    table = write_fer2013(tmp_path / "fer2013.csv", USAGES)
    clips = read_face_clips(tmp_path)
    assert len({clip.speaker for clip in clips}) == len(USAGES)
    assert [clip.published_split for clip in clips] == USAGES
    assert clips[3].source == f"{table}::3"


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
