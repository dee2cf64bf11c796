"""Any labelled file becomes what a branch judges."""

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from lab.corpora.faces import read_face_clips
from lab.corpora.labelled_folder import read_labelled_folder
from lab.corpora.samples import (
    read_face,
    read_readable,
    read_voice,
    sample_reader,
    warn_of_damaged,
)
from lab.corpora.speech import read_corpus
from lab.corpora.video import read_video
from models.faces.detectors import YuNetDetector
from schemas.corpus import LabelledClip
from schemas.errors import InputError, SettingsError
from schemas.settings import WeightSettings
from tests.material.corpora import faces, write_fer2013, write_sounds


def clip(source: Path | None = None, text: str | None = None) -> LabelledClip:
    return LabelledClip(
        corpus="set",
        source=None if source is None else str(source),
        text=text,
        label="happy",
        emotion="happy",
        speaker="a",
        language="en",
    )


@pytest.fixture(scope="module")
def detector() -> YuNetDetector:
    return YuNetDetector(WeightSettings())


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    from matplotlib import cbook

    with cbook.get_sample_data("grace_hopper.jpg") as file:
        data = np.frombuffer(file.read(), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))


def test_a_face_is_found_in_a_picture(
    detector: YuNetDetector, portrait: np.ndarray, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "p.png"), portrait)
    found = read_face(clip(tmp_path / "p.png"), detector)
    assert found is not None
    assert found.crops.shape == (1, 48, 48)
    assert found.crops.std() > 20


def test_a_small_picture_is_a_face_already(detector: YuNetDetector, tmp_path: Path) -> None:
    gray = np.random.default_rng(0).integers(0, 255, (48, 48), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "f.png"), gray)
    found = read_face(clip(tmp_path / "f.png"), detector)
    assert found is not None
    np.testing.assert_array_equal(found.crops[0], gray)


def test_a_folder_of_frames_is_one_sequence(
    detector: YuNetDetector, portrait: np.ndarray, tmp_path: Path
) -> None:
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), portrait)
    (tmp_path / "notes.txt").write_text("not a frame")
    found = read_face(clip(tmp_path), detector)
    assert found is not None
    assert len(found.crops) == 3
    np.testing.assert_allclose(found.times, [0.0, 0.2, 0.4], atol=1e-6)


def test_nobody_in_the_picture_is_nothing_to_judge(detector: YuNetDetector, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((300, 300, 3), 90, np.uint8))
    assert read_face(clip(tmp_path / "empty.png"), detector) is None


@pytest.mark.needs_shared
def test_a_video_is_looked_at_five_times_a_second(detector: YuNetDetector, shared: Path) -> None:
    videos = sorted((shared / "data" / "meeting" / "video").glob("grid_*.mpg"))
    found = read_face(clip(videos[0]), detector)
    assert found is not None
    assert 10 <= len(found.crops) <= 16
    assert np.diff(found.times).min() >= 0.19


@pytest.mark.needs_shared
def test_a_face_is_found_in_a_packed_video_as_in_a_loose_one(
    detector: YuNetDetector, shared: Path, tmp_path: Path
) -> None:
    folder = shared / "data" / "meeting" / "video"
    (loose,) = read_video(folder)
    with zipfile.ZipFile(tmp_path / "Video_Speech_Actor_01.zip", "w") as archive:
        archive.write(loose.source or "", f"Actor_01/{Path(loose.source or '').name}")
    (packed,) = read_video(tmp_path)
    seen, unpacked = read_face(packed, detector), read_face(loose, detector)
    assert seen is not None
    assert unpacked is not None
    assert len(seen.crops) > 10
    np.testing.assert_array_equal(seen.crops, unpacked.crops)
    assert len(read_voice(packed)) / 16_000 == pytest.approx(seen.times[-1], abs=0.4)


