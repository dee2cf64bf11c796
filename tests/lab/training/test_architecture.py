"""Any architecture is trained, calibrated on its own speakers, measured, stored and run."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lab.reports.curves import read_curves
from lab.training.architecture import train_architecture
from lab.training.architecture_data import read_material
from lab.training.objective import class_weights, weighted_loss
from lab.training.options import TrainingOptions
from models.architectures.branch import TrainedBranch, load_trained
from models.protocols import FaceSequence, TextSample
from models.registry import load_engine
from schemas.errors import SettingsError
from schemas.settings import WeightSettings
from tests.material.checkpoints import random_text_encoder, random_wav2vec2
from tests.material.corpora import write_ravdess, write_songs
from tests.material.sounds import write_wav


def told(architecture: str, **more: object) -> TrainingOptions:
    return TrainingOptions(architecture=architecture, device="cpu", threads=1, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def actors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RAVDESS as eight people would make it who say length by length what they feel."""
    folder = tmp_path_factory.mktemp("data")
    home = folder / "speech" / "ravdess"
    home.mkdir(parents=True)
    random = np.random.default_rng(0)
    for actor in (1, 2, 4, 8, 10, 11, 20, 21):
        for length, emotion in zip((0.5, 0.85, 1.4, 2.5), (1, 2, 4, 5), strict=True):
            for take in (1, 2):
                times = np.arange(int(16_000 * length)) / 16_000
                swell = 0.1 * (1 + 0.9 * np.sin(2 * np.pi * 4 * times))
                name = f"03-01-{emotion:02}-01-01-{take:02}-{actor:02}.wav"
                noise = swell * random.standard_normal(len(times))
                write_wav(home / name, noise.astype(np.float32))
    return folder


def test_a_voice_network_learns_is_measured_by_folds_and_is_run(
    actors: Path, tmp_path: Path
) -> None:
    options = told("level-logistic", epochs=25, batch_size=4, learning_rate=0.1)
    report = train_architecture("audio", actors, tmp_path, options)
    (figures,) = report.measures.values()
    assert figures["classes"] == ("angry", "calm", "neutral", "sad")
    assert len(figures["folds"]) == 4
    assert figures["uar"] > 0.6  # one in four by chance
    assert (tmp_path / "fit" / "checkpoints").is_dir()
    branch = load_engine("audio", "embedded", WeightSettings(audio=str(report.weights)))
    assert isinstance(branch, TrainedBranch)
    assert len(branch.unseen_speakers) == 1
    _, config = load_trained("audio", report.weights)
    assert config["architecture"] == "level-logistic"
    assert config["corpora"] == ["ravdess"]
    assert config["n_train"] == report.n_train == 7 * 8


def test_calibration_speakers_are_on_no_other_side(actors: Path) -> None:
    material = read_material("audio", actors, told("level-logistic"))
    (protocol,) = material.protocols.values()
    for sides in ((material.train, material.validation), *protocol.folds):
        people = [{material.speakers[row] for row in rows} for rows in sides]
        assert all(people)
        assert sum(map(len, people)) == len(set().union(*people))


def test_songs_and_speech_of_an_actor_are_on_one_side_of_every_fold(tmp_path: Path) -> None:
    write_ravdess(tmp_path / "speech")
    write_songs(tmp_path / "speech")
    options = told("level-logistic", corpora=("ravdess", "ravdess-song"))
    material = read_material("audio", tmp_path, options)
    classes = [len(own.classes) for own in material.protocols.values()]
    assert classes == [8, 6]
    for own in material.protocols.values():
        assert len(own.folds) == 3
        for sides in ((material.train, material.validation), *own.folds):
            people = [{material.speakers[row] for row in rows} for rows in sides]
            assert sum(map(len, people)) == len(set().union(*people)) == 3
        for train, _, _ in own.folds:
            assert (own.labels[train] >= 0).all()
    speech = read_material("audio", tmp_path, told("level-logistic"))
    assert len(speech.labels) == 48


