"""Train the voice network: a head on Whisper's encoder, where asked for both, then calibrate.

What ships is trained on all speakers but those that calibrate it. How good it is on unseen
speakers is measured apart, by cross-validation of the same recipe.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.audio.embedded import voice_logits
from models.checkpoint import save_weights
from models.precision import choose_device
from schemas.corpus import LabelledClip, Split
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from tasks.corpora.speech import read_speech
from tasks.corpora.splits import held_out_speakers, trainable
from tasks.evaluation import fit_temperature
from tasks.training.fitting import FittingPlan, fit
from tasks.training.options import TrainingOptions, TrainingReport
from tasks.training.voice_data import (
    Sounds,
    VoiceBatches,
    class_weights,
    classes_of,
)
from tasks.training.voice_folds import Logits, corpus_splits, run_folds
from tasks.training.voice_material import Material, gather
from tasks.training.voice_probe import fit_head

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.audio.network import VoiceNetwork

PLAN = FittingPlan(epochs=0, batch_size=32, learning_rate=7e-5, weight_decay=0.05)
"""Fine-tuning after the head is fitted; `--epochs 2` turns it on.

Two epochs over all corpora left the calibration speakers' UAR where it was (.774 and .773), in
rooms and on short pieces too, and the frozen encoder's folds can be run anew in minutes.
"""

REPORTED_MEETINGS = frozenset({"dev00", "trn04", "trn06", "trn09"})
"""AMI clips that figures are reported on."""

_PIECES_PER_MEETING = 10
_CROP_SECONDS = (1.8, 3.0)
_MEETING_SHARE = 0.3
_SMOOTHING = 0.1


@dataclass(frozen=True)
class Recipe:
    """How one voice network is made from a starting encoder and shared material."""

    start: dict[str, "Tensor"]
    material: Material
    plan: FittingPlan
    out: Path

    def make(self, clips: Sequence[LabelledClip], name: str) -> "VoiceNetwork":
        """Train on clips that have an emotion; checkpoints go under `out/name`."""
        import torch

        torch.manual_seed(self.plan.seed)
        rows = self.material.for_training(clips)
        sounds = self.material.chosen(rows)
        network = new_network(self.start)
        fit_head(network, [take[rows] for take in self.material.takes], sounds.targets)
        fine_tune(network, sounds, self.plan, self.out / name)
        return network.eval()

    def logits(self, network: "VoiceNetwork", clips: Sequence[LabelledClip]) -> Logits:
        """Judge clips as the branch does, before calibration."""
        device = choose_device(self.plan.device)
        return voice_logits(network.to(device), self.material.heard(clips), device)

    def fit_fold(self, split: Split, number: int) -> tuple[Logits, Logits]:
        """Train on one fold; logits of its validation and test speakers."""
        network = self.make(split.train, f"fold-{split.test[0].corpus}-{number}")
        return self.logits(network, split.validation), self.logits(network, split.test)


def train_audio(data: Path, out: Path, options: TrainingOptions) -> TrainingReport:
    """Train on `data/speech` and `data/meeting`; write `audio.safetensors` and figures to `out`.

    `options.start` names the folder with Whisper tiny.en's `encoder.safetensors`; with
    `epochs` above 0 the encoder is fine-tuned too. One speaker in eight sets the temperature,
    and is not trained on. Raises `SettingsError` where corpora or starting weights are missing.
    """
    import torch

    began = time.perf_counter()
    torch.set_num_threads(options.threads or torch.get_num_threads())
    clips = limited(read_speech(data / "speech", options.corpora), options.limit, options.seed)
    clips = tuple(clip for clip in clips if clip.emotion)
    start, plan = starting_encoder(options.start), PLAN.told(options)
    meetings = meeting_recordings(data, options.limit)
    material = gather(new_network(start), clips, meetings, choose_device(plan.device), plan.seed)
    recipe = Recipe(start, material, plan, out)
    train, calibration = map(trainable, held_out_speakers(clips, share=8, seed=plan.seed))
    network = recipe.make(train, "shipped")
    temperature = fit_temperature(classes_of(calibration), recipe.logits(network, calibration))
    weights = out / "audio.safetensors"
    save_weights(weights, network.state_dict(), _config(recipe, temperature, train, calibration))
    return TrainingReport(
        branch="audio",
        weights=weights,
        n_train=len(train),
        seconds=time.perf_counter() - began,
        measures=_cross_validate(recipe, clips, out) if options.folds else {},
    )


def meeting_recordings(data: Path, limit: int | None = None) -> list[Path]:
    """Recordings of meetings to train on: those on which nothing here is ever reported.

    `limit` keeps about that many pieces of three seconds.
    """
    found = [path for path in sorted((data / "meeting").glob("*.flac")) if _may_be_learned(path)]
    if not found:
        raise SettingsError(
            f"The voice network learns from {data / 'meeting'}, which has no sound."
        )
    return found if limit is None else found[: -(-limit // _PIECES_PER_MEETING)]


def _may_be_learned(recording: Path) -> bool:
    return recording.stem.split("_")[0] not in REPORTED_MEETINGS


def starting_encoder(folder: Path | None) -> dict[str, "Tensor"]:
    """Read `encoder.safetensors` of Whisper's size tiny, as float32."""
    from safetensors.torch import load_file

    path = (folder or Path()) / "encoder.safetensors"
    if folder is None or not path.is_file():
        raise SettingsError(
            f"The voice network starts from Whisper tiny.en's encoder, and {path} is not there: "
            "name the folder that holds it with --start."
        )
    return {name: tensor.float() for name, tensor in load_file(str(path)).items()}


