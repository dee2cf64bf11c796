"""Weights know what they were trained on by its content, and an evaluation says so."""

import json
import shutil
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import soundfile

from flows.evaluate import evaluate_branch
from lab.measures.fingerprints import (
    BESIDE,
    fingerprint,
    fingerprint_of_pictures,
    fingerprint_of_text,
    store_fingerprints,
    trained_on,
)
from lab.measures.leakage import warn_of_trained_samples
from lab.training.architecture import train_architecture
from lab.training.architecture_data import read_material
from lab.training.options import TrainingOptions
from models.architectures.branch import read_trained
from models.checkpoint import save_weights, shipped
from schemas.corpus import LabelledClip
from schemas.errors import InputError
from tests.material.corpora import write_table
from tests.material.sounds import write_wav


def clip(source: Path | str | None = None, text: str | None = None) -> LabelledClip:
    path = None if source is None else str(source)
    return LabelledClip(
        corpus="mine", source=path, text=text, label="sad", emotion="sad", speaker="Bo"
    )


def noise(seed: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(8_000)).astype(np.float32)


def test_a_sound_is_known_under_another_name_and_in_another_lossless_format(tmp_path: Path) -> None:
    wav, other = write_wav(tmp_path / "a.wav", noise(0)), write_wav(tmp_path / "b.wav", noise(1))
    flac = tmp_path / "renamed.flac"
    soundfile.write(flac, soundfile.read(wav)[0], 16_000, subtype="PCM_16")
    first = fingerprint("audio", clip(wav))
    assert first is not None
    assert fingerprint("audio", clip(flac)) == first
    assert fingerprint("audio", clip(other)) != first
    with tarfile.open(tmp_path / "packed.tar", "w") as tar:
        tar.add(wav, "inside.wav")
    assert fingerprint("audio", clip(f"{tmp_path / 'packed.tar'}::inside.wav")) == first
    assert fingerprint("audio", clip(text="no sound")) is None
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    assert fingerprint("audio", clip(tmp_path / "broken.wav")) is None


def test_a_text_is_known_by_its_words_and_short_ones_never() -> None:
    first = fingerprint_of_text("Well, that's a lovely day!")
    assert first is not None
    assert first == fingerprint_of_text("well thats a LOVELY day")
    assert first != fingerprint_of_text("well that was a lovely day")
    assert fingerprint_of_text("Yes, please.") is None


def test_a_picture_is_known_by_its_pixels_and_a_film_by_its_file(tmp_path: Path) -> None:
    face = np.random.default_rng(0).integers(0, 255, (48, 48), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "face.png"), face)
    cv2.imwrite(str(tmp_path / "copy.bmp"), face)
    known = fingerprint_of_pictures([face])
    assert fingerprint("video", clip(tmp_path / "face.png")) == known
    assert fingerprint("video", clip(tmp_path / "copy.bmp")) == known
    assert fingerprint_of_pictures([face.reshape(24, 96)]) != known
    film, copied = tmp_path / "film.mp4", tmp_path / "copied.mp4"
    film.write_bytes(b"a film")
    shutil.copy(film, copied)
    assert fingerprint("video", clip(film)) == fingerprint("video", clip(copied)) != known
    assert fingerprint("video", clip(tmp_path / "none.mp4")) is None


def test_many_fingerprints_lie_beside_the_weights_and_few_in_their_header(tmp_path: Path) -> None:
    weights = tmp_path / "text.safetensors"
    many = [number.to_bytes(5, "big") for number in range(20_000)]
    header = store_fingerprints(weights, [*many, None, *many])
    assert len(json.dumps(header)) < 100
    assert trained_on(weights, header) == set(many)
    weights.with_suffix(BESIDE).unlink()
    with pytest.raises(InputError, match=r"text\.samples\.json beside text\.safetensors cannot"):
        trained_on(weights, header)
    few = store_fingerprints(weights, many[:3])
    assert trained_on(weights, few) == set(many[:3])
    assert not weights.with_suffix(BESIDE).exists()
    assert trained_on(weights, {}) == frozenset()


def test_a_lost_file_of_fingerprints_is_a_warning(tmp_path: Path) -> None:
    import torch

    weights = tmp_path / "text.safetensors"
    header = store_fingerprints(weights, [number.to_bytes(5, "big") for number in range(20_000)])
    save_weights(weights, {"x": torch.zeros(1)}, header)
    assert warn_of_trained_samples("text", weights, [clip(text="nobody knows this one")]) == []
    weights.with_suffix(BESIDE).unlink()
    (sentence,) = warn_of_trained_samples("text", weights, [clip(text="nobody knows this one")])
    assert sentence.endswith("copy both files.")