def test_a_face_is_read_out_of_a_table_and_an_archive(
    detector: YuNetDetector, tmp_path: Path
) -> None:
    table = write_fer2013(tmp_path / "fer2013.csv", ["Training", "PublicTest"])
    found = read_face(read_face_clips(table)[1], detector)
    assert found is not None
    np.testing.assert_array_equal(found.crops[0], faces(2)[1])
    cv2.imwrite(str(tmp_path / "f.png"), faces(2)[0])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "f.png", "happy/f.png")
    packed = read_face(clip(Path(f"{tmp_path / 'a.zip'}::happy/f.png")), detector)
    assert packed is not None
    np.testing.assert_array_equal(packed.crops[0], faces(2)[0])


def test_damaged_files_are_left_out_with_a_count(tmp_path: Path) -> None:
    write_sounds(tmp_path / "emodb", ("03a01Wa", "03a02Wa"))
    (tmp_path / "emodb" / "03a03Wa.wav").write_bytes(b"")
    (tmp_path / "emodb" / "03a04Wa.wav").write_bytes(b"RIFF and no more")
    clips = dict(enumerate(read_corpus(tmp_path, "emodb")))
    found = read_readable(clips, read_voice)
    assert {row: len(samples) for row, samples in found.samples.items()} == {0: 4_000, 1: 4_000}
    assert list(found.damaged) == [2, 3]
    (sentence,) = warn_of_damaged(found.damaged, 4)
    assert sentence.startswith("2 of 4 clips cannot be read and are left out; the first: ")
    assert "03a03Wa.wav cannot be read as sound" in sentence
    assert warn_of_damaged({}, 4) == ()
    with pytest.raises(InputError, match="None of 2 clips can be read; the first: "):
        warn_of_damaged(found.damaged, 2)


def test_a_folder_of_classes_is_a_labelled_set(tmp_path: Path) -> None:
    write_sounds(tmp_path / "set", ("Happy/a", "train/sadness/Ana/b", "train/sadness/Ana/c"))
    (tmp_path / "set" / "README.txt").write_text("no sample")
    (tmp_path / "set" / "Happy" / "d.txt").write_text("Great!\n")
    assert [
        (c.label, c.emotion, c.speaker, c.published_split, c.text)
        for c in read_labelled_folder(tmp_path / "set")
    ] == [
        ("Happy", "happy", "Happy/a.wav", None, None),
        ("Happy", "happy", "Happy/d.txt", None, "Great!"),
        ("sadness", "sad", "Ana", "train", None),
        ("sadness", "sad", "Ana", "train", None),
    ]


def test_a_folder_that_is_no_class_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="There is no folder"):
        read_labelled_folder(tmp_path / "nothing")
    with pytest.raises(SettingsError, match="has no samples"):
        read_labelled_folder(tmp_path)
    write_sounds(tmp_path / "set", ("angy/a",))
    with pytest.raises(SettingsError, match=r"no folder named by a class; did you mean 'angry'\?"):
        read_labelled_folder(tmp_path / "set")


def test_what_is_not_there_is_one_sentence(detector: YuNetDetector, tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_text("not a video")
    with pytest.raises(InputError, match=r"v\.mp4 cannot be read as a video"):
        read_face(clip(tmp_path / "v.mp4"), detector)
    with pytest.raises(InputError, match="give a path"):
        read_face(clip(text="hello"), detector)
    with pytest.raises(InputError, match="no text beside it"):
        sample_reader("text", WeightSettings())(clip(tmp_path / "v.mp4"))
    with pytest.raises(SettingsError, match="cannot be judged by 'smell'"):
        sample_reader("smell", WeightSettings())


def test_voice_and_words_are_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(8_000), 16_000)
    assert len(sample_reader("audio", WeightSettings())(clip(tmp_path / "a.wav"))) == 8_000
    words = sample_reader("text", WeightSettings())(clip(text="Well done!"))
    assert (words.text, words.language) == ("Well done!", "en")
