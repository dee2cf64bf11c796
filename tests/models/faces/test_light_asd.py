"""Light-ASD: its files, its crops, and what it says of a talking and of a silent face."""

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from models.faces.detectors import YuNetDetector
from models.faces.light_asd import LightAsd
from models.protocols import CloserLook, FaceBox, Samples, TalkingClip
from models.registry import identify, load_engine
from schemas.errors import WeightsError
from schemas.settings import WeightSettings


def test_its_files_do_not_ship_and_that_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"lightASD\.onnx and lossAV\.onnx are not given; set"):
        LightAsd(WeightSettings())
    (tmp_path / "lightASD.onnx").write_bytes(b"no network")
    named = WeightSettings(active_speaker=str(tmp_path))
    with pytest.raises(WeightsError, match=r"Of Light-ASD lossAV\.onnx is not in '.*'; set"):
        LightAsd(named)
    (tmp_path / "lossAV.onnx").write_bytes(b"no network")
    with pytest.raises(WeightsError, match=r"lightASD\.onnx is no network of Light-ASD"):
        LightAsd(named)


def test_another_file_is_another_identity(tmp_path: Path) -> None:
    named = WeightSettings(active_speaker=str(tmp_path))
    before = identify("active_speaker", "light-asd", named)
    (tmp_path / "lossAV.onnx").write_bytes(b"another")
    assert identify("active_speaker", "light-asd", named) != before


def test_the_engine_that_ships_takes_no_closer_look() -> None:
    assert not isinstance(load_engine("active_speaker", "embedded", WeightSettings()), CloserLook)


@pytest.fixture(scope="module")
def engine(shared: Path) -> LightAsd:
    return LightAsd(WeightSettings(active_speaker=str(shared / "weights" / "light_asd")))


def talking(path: Path) -> tuple[list[NDArray[np.uint8]], Samples]:
    """Read colours and 16 kHz sound of a clip of 25 pictures a second."""
    with av.open(str(path)) as container:
        pictures = [f.to_ndarray(format="bgr24") for f in container.decode(video=0)]
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
    with av.open(str(path)) as container:
        parts = [
            part.to_ndarray()[0]
            for frame in container.decode(audio=0)
            for part in resampler.resample(frame)
        ]
    return pictures, (np.concatenate(parts) / 32_768).astype(np.float32)


@pytest.mark.needs_shared
@pytest.mark.parametrize("name", ["grid_bbaf2n", "grid_swiz3n"])
def test_a_face_that_talks_speaks_and_one_that_is_silent_does_not(
    engine: LightAsd, shared: Path, name: str
) -> None:
    assert isinstance(engine, CloserLook)
    pictures, sound = talking(shared / "data" / "meeting" / "video" / f"{name}.mpg")
    (box, *_) = YuNetDetector(WeightSettings()).detect(pictures[0])
    grays = [np.asarray(picture.mean(axis=2), dtype=np.uint8) for picture in pictures]
    crops = np.stack([engine.crop(gray, box) for gray in grays])
    inside = np.arange(len(crops)) / 25 > 0.7
    # half a second before the first word, forth and back
    still = crops[[*range(10), *range(9, -1, -1)] * (len(crops) // 20 + 1)][: len(crops)]
    speaks = engine.look([TalkingClip(crops, sound, inside)])
    listens = engine.look([TalkingClip(still, sound, inside)])
    assert speaks > 0.05
    assert listens < -0.2
    assert engine.look([TalkingClip(crops, sound, inside & False)]) == 0.0


@pytest.mark.needs_shared
def test_a_crop_lies_around_the_mouth_and_repeats_the_edge(engine: LightAsd) -> None:
    gray = np.zeros((200, 200), np.uint8)
    gray[100:] = 200
    crop = engine.crop(gray, FaceBox(60, 40, 80, 100, 1.0))
    # a face 100 pixels high: 70 pixels, from 25 above to 45 below its middle plus 20
    assert crop.shape == (112, 112)
    assert (crop[:, 56] > 100).argmax() == pytest.approx(112 * 25 / 70, abs=2)
    assert engine.crop(gray, FaceBox(190, 190, 80, 100, 1.0)).shape == (112, 112)