def test_weights_without_fingerprints_warn_of_nothing() -> None:
    assert warn_of_trained_samples("text", shipped("text"), [clip(text="some words of mine")]) == []


def test_voices_that_were_trained_on_are_counted_whatever_the_table_calls_them(
    tmp_path: Path,
) -> None:
    home = tmp_path / "speech" / "ravdess"
    home.mkdir(parents=True)
    for actor in (1, 2, 3):
        for emotion in (1, 4):
            name = f"03-01-{emotion:02}-01-01-01-{actor:02}.wav"
            write_wav(home / name, noise(10 * actor + emotion))
    options = TrainingOptions(architecture="level-logistic", device="cpu", epochs=1, folds=False)
    report = train_architecture("audio", tmp_path, tmp_path / "out", options)
    _, config = read_trained("audio", report.weights)
    assert len(trained_on(report.weights, config)) == report.n_train == 4
    (held,) = config["calibration_speakers"]
    rows: list[dict[str, object]] = []
    for number, path in enumerate(sorted(home.iterdir())):
        renamed = tmp_path / f"{number}.flac"
        soundfile.write(renamed, soundfile.read(path)[0], 16_000, subtype="PCM_16")
        rows.append({"path": renamed.name, "label": "sad", "speaker": f"someone {number}"})
    write_wav(tmp_path / "new.wav", noise(99))
    rows.append({"path": "new.wav", "label": "sad", "speaker": "new"})
    table = write_table(tmp_path / "mine.csv", rows)
    assert held.startswith("ravdess/")
    (sentence,) = evaluate_branch("audio", table, str(report.weights))["warnings"]
    assert sentence.startswith("audio.safetensors was trained on 4 of these 7 samples")
    fresh = write_table(tmp_path / "fresh.csv", rows[-1:])
    assert "warnings" not in evaluate_branch("audio", fresh, str(report.weights))


def test_texts_that_were_trained_on_are_counted_but_not_those_of_dev_or_changed_copies(
    tmp_path: Path,
) -> None:
    texts = {
        "train": [(f"what a lovely day number {n} is", "joy") for n in range(6)],
        "dev": [("this one calibrates the network", "joy"), ("and so does this one", "sadness")],
        "test": [("this one is for the test", "joy")],
    }
    texts["train"].append(("such a sad and lonely evening", "sadness"))
    rows = [(*row, "en", part) for part, own in texts.items() for row in own]
    (tmp_path / "text").mkdir()
    table = pd.DataFrame(rows, columns=["text", "label", "lang", "split"])
    table.to_parquet(tmp_path / "text" / "goemotions.parquet")
    parameters = {"words": "50", "augment": "true"}
    options = TrainingOptions(
        architecture="one-hot-mlp", device="cpu", epochs=1, parameters=parameters
    )
    report = train_architecture("text", tmp_path, tmp_path / "out", options)
    assert report.augmented == {"sad": 2}
    tested = ["WHAT a lovely day, number 3 is!", "such a sad and lonely evening", *texts["dev"][0]]
    labelled: list[dict[str, object]] = [
        {"text": text, "label": "sad", "language": "en"} for text in tested[:3]
    ]
    (sentence,) = evaluate_branch(
        "text", write_table(tmp_path / "x.csv", labelled), str(report.weights)
    )["warnings"]
    assert "was trained on 2 of these 3 samples" in sentence
    _, config = read_trained("text", report.weights)
    assert len(trained_on(report.weights, config)) == 7


def test_films_are_known_behind_stills(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    faces = np.random.default_rng(1).integers(0, 255, (3, 48, 48), dtype=np.uint8)
    (tmp_path / "face").mkdir()
    columns = {
        "image": [cv2.imencode(".png", face)[1].tobytes() for face in faces],
        "label": [0, 0, 0],
        "usage": ["Training", "PublicTest", "PrivateTest"],
        "ferplus_votes": [[0] * 10] * 3,
    }
    pq.write_table(pa.table(columns), tmp_path / "face" / "fer2013.parquet")
    home = tmp_path / "video" / "ravdess"
    home.mkdir(parents=True)
    for actor in (1, 2):
        (home / f"01-01-04-01-01-01-{actor:02}.mp4").write_bytes(bytes([actor]))
    options = TrainingOptions(
        architecture="resnet18-transformer", corpora=("fer2013", "ravdess"), device="cpu"
    )
    material = read_material("video", tmp_path, options)
    known = [material.fingerprint(row) for row in range(5)]
    assert known[:3] == [fingerprint_of_pictures([face]) for face in faces]
    films = sorted(home.iterdir())
    assert known[3:] == [fingerprint("video", clip(film)) for film in films]
