"""Any labelled file becomes what a branch judges."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from models.faces.detectors import CascadeDetector
from schemas.corpus import LabelledClip
from schemas.errors import InputError, SettingsError
from schemas.settings import WeightSettings
from tasks.corpora.samples import read_face, sample_reader


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
def detector() -> CascadeDetector:
    return CascadeDetector(WeightSettings())


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    from matplotlib import cbook

    with cbook.get_sample_data("grace_hopper.jpg") as file:
        data = np.frombuffer(file.read(), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))


def test_a_face_is_found_in_a_picture(
    detector: CascadeDetector, portrait: np.ndarray, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "p.png"), portrait)
    found = read_face(clip(tmp_path / "p.png"), detector)
    assert found is not None
    assert found.crops.shape == (1, 48, 48)
    assert found.crops.std() > 20


def test_a_small_picture_is_a_face_already(detector: CascadeDetector, tmp_path: Path) -> None:
    gray = np.random.default_rng(0).integers(0, 255, (48, 48), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "f.png"), gray)
    found = read_face(clip(tmp_path / "f.png"), detector)
    assert found is not None
    np.testing.assert_array_equal(found.crops[0], gray)


def test_a_folder_of_frames_is_one_sequence(
    detector: CascadeDetector, portrait: np.ndarray, tmp_path: Path
) -> None:
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), portrait)
    (tmp_path / "notes.txt").write_text("not a frame")
    found = read_face(clip(tmp_path), detector)
    assert found is not None
    assert len(found.crops) == 3
    np.testing.assert_allclose(found.times, [0.0, 0.2, 0.4], atol=1e-6)


def test_nobody_in_the_picture_is_nothing_to_judge(
    detector: CascadeDetector, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((300, 300, 3), 90, np.uint8))
    assert read_face(clip(tmp_path / "empty.png"), detector) is None


@pytest.mark.needs_shared
def test_a_video_is_looked_at_five_times_a_second(detector: CascadeDetector, shared: Path) -> None:
    videos = sorted((shared / "data" / "meeting" / "video").glob("grid_*.mpg"))
    found = read_face(clip(videos[0]), detector)
    assert found is not None
    assert 10 <= len(found.crops) <= 16
    assert np.diff(found.times).min() >= 0.19


def test_what_is_not_there_is_one_sentence(detector: CascadeDetector, tmp_path: Path) -> None:
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
