"""Branches that are trained as one learn from clips with all of them, are judged, and annotate."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from flows.cli.app import app
from flows.evaluate import evaluate_branch
from flows.keys import stage_keys
from flows.train import train
from models.architectures.joint import JointNetwork
from models.architectures.joint_fusion import TrainedJointFusion, parts_of
from models.protocols import TextSample
from models.registry import load_engine
from schemas.dataset import open_dataset
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from schemas.policy import Policy
from schemas.settings import WeightSettings, load_settings
from schemas.tables import Row
from tests.flows.conftest import SYNTHETIC
from tests.lab.training.test_classes import breath
from tests.lab.video.test_filmed import write_filmed_ravdess
from tests.material.annotations import recording
from tests.material.checkpoints import random_wav2vec2
from tests.material.corpora import write_iemocap, write_table
from tests.material.runs import annotate_plainly
from tests.material.sounds import write_wav

CAPTIONS = """WEBVTT

00:00.000 --> 00:04.000
<v Ana>Is there a problem with the new forms today?
"""

WORDS = "joint-mfcc-words"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sounds with their words, S1's joint network, one epoch."""
    home = tmp_path_factory.mktemp("joint")
    write_iemocap(home / "data" / "speech")
    told = {"architecture": WORDS, "corpora": ("iemocap",), "epochs": 1, "device": "cpu"}
    report = train("fusion", home / "data", home / "out", **told)
    assert report.n_train > 0
    (figures,) = report.measures.values()
    assert len(figures["folds"]) == 5
    return report.weights


def test_sounds_and_words_are_trained_as_one_and_stored_with_the_vocabulary(trained: Path) -> None:
    assert parts_of(WeightSettings(fusion=str(trained))) == ("audio", "text")
    words = json.loads(trained.with_suffix(".text.vocabulary.json").read_text())
    assert "problem" in words
    assert "joint-mfcc-words" in trained.with_suffix(".md").read_text()


def test_what_all_branches_know_is_joined_and_the_rest_pooled(trained: Path) -> None:
    fusion = load_engine("fusion", "embedded", WeightSettings(fusion=str(trained)))
    assert isinstance(fusion, TrainedJointFusion)
    sound = breath(1.0, 0)
    silence = np.zeros(16_000, dtype=np.float32)
    known = {
        "audio": fusion.represent("audio", [sound, silence, sound]),
        "text": fusion.represent("text", [TextSample("a problem", "en")] * 3),
    }
    assert np.isfinite(known["audio"]).all(axis=1).tolist() == [True, False, True]
    even = np.full((3, 7), 1 / 7, dtype=np.float32)
    surely = np.eye(7, dtype=np.float32)[[1, 1, 1]] * 0.9 + 0.1 / 7
    one, other = (
        fusion.join({"audio": even}, known),
        fusion.join({"audio": surely}, known),
    )
    np.testing.assert_allclose(one[[0, 2]], other[[0, 2]])
    np.testing.assert_allclose(other[1], surely[1], atol=1e-6)
    assert one.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(fusion.join({"audio": surely}, {}), surely, atol=1e-6)


def test_words_in_a_language_that_was_not_trained_on_are_no_words(trained: Path) -> None:
    fusion = TrainedJointFusion(WeightSettings(fusion=str(trained)))
    samples = [TextSample("ein problem", language) for language in ("de", "en-GB", None)]
    there = np.isfinite(fusion.represent("text", samples)).all(axis=1)
    assert there.tolist() == [False, True, True]


def test_classes_of_ones_own_are_trained_evaluated_and_annotate_damaged_files_left_out(
    tmp_path: Path,
) -> None:
    write_iemocap(tmp_path / "data" / "speech")
    sounds = sorted((tmp_path / "data").rglob("*.wav"))
    for number, path in enumerate(sounds):
        write_wav(path, breath(1.0, number), 16_000)
    sounds[0].write_bytes(b"no sound")
    classes = "neutral,frustration,anger,excitement"
    told = {"architecture": WORDS, "corpora": ("iemocap",), "epochs": 1, "device": "cpu"}
    choices = {"classes": classes, "width": 8}
    report = train("fusion", tmp_path / "data", tmp_path / "out", parameters=choices, **told)
    assert len(report.warnings) == 1
    rows: list[dict[str, object]] = [
        {"path": str(sounds[1]), "text": "Yeah!", "label": "excitement"},
        {"path": str(sounds[2]), "text": "Excuse me.", "label": "neutral"},
        {"path": str(sounds[3]), "text": "", "label": "anger"},
    ]
    table = write_table(tmp_path / "said.csv", rows)
    figures = evaluate_branch("fusion", table, str(report.weights))
    assert (figures["n"], figures["not_judged"]) == (2, 1)
    assert figures["classes"] == tuple(classes.split(","))
    fusion = load_engine("fusion", "embedded", WeightSettings(fusion=str(report.weights)))
    known = {
        "audio": fusion.represent("audio", [breath(1.0, 5)]),
        "text": fusion.represent("text", [TextSample("Yeah!", "en")]),
    }
    even = np.full((1, 7), 1 / 7, dtype=np.float32)
    (joined,) = fusion.join({"audio": even}, known)
    happy = fusion.score_classes(known)[0, 3]
    assert joined[EMOTIONS.index("happy")] == pytest.approx(happy, abs=1e-6)
    assert joined[EMOTIONS.index("sad")] == 0.0


