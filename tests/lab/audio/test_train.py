"""Training the audio network by one call, on a handful of real clips."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from lab.audio.material import gather
from lab.audio.measure import measure_audio
from lab.audio.recipe import blended, starting_encoder
from lab.audio.sounds import Sounds, VoiceBatches, class_weights, clip_weights
from lab.audio.train import train_audio
from lab.corpora.speech import read_corpus, stem
from lab.measures.fingerprints import trained_on
from lab.training.options import TrainingOptions, TrainingReport
from models.audio.embedded import EmbeddedAudioBranch
from models.audio.network import AudioEmotionNetwork
from models.checkpoint import load_weights
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from schemas.settings import WeightSettings
from tests.material.corpora import write_sounds
from tests.material.encoders import SMALL, small_start


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small_start(tmp_path_factory.mktemp("start")) as folder:
        yield folder


def options(start: Path | None, **more: object) -> TrainingOptions:
    given = {"start": start, "limit": 5, "corpora": ("ravdess", "emodb"), "threads": 1, **more}
    return TrainingOptions.model_validate(given)


@pytest.fixture(scope="module")
def trained(shared: Path, start: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingReport:
    out = tmp_path_factory.mktemp("voice")
    return train_audio(shared / "data", out, options(start, epochs=1, batch_size=8))


@pytest.mark.slow
@pytest.mark.needs_shared
def test_it_makes_weights_that_the_branch_loads(trained: TrainingReport) -> None:
    branch = EmbeddedAudioBranch(WeightSettings(audio=str(trained.weights), device="cpu"))
    scores = branch.score([np.random.default_rng(0).standard_normal(16_000).astype(np.float32)])
    assert scores.shape == (1, len(EMOTIONS))
    assert {name.split("/")[0] for name in branch.unseen_speakers} == {"ravdess", "emodb"}
    card = (trained.weights.parent / "audio.md").read_text()
    assert all(f"{person}" in card for person in branch.unseen_speakers)
    assert f"Trained on {trained.n_train} samples" in card
    assert "| ravdess, six folds, opus-24k | 5 |" in card


@pytest.mark.slow
@pytest.mark.needs_shared
def test_gradients_reach_the_encoder_and_leave_curves(trained: TrainingReport, start: Path) -> None:
    state, config = load_weights(trained.weights)
    before = starting_encoder(start)
    name = "layers.1.fc2.bias"
    assert not np.allclose(state[f"encoder.{name}"].numpy(), before[name].numpy(), atol=1e-6)
    assert config["epochs"] == 1
    assert len(trained_on(trained.weights, config)) == trained.n_train
    branch = EmbeddedAudioBranch(WeightSettings(audio=str(trained.weights), device="cpu"))
    assert branch.untouched_encoder() is None
    assert list(trained.weights.parent.rglob("events.out.tfevents*"))


@pytest.mark.slow
@pytest.mark.needs_shared
def test_its_figures_are_of_every_clip_by_a_fold_that_never_heard_its_speaker(
    trained: TrainingReport,
) -> None:
    figures = trained.measures["ravdess, six folds"]
    assert figures["n"] == 5
    assert 0 <= figures["uar"] <= 1
    assert {"ravdess, six folds, opus-24k", "ravdess, six folds, babble-10db"} <= set(
        trained.measures
    )
    eight = trained.measures["ravdess, five subject-wise folds, eight classes"]
    assert eight["classes"][-1] == "calm"
    assert len(eight["folds"]) <= 5
    with np.load(trained.weights.parent / "folds" / "ravdess.npz") as folds:
        np.testing.assert_allclose(folds["scores"].sum(axis=1), 1, atol=1e-5)
        by_speaker = {}
        for speaker, fold in zip(folds["speaker"], folds["fold"], strict=True):
            assert by_speaker.setdefault(speaker, fold) == fold


@pytest.mark.slow
@pytest.mark.needs_shared
def test_without_epochs_the_encoder_stays_and_the_head_learns(
    shared: Path, start: Path, tmp_path: Path
) -> None:
    report = train_audio(shared / "data", tmp_path, options(start, epochs=0, folds=False))
    state, config = load_weights(report.weights)
    before = starting_encoder(start)
    bias = "layers.1.fc2.bias"
    np.testing.assert_allclose(state[f"encoder.{bias}"].numpy(), before[bias].numpy(), atol=1e-6)
    assert float(state["head.weight"].abs().max()) > 0
    assert {name.split(",")[0] for name in report.measures} == {"ravdess", "emodb"}
    assert config["temperature_of"] == "corpora left out"
    assert "| emodb, left out |" in (tmp_path / "left-out.md").read_text()
    assert len(config["neutral_reference"]) == 7
    branch = EmbeddedAudioBranch(WeightSettings(audio=str(report.weights), device="cpu"))
    found = measure_audio(branch, shared / "data", options(None, limit=12))
    assert found["speakers not trained on"].n > 0
    # the encoder has heard nobody here, so its folds can be run without the starting weights
    assert found["ravdess, its folds, head alone"].n == 12
    assert found["emodb, never trained on, head alone"].n > 5
    assert found["ravdess, eight classes, head alone"].classes[7] == "calm"


def test_damaged_recordings_are_left_out_and_counted(tmp_path: Path) -> None:
    write_sounds(tmp_path / "emodb", ("03a01Wa", "03a03Wa", "03a04Fa"))
    (tmp_path / "emodb" / "03a02Wa.wav").write_bytes(b"RIFF and no more")
    clips = read_corpus(tmp_path, "emodb")
    network = AudioEmotionNetwork(SMALL, 0.0).eval()
    material = gather(network, clips, [], torch.device("cpu"), seed=0)
    (sentence,) = material.warnings
    assert sentence.startswith("1 of 4 clips cannot be read and are left out; the first: ")
    assert "03a02Wa.wav" in sentence
    assert [stem(clip.source or "") for clip in material.clips] == ["03a01Wa", "03a03Wa", "03a04Fa"]
    np.testing.assert_array_equal(material.of(material.clips), [0, 1, 2])
    # two are angry, one is happy, one made without a voice belongs to no class
    assert material.sounds.targets.argmax(axis=1)[:3].tolist() == [3, 3, 1]
    assert {len(take) for take in material.takes} == {len(material.sounds)} == {4}


def test_missing_starting_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"encoder\.safetensors is not there.*--start"):
        starting_encoder(tmp_path)


def test_each_class_counts_alike_and_no_voice_counts_as_a_clip() -> None:
    targets = np.eye(8, dtype=np.float32)[[0, 0, 0, 1]]
    targets = np.concatenate([targets, np.full((1, 8), 1 / 8, np.float32)])
    weights = class_weights(targets)
    found = clip_weights(targets, weights)
    assert found[:3].sum() == pytest.approx(found[3])
    assert found[4] == 1.0
    assert found[:4].mean() == pytest.approx(1.0)


def test_batches_are_of_one_length_drawn_anew() -> None:
    random = np.random.default_rng(0)
    samples = [random.standard_normal(64_000).astype(np.float16) for _ in range(4)]
    sounds = Sounds(samples, np.eye(8, dtype=np.float32)[:4])
    ones = np.ones(8, np.float32)
    batches = VoiceBatches(sounds, ones, (1.0, 2.0), 0.5, np.random.default_rng(1))
    items = [{"row": row} for row in range(4)]
    first, second = batches(items), batches(items)
    assert first["mel"].shape[:2] == (4, 80)
    assert 100 <= first["mel"].shape[2] <= 201
    assert first["mel"].shape != second["mel"].shape
    assert first["targets"].shape == (4, 8)
    assert int(first["n_frames"].min()) > 0.9 * first["mel"].shape[2]


def test_fine_tuning_is_blended_with_what_was_before() -> None:
    before = {"w": torch.zeros(2), "n": torch.tensor(1)}
    after = {"w": torch.ones(2), "n": torch.tensor(5)}
    blend = blended(before, after)
    assert 0.5 < float(blend["w"][0]) < 1
    assert int(blend["n"]) == 5


@pytest.mark.slow
@pytest.mark.needs_shared
def test_a_training_that_goes_on_does_not_train_finished_folds_again(
    shared: Path, start: Path, tmp_path: Path
) -> None:
    asked = options(start, epochs=0, limit=6, corpora=("ravdess",))
    first = train_audio(shared / "data", tmp_path, asked)
    kept = tmp_path / "ravdess-0" / "logits.npz"
    written = kept.stat().st_mtime_ns
    again = train_audio(shared / "data", tmp_path, asked.model_copy(update={"resume": True}))
    assert kept.stat().st_mtime_ns == written
    assert again.measures == first.measures
