"""A small training of the video network runs through, resumes, and leaves usable weights."""

from pathlib import Path

import numpy as np
import pytest

from lab.corpora.faces import LabelledFaces
from lab.measures.fingerprints import trained_on
from lab.training.options import TrainingOptions
from lab.video.sequences import MadeSequences, pad_vectors
from lab.video.train import StillShots, rare_class_weights, train_video
from models.checkpoint import load_weights
from models.protocols import FaceSequence
from models.video.embedded import EmbeddedVideoBranch
from schemas.settings import WeightSettings


@pytest.mark.slow
@pytest.mark.needs_shared
def test_training_leaves_weights_that_judge(shared: Path, tmp_path: Path) -> None:
    options = TrainingOptions(epochs=1, limit=16, batch_size=8, device="cpu")
    report = train_video(shared / "data", tmp_path, options)
    assert report.weights.is_file()
    card = (tmp_path / "video.md").read_text()
    assert f"| fer2013 | - | {report.n_train} | 16 |" in card
    assert "| fer2013 PrivateTest | 16 |" in card
    assert "| sequences | 3 |" in card
    assert 10 <= report.n_train <= 16
    assert report.measures["fer2013 PrivateTest"]["n"] == 16
    assert set(report.measures) == {
        "fer2013 PrivateTest",
        "fer2013 PrivateTest without photographs of the training part",
        "ferplus PrivateTest",
        "fer2013 PrivateTest as drifting sequences",
    }
    _, config = load_weights(report.weights)
    assert len(trained_on(report.weights, config)) == report.n_train
    assert list((tmp_path / "stills" / "checkpoints").glob("checkpoint-*"))
    branch = EmbeddedVideoBranch(WeightSettings(video=str(report.weights)))
    crops = np.zeros((3, 48, 48), np.uint8)
    scores = branch.score([FaceSequence(crops, np.arange(3, dtype=np.float32))])
    assert scores.sum() == pytest.approx(1.0, abs=1e-4)


def test_some_looks_at_stills_show_no_face_and_teach_doubt() -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 255, (100, 48, 48), dtype=np.uint8)
    votes = np.eye(7, dtype=np.float32)[np.zeros(100, int)]
    shots = StillShots(LabelledFaces(images, np.zeros(100, int), votes), votes, random)
    assert len(shots) == 102
    assert shots[102]["targets"] == pytest.approx(np.full(7, 1 / 7))
    assert shots[5]["targets"][0] == 1.0


def test_rare_classes_weigh_more_and_the_mean_stays_one() -> None:
    targets = np.repeat(np.eye(7, dtype=np.float32), [50, 20, 10, 10, 5, 1, 4], axis=0)
    weights = rare_class_weights(targets)
    assert weights.argmax() == 5
    assert (targets @ weights).mean() == pytest.approx(1.0)


def made(seed: int) -> MadeSequences:
    random = np.random.default_rng(seed)
    labels = np.arange(40) % 7
    return MadeSequences(
        walks=random.normal(size=(40, 6, 8)).astype(np.float32),
        targets=np.eye(7, dtype=np.float32)[labels],
        labels=labels,
        no_faces=np.zeros((5, 8), np.float32),
        random=random,
    )


def test_made_sequences_keep_their_label_and_their_times_rise() -> None:
    sequences = made(0)
    looks = [sequences[row] for row in list(range(40)) * 10]
    lengths = {len(look["vectors"]) for look in looks}
    assert min(lengths) == 1
    assert 8 < max(lengths) <= 16
    assert all((np.diff(look["times"]) > 0).all() for look in looks)
    assert all(look["targets"][row % 40 % 7] == 1.0 for row, look in enumerate(looks))


def test_padding_is_marked() -> None:
    sequences = made(1)
    batch = pad_vectors([sequences[row] for row in range(16)])
    present, vectors = batch["present"], batch["vectors"]
    assert present[:, 0].all()
    assert (vectors[~present] == 0).all()
    assert batch["times"].shape == present.shape