def keys() -> dict[str, str]:
    settings = load_settings()
    return stage_keys(recording(), settings, Policy.decide(settings))


def annotated(home: Path, name: str) -> list[Row]:
    annotate_plainly(home / "weekly.wav", home / name)
    rows: list[Row] = open_dataset(str(home / name)).arrow("utterances").to_table().to_pylist()
    assert any(row["audio_scores"] and row["text_scores"] for row in rows), rows
    return rows


def test_it_annotates_and_its_branches_results_are_kept_apart(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TONESCRIBE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TONESCRIBE_PURPOSE", "tests")
    for job, name in (SYNTHETIC | {"FUSION": "embedded"}).items():
        monkeypatch.setenv(f"TONESCRIBE_ENGINES__{job}", name)
    write_wav(tmp_path / "weekly.wav", breath(4.0, 1), 16_000)
    (tmp_path / "weekly.vtt").write_text(CAPTIONS)
    plain = keys()
    pooled = annotated(tmp_path, "pooled")
    monkeypatch.setenv("TONESCRIBE_WEIGHTS__FUSION", str(trained))
    joint = annotated(tmp_path, "joint")
    changed = {stage for stage, key in keys().items() if plain[stage] != key}
    assert changed == {"audio", "text", "fuse"}
    assert [row["audio_scores"] for row in joint] == [row["audio_scores"] for row in pooled]
    assert [row["scores"] for row in joint] != [row["scores"] for row in pooled]


@pytest.mark.slow
def test_voice_and_face_start_from_checkpoints_and_are_measured_on_films(tmp_path: Path) -> None:
    write_filmed_ravdess(tmp_path, (1, 11, 4, 10))
    random_wav2vec2(tmp_path / "start" / "audio")
    network = ("--architecture", "joint-wav2vec2-resnet18", "--start", str(tmp_path / "start"))
    corpus = ("--corpus", "ravdess", "--data", str(tmp_path), "--out", str(tmp_path / "out"))
    plan = ("--epochs", "1", "--batch-size", "4", "--device", "cpu")
    said = CliRunner().invoke(app, ["train", "fusion", *network, *corpus, *plan])
    assert said.exit_code == 0, said.output
    (figures,) = json.loads((tmp_path / "out" / "training.json").read_text())["measures"].values()
    assert figures["n"] == 8
    films = sorted((tmp_path / "video").rglob("*.mp4"))
    rows: list[dict[str, object]] = [
        {"path": str(path), "label": "happy" if path.stem[7] == "3" else "sad"} for path in films
    ]
    table = write_table(tmp_path / "films.csv", rows)
    judged = evaluate_branch("fusion", table, str(tmp_path / "out" / "fusion.safetensors"))
    assert judged["n"] == 8


def test_padding_is_not_heard_by_any_branch(trained: Path) -> None:
    fusion = load_engine("fusion", "embedded", WeightSettings(fusion=str(trained)))
    sounds = [breath(0.6, 2), breath(2.0, 3)]
    together = fusion.represent("audio", sounds)
    for sound, row in zip(sounds, together, strict=True):
        assert np.isfinite(row).all()
        np.testing.assert_allclose(fusion.represent("audio", [sound])[0], row, atol=1e-4)


def test_what_cannot_be_joined_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="two branches or more"):
        JointNetwork(7, audio="mfcc-cnn-1d")
    with pytest.raises(SettingsError, match=r"Of the branch audio: .* starts from a checkpoint"):
        JointNetwork(7, audio="wav2vec2", video="resnet18-transformer").start_from(None)
    with pytest.raises(SettingsError, match="has no folder of starting weights named audio, text"):
        JointNetwork(7, audio="mfcc-cnn-1d", text="one-hot-mlp").start_from(str(tmp_path))
    network = JointNetwork(7, audio="vggish", text="one-hot-mlp")
    assert network.head.out_features == 7
    assert torch.is_tensor(network.join([torch.zeros(2, 512), torch.zeros(2, 64)]))