def test_damaged_recordings_are_left_out_and_counted(
    actors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(actors, tmp_path / "data")
    damaged = sorted((tmp_path / "data" / "speech" / "ravdess").iterdir())[3]
    damaged.write_bytes(b"RIFF and no more")
    options = told("level-logistic", epochs=1, folds=False)
    report = train_architecture("audio", tmp_path / "data", tmp_path, options)
    (sentence,) = report.warnings
    assert sentence.startswith("1 of 64 clips cannot be read and are left out; the first: ")
    assert damaged.name in sentence
    assert train_architecture("audio", actors, tmp_path, options).warnings == ()
    said = capsys.readouterr()
    assert said.out == ""  # which is the report's alone
    assert "train_loss" in said.err


def test_a_pretrained_speech_encoder_is_fine_tuned(actors: Path, tmp_path: Path) -> None:
    options = told(
        "wav2vec2",
        start=random_wav2vec2(tmp_path / "start", layers=2),
        epochs=1,
        limit=8,
        folds=False,
        accumulation=2,
        batch_size=2,
        parameters={"trained_layers": 1},
    )
    report = train_architecture("audio", actors, tmp_path, options)
    _, config = load_trained("audio", report.weights)
    assert config["encoder"]["num_hidden_layers"] == 2
    stored, start = (
        load_file(path) for path in (report.weights, tmp_path / "start" / "model.safetensors")
    )
    changed = {
        name
        for name, value in start.items()
        if not torch.equal(stored.get(f"encoder.{name}", value).float(), value)
    }
    assert changed
    assert all(name.startswith("encoder.layers.1.") for name in changed)


def film(path: Path, brightness: int) -> None:
    """A second of one face-sized gray picture, that needs no detector."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5.0, (64, 64))
    for frame in range(5):
        writer.write(np.full((64, 64, 3), brightness + 4 * frame, np.uint8))
    writer.release()


def test_a_face_network_learns_from_filmed_actors(tmp_path: Path) -> None:
    home = tmp_path / "video" / "ravdess-video"
    home.mkdir(parents=True)
    for actor in (1, 2, 3, 4):
        for emotion, brightness in ((3, 200), (4, 30)):
            for take in (1, 2):
                film(home / f"01-01-{emotion:02}-01-01-{take:02}-{actor:02}.avi", brightness)
    options = told(
        "resnet18-transformer",
        corpora=("ravdess-video",),
        epochs=1,
        batch_size=4,
        parameters={"size": "32", "pooling": "average"},
    )
    report = train_architecture("video", tmp_path, tmp_path / "out", options)
    assert report.n_train == 3 * 4
    branch = load_engine("video", "embedded", WeightSettings(video=str(report.weights)))
    empty = FaceSequence(np.zeros((0, 48, 48), np.uint8), np.zeros(0, np.float32))
    seen = FaceSequence(np.full((3, 48, 48), 200, np.uint8), np.zeros(3, np.float32))
    scores = branch.score([empty, seen])
    assert np.isnan(scores[0]).all()
    assert scores[1].sum() == pytest.approx(1.0, abs=1e-4)


@pytest.mark.needs_shared
def test_a_text_network_learns_words_and_takes_its_vocabulary_along(
    shared: Path, tmp_path: Path
) -> None:
    options = told("tfidf-mlp", limit=3000, epochs=8, parameters={"words": 2000})
    report = train_architecture("text", shared / "data", tmp_path, options)
    assert report.measures["goemotions test"]["uar"] > 0.2
    assert (tmp_path / "text.vocabulary.json").is_file()
    branch = load_engine("text", "embedded", WeightSettings(text=str(report.weights)))
    happy, angry = branch.score(
        [TextSample("thank you, i love this", "en"), TextSample("i hate you", "en")]
    )
    assert happy[1] > angry[1]
    assert angry[3] > happy[3]


@pytest.mark.needs_shared
def test_a_pretrained_text_encoder_is_fine_tuned(shared: Path, tmp_path: Path) -> None:
    start = random_text_encoder(tmp_path / "start", "xlm-roberta")
    options = told("xlm-r", start=start, limit=20, epochs=1)
    report = train_architecture("text", shared / "data", tmp_path, options)
    assert report.measures["goemotions test"]["n"] == 20
    branch = load_engine("text", "embedded", WeightSettings(text=str(report.weights)))
    assert branch.languages == {"en", "fr", "de", "it", "es"}
    assert np.isfinite(branch.score([TextSample("buon giorno", "it")])).all()


@pytest.mark.needs_shared
def test_stills_are_sequences_of_one_frame(shared: Path) -> None:
    material = read_material("video", shared / "data", told("resnet18-transformer", limit=5))
    assert material.read(int(material.train[0])).crops.shape == (1, 48, 48)
    assert [len(rows) for rows in (material.train, material.validation)] == [5, 5]
    assert set(material.tests) == {"fer2013 PrivateTest"}


def test_rare_classes_weigh_more_and_absent_ones_nothing() -> None:
    weights = class_weights(np.array([0, 0, 0, 1]), 3)
    np.testing.assert_allclose(weights, [2 / 3, 2.0, 0.0], rtol=1e-6)


def test_one_speaker_is_too_few(tmp_path: Path) -> None:
    home = tmp_path / "speech" / "ravdess"
    home.mkdir(parents=True)
    write_wav(home / "03-01-03-01-01-01-01.wav", np.zeros(1600, np.float32))
    with pytest.raises(SettingsError, match="at least two speakers"):
        train_architecture("audio", tmp_path, tmp_path, told("level-logistic"))
    with pytest.raises(SettingsError, match="did you mean 'level-logistic'"):
        train_architecture("audio", tmp_path, tmp_path, told("level-logistics"))


def learning_rates(out: Path) -> list[float]:
    """The rates of a training by step, as TensorBoard shows them."""
    (curves,) = read_curves(out).values()
    return [value for _, value in curves["learning_rate"]]


def test_the_rate_falls_by_the_named_schedule(actors: Path, tmp_path: Path) -> None:
    """At the end the cosine is at nought, the inverse square root far from it."""
    rates = {}
    for schedule in ("cosine", "inverse-sqrt"):
        options = told(
            "level-logistic", epochs=10, batch_size=8, folds=False, schedule=schedule, limit=48
        )
        train_architecture("audio", actors, tmp_path / schedule, options)
        rates[schedule] = learning_rates(tmp_path / schedule)
    assert rates["cosine"][-1] < 0.02 * max(rates["cosine"])
    # ten epochs, one of warm-up
    assert rates["inverse-sqrt"][-1] == pytest.approx(0.05 * (1 / 10) ** 0.5, rel=0.02)


def test_training_and_validation_curves_stand_beside_each_other(
    actors: Path, tmp_path: Path
) -> None:
    options = told("level-logistic", epochs=3, batch_size=4, learning_rate=0.1)
    report = train_architecture("audio", actors, tmp_path, options)
    found = read_curves(tmp_path)
    curves = found.pop("fit")
    assert len(curves["loss"]) == len(curves["eval_loss"]) == 3
    assert all(0 <= value <= 1 for _, value in curves["eval_uar"] + curves["eval_accuracy"])
    assert len(found) == 4  # the folds: whoever is tested there is not watched while they learn
    assert not any("eval_loss" in own for own in found.values())
    # the people who calibrate, judged by the weights as stored: what the last epoch's figure says
    branch = TrainedBranch("audio", report.weights, WeightSettings())
    material = read_material("audio", actors, options)
    guess = branch.score([material.read(int(row)) for row in material.validation]).argmax(axis=1)
    accuracy = float((guess == material.labels[material.validation]).mean())
    assert curves["eval_accuracy"][-1][1] == pytest.approx(accuracy, abs=1e-6)


def test_label_smoothing_keeps_the_weights_of_the_classes() -> None:
    logits, labels = (
        torch.randn(6, 3, generator=torch.manual_seed(0)),
        torch.tensor([0, 0, 0, 0, 1, 1]),
    )
    weights = torch.from_numpy(class_weights(labels.numpy(), 3))
    chances = logits.log_softmax(dim=1)
    targets = 0.9 * torch.eye(3)[labels] + 0.1 / 3
    expected = -(targets * weights * chances).sum() / weights[labels].sum()
    assert weighted_loss(logits, labels, weights, 0.1) == pytest.approx(float(expected), rel=1e-5)
    plain = torch.nn.functional.cross_entropy(logits, labels, weights)
    assert weighted_loss(logits, labels, weights, 0.0) == pytest.approx(float(plain), rel=1e-5)
    # nobody of a class that was trained on: no cost, and no nan in the curve
    assert float(weighted_loss(logits, torch.full((6,), 2), weights, 0.0)) == 0.0


def test_smoothed_labels_make_a_network_less_sure(actors: Path, tmp_path: Path) -> None:
    spread = []
    for smoothing in (0.0, 0.5):
        options = told(
            "level-logistic",
            epochs=20,
            batch_size=4,
            learning_rate=0.1,
            folds=False,
            label_smoothing=smoothing,
        )
        report = train_architecture("audio", actors, tmp_path / str(smoothing), options)
        network, _ = load_trained("audio", report.weights)
        spread.append(float(network.head.weight.detach().abs().mean()))
    assert spread[1] < 0.8 * spread[0]