def new_network(start: dict[str, "Tensor"], n_classes: int = len(EMOTIONS)) -> "VoiceNetwork":
    """A voice network with the starting encoder and an empty head."""
    from models.audio.network import WHISPER_TINY, VoiceNetwork

    shape = WHISPER_TINY.copy()
    shape["n_classes"] = n_classes
    network = VoiceNetwork(shape)
    network.encoder.load_state_dict(start)
    return network.eval()


def limited(
    clips: Sequence[LabelledClip], limit: int | None, seed: int
) -> tuple[LabelledClip, ...]:
    """Keep at most `limit` clips of each corpus, drawn at random."""
    if limit is None:
        return tuple(clips)
    random = np.random.default_rng(seed)
    chosen: list[LabelledClip] = []
    for corpus in sorted({clip.corpus for clip in clips}):
        own = [clip for clip in clips if clip.corpus == corpus]
        chosen += [own[row] for row in sorted(random.permutation(len(own))[:limit])]
    return tuple(chosen)


def fine_tune(network: "VoiceNetwork", sounds: Sounds, plan: FittingPlan, out: Path) -> None:
    """Fit encoder and head together; the network's weights change in place."""
    random = np.random.default_rng(plan.seed)
    weights = class_weights(sounds.targets)
    batches = VoiceBatches(sounds, weights, _CROP_SECONDS, _MEETING_SHARE, random)
    network.encoder.embed_positions.requires_grad_(False)
    fit(_task(network), [{"row": row} for row in range(len(sounds))], batches, plan, out)


def _task(network: "VoiceNetwork") -> "nn.Module":
    """The network with its loss: weighted cross-entropy to smoothed targets."""
    from torch import nn

    class VoiceTask(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def train(self, mode: bool = True) -> "VoiceTask":
            super().train(mode)
            # rooms and crops shift the statistics; the head was fitted to those of whole clips
            self.network.norm.eval()
            return self

        def forward(
            self, mel: "Tensor", n_frames: "Tensor", targets: "Tensor", weights: "Tensor"
        ) -> dict[str, Any]:
            smoothed = targets * (1 - _SMOOTHING) + _SMOOTHING / targets.shape[1]
            surprise = -self.network(mel, n_frames).log_softmax(dim=1)
            return {"loss": ((smoothed * surprise).sum(dim=1) * weights).mean()}

    return VoiceTask()


def _config(
    recipe: Recipe,
    temperature: float,
    train: Sequence[LabelledClip],
    calibration: Sequence[LabelledClip],
) -> dict[str, Any]:
    from models.audio.network import WHISPER_TINY

    return {
        "classes": EMOTIONS,
        "shape": WHISPER_TINY,
        "temperature": round(temperature, 4),
        "corpora": sorted({clip.corpus for clip in train}),
        "calibration_speakers": sorted({f"{c.corpus}/{c.speaker}" for c in calibration}),
        "n_train": len(train),
        "epochs": recipe.plan.epochs,
        "seed": recipe.plan.seed,
    }


def _cross_validate(
    recipe: Recipe, clips: Sequence[LabelledClip], out: Path
) -> dict[str, dict[str, Any]]:
    """RAVDESS's six folds with the recipe of the shipped network; scores go to `out/folds`."""
    splits = corpus_splits(clips, "ravdess", joined=False, seed=recipe.plan.seed)
    found = run_folds(splits, recipe.fit_fold)
    found.save(out / "folds" / "ravdess.npz")
    figures = found.measures().model_dump()
    return {"ravdess, six folds": figures | {"fold_uars": found.fold_uars()}}
