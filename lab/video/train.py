"""Train the video network: stills first, then sequences made from stills.

There are no labelled videos of meetings to train on. The frame encoder learns from FER2013's
stills, seen as a meeting's camera would see them; the temporal part learns from sequences made
of the same stills: one face drifting at random, mixed with other faces of its label, neutral
ones and frames without a face. So it knows how to weigh frames, and nothing of how real faces
move: the card says so.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lab.corpora.duplicates import twins
from lab.corpora.faces import LabelledFaces, read_fer2013
from lab.measures import Measures, fit_temperature, measure
from lab.measures.baseline import reference_config
from lab.measures.fingerprints import fingerprint_of_pictures, store_fingerprints
from lab.training.card import Made, Source, choices_of, count_parameters, with_card
from lab.training.fitting import Batch, FittingPlan, fit
from lab.training.options import TrainingOptions, TrainingReport
from lab.training.progress import say
from lab.video.augmentation import draw_no_face, draw_shot, take
from lab.video.sequences import SAMPLING, fit_sequences, make_sequences, walk
from models.checkpoint import save_weights
from models.protocols import EmotionBranch, FaceSequence
from models.scores import softmax
from schemas.emotions import EMOTIONS
from schemas.values import Json

if TYPE_CHECKING:
    import torch

    from models.video.network import VideoEmotionNetwork

STILLS = FittingPlan(
    epochs=30, batch_size=128, learning_rate=0.1, weight_decay=5e-4, optimizer="sgd"
)
SEQUENCES = FittingPlan(epochs=3, batch_size=128, learning_rate=5e-4, weight_decay=1e-2)

_VOTES_SHARE = 0.35
"""Share of FERPlus' votes in a target; FER2013's own label has the rest. Both are noisy."""

_LEARNED_PIXELS = 40
"""Stills are learned from windows of this size and judged whole: cheaper, and objects look larger
at training than at test otherwise (Touvron et al. 2019, "Fixing the train-test resolution
discrepancy")."""

_NO_FACE_SHARE = 0.02
_RARE_CLASS_POWER = 0.1
_SEQUENCES_OWN = {"epochs": None, "batch_size": None, "learning_rate": None, "weight_decay": None}
"""The user's epochs and rates are those of the stills, where the work is."""

_TEST_WALK = 8


def train_video(data: Path, out: Path, options: TrainingOptions) -> TrainingReport:
    """Train on `data/face/fer2013.parquet`; write `video.safetensors` and its figures to `out`.

    Calibration is fitted on PublicTest; the figures are PrivateTest's.
    """
    import torch

    from models.video.network import VideoEmotionNetwork, VideoEmotionNetworkShape

    began = time.perf_counter()
    torch.manual_seed(options.seed)
    table = data / "face" / "fer2013.parquet"
    faces = _limited(read_training_faces(table), options)
    network = VideoEmotionNetwork(VideoEmotionNetworkShape())
    say(f"Training on {len(faces)} stills, then on sequences of them.")
    whole = STILLS.told(options)
    fit_stills(network, faces, out / "stills", whole)
    sequences = make_sequences(network, faces, targets_of(faces), options.seed)
    of_this_part = options.model_copy(update=_SEQUENCES_OWN)
    last = SEQUENCES.told(of_this_part)
    fit_sequences(network, sequences, out / "sequences", last)
    public = _limited(read_calibration_faces(table), options)
    weights = _save(network, faces, public, out / "video.safetensors")
    measures = _measure_weights(weights, data, options)
    report = TrainingReport(
        branch="video",
        weights=weights,
        n_train=len(faces),
        seconds=time.perf_counter() - began,
        measures={name: figures.model_dump() for name, figures in measures.items()},
    )
    made = _made(network, report, len(public), {"stills": whole, "sequences": last})
    return with_card(report, made, options)


def _made(
    network: "VideoEmotionNetwork",
    report: TrainingReport,
    n_calibrated: int,
    plans: Mapping[str, FittingPlan],
) -> Made:
    return Made(
        what=f"ResNet18 on gray crops of {network.shape.crop} pixels, a transformer over time with "
        "a padding mask, masked mean, linear head; from random weights.",
        n_parameters=count_parameters(network),
        classes=EMOTIONS,
        sources=[Source("fer2013", "", report.n_train, n_calibrated)],
        calibration="One temperature was fitted to stills and drifting sequences of PublicTest.",
        plans={stage: choices_of(plan) for stage, plan in plans.items()},
        notes=[
            "FER2013 names no persons: whether somebody who is tested was trained on is unknown. "
            "The part that looks over time saw only sequences made from these stills, no moving "
            "and no speaking face.",
        ],
    )


def read_training_faces(table: Path) -> LabelledFaces:
    """Read FER2013's Training part without photographs that stand in one of its tests, too."""
    faces = read_fer2013(table, "Training")
    tested = [read_fer2013(table, usage).images for usage in ("PublicTest", "PrivateTest")]
    return faces.take(np.flatnonzero(~twins(faces.images, np.concatenate(tested))))


def read_calibration_faces(table: Path) -> LabelledFaces:
    """Read FER2013's PublicTest without photographs that stand in its Training part, too."""
    faces = read_fer2013(table, "PublicTest")
    return faces.take(np.flatnonzero(~twins(faces.images, read_fer2013(table, "Training").images)))


def _limited(faces: LabelledFaces, options: TrainingOptions) -> LabelledFaces:
    if options.limit is None or options.limit >= len(faces):
        return faces
    rows = np.random.default_rng(options.seed).permutation(len(faces))[: options.limit]
    return faces.take(np.sort(rows))


def targets_of(faces: LabelledFaces) -> NDArray[np.float32]:
    """Soft targets (n, 7): the votes of FERPlus mixed with FER2013's label, alone without votes."""
    own = np.eye(len(EMOTIONS), dtype=np.float32)[faces.labels]
    voted = faces.votes.sum(axis=1, keepdims=True) > 0
    return np.where(voted, _VOTES_SHARE * faces.votes + (1 - _VOTES_SHARE) * own, own)


@dataclass
class StillShots:
    """Stills as a camera sees them, drawn anew at each look; some are no face at all."""

    faces: LabelledFaces
    targets: NDArray[np.float32]
    random: np.random.Generator

    def __len__(self) -> int:
        return round(len(self.faces) * (1 + _NO_FACE_SHARE))

    def __getitem__(self, row: int) -> Batch:
        if row >= len(self.faces):
            uniform = np.full(len(EMOTIONS), 1 / len(EMOTIONS), dtype=np.float32)
            size = self.faces.images.shape[1]
            return {"crops": self._window(draw_no_face(self.random, size)), "targets": uniform}
        shot = take(self.faces.images[row], draw_shot(self.random), self.random)
        return {"crops": self._window(shot), "targets": self.targets[row]}

    def _window(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        spare = max(0, image.shape[0] - _LEARNED_PIXELS)
        top, left = self.random.integers(spare + 1, size=2)
        return image[top : top + _LEARNED_PIXELS, left : left + _LEARNED_PIXELS]


def stack(batch: list[Batch]) -> Batch:
    """Stack the arrays of samples of equal shape into tensors."""
    import torch

    return {key: torch.from_numpy(np.stack([row[key] for row in batch])) for key in batch[0]}


def soft_loss(
    logits: "torch.Tensor", targets: "torch.Tensor", class_weights: "torch.Tensor"
) -> "torch.Tensor":
    """Cross-entropy of soft targets, each sample weighted by the classes of its target."""
    each = -(targets * logits.float().log_softmax(dim=-1)).sum(dim=-1)
    weight = targets @ class_weights
    return (each * weight).sum() / weight.sum()


def rare_class_weights(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights (7,) that grow as classes get rare, with mean one over the samples."""
    share = targets.mean(axis=0).clip(min=1e-4)
    weights = share**-_RARE_CLASS_POWER
    normal: NDArray[np.float32] = (weights / (share * weights).sum()).astype(np.float32)
    return normal


def fit_stills(
    network: "VideoEmotionNetwork",
    faces: LabelledFaces,
    out: Path,
    plan: FittingPlan,
) -> None:
    """Fit the frame encoder and the head on single stills."""
    import torch

    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    targets = targets_of(faces)
    weights = torch.from_numpy(rare_class_weights(targets))

    class Objective(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network
            for parameter in [*network.temporal.parameters(), network.position_scale]:
                parameter.requires_grad = False

        def forward(self, crops: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
            return {
                "loss": soft_loss(
                    self.network.judge_frames(crops), targets, weights.to(targets.device)
                )
            }

    shots = StillShots(faces, targets, np.random.default_rng(plan.seed))
    fit(Objective(), shots, stack, plan, out)


def as_stills(faces: LabelledFaces) -> list[FaceSequence]:
    """Each still as a sequence of one crop."""
    nought = np.zeros(1, dtype=np.float32)
    return [FaceSequence(image[np.newaxis], nought) for image in faces.images]


def as_walks(faces: LabelledFaces, seed: int) -> list[FaceSequence]:
    """Each still as a drifting sequence of a meeting's camera."""
    random = np.random.default_rng(seed)
    times = (SAMPLING * np.arange(_TEST_WALK)).astype(np.float32)
    return [FaceSequence(walk(image, _TEST_WALK, random), times) for image in faces.images]


def _calibration(network: "VideoEmotionNetwork", faces: LabelledFaces) -> Json:
    """Fit what the header says of calibration on stills and walks together."""
    import torch

    from models.video.embedded import face_logits

    samples = as_stills(faces) + as_walks(faces, seed=1)
    device = next(network.parameters()).device
    logits = np.concatenate(
        [
            face_logits(network, samples[start : start + 64], torch.device(device))
            for start in range(0, len(samples), 64)
        ]
    )
    labels = np.tile(faces.labels, 2).tolist()
    temperature = fit_temperature(labels, logits)
    scores = softmax(logits / np.float32(temperature))
    return {
        "temperature": temperature,
        "neutral_reference": reference_config(labels, scores),
    }


def _save(
    network: "VideoEmotionNetwork", trained: LabelledFaces, faces: LabelledFaces, path: Path
) -> Path:
    known = store_fingerprints(path, (fingerprint_of_pictures([image]) for image in trained.images))
    config = known | {"classes": list(EMOTIONS), "shape": network.shape.as_config()}
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_weights(path, state, config | _calibration(network, faces))
    return path


def _measure_weights(weights: Path, data: Path, options: TrainingOptions) -> dict[str, Measures]:
    from models.video.embedded import EmbeddedVideoBranch
    from schemas.settings import WeightSettings

    branch = EmbeddedVideoBranch(WeightSettings(video=str(weights), device=options.device))
    return measure_video(branch, data, options)


def measure_video(
    branch: EmotionBranch[FaceSequence], data: Path, options: TrainingOptions
) -> dict[str, Measures]:
    """Measure a video branch on FER2013's PrivateTest: its labels, FERPlus' majority, and walks.

    One picture in six of that part is a photograph of the training part, too; the second protocol
    leaves those out. FER2013 names no persons: whether one of its training faces is of the same
    person is unknown.
    """
    table = data / "face" / "fer2013.parquet"
    faces = _limited(read_fer2013(table, "PrivateTest"), options)
    scores = branch.score(as_stills(faces))
    voted = np.flatnonzero(faces.votes.sum(axis=1) > 0)
    new = np.flatnonzero(~twins(faces.images, read_fer2013(table, "Training").images))
    return {
        "fer2013 PrivateTest": measure(faces.labels.tolist(), scores),
        "fer2013 PrivateTest without photographs of the training part": measure(
            faces.labels[new].tolist(), scores[new]
        ),
        "ferplus PrivateTest": measure(faces.votes[voted].argmax(axis=1).tolist(), scores[voted]),
        "fer2013 PrivateTest as drifting sequences": measure(
            faces.labels.tolist(), branch.score(as_walks(faces, seed=2))
        ),
    }
