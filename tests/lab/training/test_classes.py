"""Classes of one's own are trained, stored, measured, and annotate as the seven if they can."""

import csv
from pathlib import Path

import numpy as np
import pytest

from flows.evaluate import evaluate_branch
from flows.train import train
from lab.corpora.class_sets import class_of, read_classes
from lab.corpora.labelled_folder import read_labelled_folder
from lab.training.architecture import train_architecture
from lab.training.architecture_data import read_material
from lab.training.options import TrainingOptions, TrainingReport
from models.architectures.branch import load_trained
from models.architectures.classes import emotion_matrix, emotion_of_class
from models.checkpoint import load_weights, save_weights
from models.registry import load_engine
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError, WeightsError
from schemas.settings import WeightSettings
from tests.material.corpora import write_iemocap
from tests.material.sounds import write_wav


def told(classes: str, **more: object) -> TrainingOptions:
    given: dict[str, object] = {
        "architecture": "level-logistic",
        "device": "cpu",
        "threads": 1,
        "parameters": {"classes": classes},
    }
    return TrainingOptions.model_validate(given | more)


def breath(seconds: float, seed: int) -> np.ndarray:
    """Noise that swells four times a second."""
    times = np.arange(int(16_000 * seconds)) / 16_000
    swell = 0.1 * (1 + 0.9 * np.sin(2 * np.pi * 4 * times))
    noise = swell * np.random.default_rng(seed).standard_normal(len(times))
    return np.asarray(noise, dtype=np.float32)


@pytest.fixture(scope="module")
def actors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RAVDESS as eight people would make it whose joy is short, whose sadness and anger long."""
    folder = tmp_path_factory.mktemp("data")
    home = folder / "speech" / "ravdess"
    home.mkdir(parents=True)
    for actor in (1, 2, 4, 8, 10, 11, 20, 21):
        for emotion, seconds in ((3, 0.5), (4, 2.5), (5, 2.4)):
            for take in (1, 2):
                name = f"03-01-{emotion:02}-01-01-{take:02}-{actor:02}.wav"
                write_wav(home / name, breath(seconds, 10 * actor + take))
    return folder


@pytest.fixture(scope="module")
def moods(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingReport:
    """S1's two moods."""
    options = told("happy, sad", epochs=25, batch_size=4, learning_rate=0.1)
    return train_architecture("audio", actors, tmp_path_factory.mktemp("moods"), options)


def test_only_clips_of_the_set_are_trained_on_and_tested(moods: TrainingReport) -> None:
    assert moods.n_train == 7 * 4
    (figures,) = moods.measures.values()
    assert figures["classes"] == ("happy", "sad")
    assert figures["n"] == 8 * 4
    assert figures["accuracy"] > 0.9
    network, config = load_trained("audio", moods.weights)
    assert config["classes"] == ["happy", "sad"]
    assert config["parameters"] == {}
    assert network.head.out_features == 2
    assert moods.card is not None
    assert "2 classes apart: happy, sad" in moods.card.read_text()
    assert "--set 'classes=happy, sad'" in moods.card.read_text()


def test_a_set_is_measured_in_the_classes_of_the_weights(
    moods: TrainingReport, tmp_path: Path
) -> None:
    rows = [("happy", 0.5), ("sad", 2.5), ("sad", 2.5), ("happy", 2.5), ("angry", 2.4)]
    with (tmp_path / "set.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label"])
        for number, (label, seconds) in enumerate(rows):
            write_wav(tmp_path / f"{number}.wav", breath(seconds, number))
            writer.writerow([f"{number}.wav", label])
    figures = evaluate_branch(
        "audio", tmp_path / "set.csv", str(moods.weights), tmp_path / "report"
    )
    assert figures["classes"] == ("happy", "sad")
    assert figures["n"] == 4
    assert figures["recall"] == {"happy": 0.5, "sad": 1.0}
    assert figures["warnings"] == ["1 of 5 samples are of other classes than happy, sad; left out."]
    page = (tmp_path / "report" / "report.md").read_text()
    assert "| reference | recall | happy | sad |" in page
    with pytest.raises(SettingsError, match=r"has the classes happy, sad.* give --data"):
        evaluate_branch("audio", weights=str(moods.weights), corpora=tmp_path)


def test_a_set_of_emotions_annotates_and_the_others_get_nought(moods: TrainingReport) -> None:
    branch = load_engine("audio", "embedded", WeightSettings(audio=str(moods.weights)))
    silence = np.zeros(16_000, np.float32)
    scores = branch.score([breath(0.5, 1), breath(2.5, 2), silence])
    assert [EMOTIONS[row.argmax()] for row in scores[:2]] == ["happy", "sad"]
    absent = [EMOTIONS.index(name) for name in EMOTIONS if name not in ("happy", "sad")]
    assert not scores[:2, absent].any()
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(scores[2], 1 / 7, rtol=1e-5)  # nobody speaks: nothing is known
    fused = load_engine("fusion", "embedded", WeightSettings()).fuse(
        {"audio": scores, "text": np.full((3, 7), 1 / 7, np.float32)}
    )
    assert np.isfinite(fused).all()


def test_labels_beside_the_seven_go_to_the_nearest() -> None:
    nearest = {
        "excitement": "happy",
        "frustration": "angry",
        "calm": "neutral",
        "boredom": "neutral",
        "Joyful": "happy",
        "no emotion": "neutral",
        "positive": None,
    }
    assert {name: emotion_of_class(name) for name in nearest} == nearest
    # happy and excitement are both joy: their probabilities add up
    scores = np.array([[0.5, 0.25, 0.25]]) @ emotion_matrix(("happy", "excitement", "sad"))
    assert scores[0, EMOTIONS.index("happy")] == 0.75


def test_frustration_and_excitement_of_conversations_are_learned(tmp_path: Path) -> None:
    write_iemocap(tmp_path / "data" / "speech")
    options = told("neutral,frustration,anger,excitement", corpora=("iemocap",), epochs=1)
    material = read_material("audio", tmp_path / "data", options)
    names = [material.classes[label] for label in material.labels[:4]]
    assert sorted(names) == ["anger", "excitement", "frustration", "neutral"]
    assert len(material.labels) == 5 * 4  # without "no agreement"
    (protocol,) = material.protocols.values()
    assert [len(test) for _, _, test in protocol.folds] == [4] * 5
    report = train_architecture("audio", tmp_path / "data", tmp_path / "out", options)
    (figures,) = report.measures.values()
    assert set(figures["recall"]) == {"neutral", "frustration", "anger", "excitement"}
    branch = load_engine("audio", "embedded", WeightSettings(audio=str(report.weights)))
    scores = branch.score([breath(1.0, 0)])
    shown = {EMOTIONS[column] for column in np.flatnonzero(scores[0])}
    assert shown <= {"neutral", "happy", "angry"}
    assert scores.sum() == pytest.approx(1.0, abs=1e-5)


def test_good_and_bad_reviews_are_evaluated_and_refused_to_annotate(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for folder, word in (("pos", "wonderful"), ("neg", "dull")):
            home = tmp_path / "text" / "imdb" / "aclImdb" / split / folder
            home.mkdir(parents=True)
            for number in range(60):
                words = f"a {word} film of {split} number {number}"
                (home / f"{number}_1.txt").write_text(words)
    options = told(
        "positive,negative",
        architecture="tfidf-mlp",
        corpora=("imdb",),
        epochs=20,
        batch_size=16,
        learning_rate=0.01,
    )
    report = train_architecture("text", tmp_path, tmp_path / "out", options)
    assert report.measures["imdb test"]["classes"] == ("positive", "negative")
    assert report.measures["imdb test"]["accuracy"] == 1.0
    assert 0.8 * 120 < report.n_train < 120  # a tenth calibrates: the corpus has no dev part
    (tmp_path / "set.csv").write_text(
        "text,label,language\nso dull,negative,en\nwonderful,positive,en\n"
    )
    figures = evaluate_branch("text", tmp_path / "set.csv", str(report.weights))
    assert figures["recall"] == {"positive": 1.0, "negative": 1.0}
    with pytest.raises(WeightsError, match=r"cannot annotate.*positive is near none of the seven"):
        load_engine("text", "embedded", WeightSettings(text=str(report.weights)))


def test_an_unknown_class_and_no_set_are_one_sentence(actors: Path, tmp_path: Path) -> None:
    def refused(classes: str, match: str) -> None:
        with pytest.raises(SettingsError, match=match):
            train_architecture("audio", actors, tmp_path, told(classes))

    refused("happy,angri", "No sample of ravdess has the class 'angri'; did you mean 'angry'")
    refused("happy", "no set of classes; name two or more")
    refused("happy,sad,happy", "each once")
    with pytest.raises(SettingsError, match="needs --architecture"):
        train("audio", actors, tmp_path, parameters={"classes": "happy,sad"})
    with pytest.raises(SettingsError, match="has no parameter 'classes'"):
        train(
            "fusion",
            actors,
            tmp_path,
            architecture="probability-mlp",
            parameters={"classes": "happy,sad"},
        )


def test_a_file_without_classes_is_refused(moods: TrainingReport, tmp_path: Path) -> None:
    state, config = load_weights(moods.weights)
    save_weights(tmp_path / "audio.safetensors", state, config | {"classes": []})
    with pytest.raises(WeightsError, match="holds no audio network with its classes"):
        load_trained("audio", tmp_path / "audio.safetensors")


def test_a_clip_is_of_its_label_first_then_of_its_emotion() -> None:
    def clip(label: str, emotion: str | None) -> LabelledClip:
        return LabelledClip.model_validate(
            {"corpus": "x", "text": "", "label": label, "emotion": emotion, "speaker": "a"}
        )

    moods = read_classes("happy,Excitement, anger")
    assert moods == ("happy", "excitement", "anger")
    assert class_of(clip("excitement", "happy"), moods) == "excitement"
    assert class_of(clip("happiness", "happy"), moods) == "happy"
    assert class_of(clip("angry", "angry"), moods) == "anger"  # the same by another word
    assert class_of(clip("frustration", None), moods) is None
    assert class_of(clip("calm", "neutral"), moods) is None
    assert read_classes(None) == EMOTIONS


@pytest.mark.needs_shared
def test_stills_of_other_emotions_are_left_out(shared: Path) -> None:
    options = told("sadness,happy", architecture="resnet18-transformer", limit=40)
    material = read_material("video", shared / "data", options)
    assert material.classes == ("sadness", "happy")
    assert set(material.labels.tolist()) == {0, 1}
    assert len(material.train) == len(material.validation) == 40
    with pytest.raises(SettingsError, match="No sample of fer2013 has the class 'bored'"):
        read_material("video", shared / "data", told("happy,bored", limit=40))


def test_folders_of_ones_own_classes_are_samples(tmp_path: Path) -> None:
    for name in ("positive", "negative"):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / "1.txt").write_text("Well.")
    clips = read_labelled_folder(tmp_path / "set", ("positive", "negative"))
    assert [(clip.label, clip.emotion) for clip in clips] == [
        ("negative", None),
        ("positive", None),
    ]
    with pytest.raises(SettingsError, match="no folder named by a class"):
        read_labelled_folder(tmp_path / "set")
