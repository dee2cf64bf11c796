"""Train the audio network: a head on Whisper's encoder, then both together, then calibrate.

What ships is trained on all speakers but those that calibrate it. How good it is on unseen
speakers is measured apart, by cross-validation of the same recipe.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lab.acoustics import CONDITIONS, apply
from lab.audio.folds import (
    CLEAN,
    FoldLogits,
    Heard,
    Logits,
    corpus_splits,
    run_folds,
    unseen_corpus,
)
from lab.audio.material import Material, gather
from lab.audio.probe import INVERSE_REGULARISATION, fit_head
from lab.audio.sounds import (
    Sounds,
    VoiceBatches,
    class_weights,
    classes_of,
)
from lab.audio.strangers import (
    measures_against_baselines,
    measures_on_strangers,
    neutral_reference,
    strangers_of,
    temperature_for_strangers,
)
from lab.corpora.speech import read_speech
from lab.corpora.splits import held_out_speakers, trainable
from lab.measures import fit_temperature
from lab.training.fitting import Batch, FittingPlan, fit
from lab.training.options import TrainingOptions, TrainingReport
from models.audio.embedded import VOICE_CLASSES, merge_calm, voice_logits
from models.checkpoint import save_weights
from models.precision import choose_device
from models.protocols import Samples
from schemas.corpus import LabelledClip, Split
from schemas.errors import SettingsError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.audio.network import AudioEmotionNetwork

PLAN = FittingPlan(epochs=5, batch_size=32, learning_rate=5e-5, weight_decay=0.05)
"""Fine-tuning of the whole network after its head is fitted; `--epochs 0` leaves the encoder."""

REPORTED_MEETINGS = frozenset({"dev00", "trn04", "trn06", "trn09"})
"""AMI clips that figures are reported on."""

_PIECES_PER_MEETING = 10
_CROP_SECONDS = (1.75, 3.25)
_MEETING_SHARE = 0.15
_SMOOTHING = 0.1
_DROPOUT = 0.3

_FIRST_HEAD = 0.0007
"""Inverse regularisation of the head that fine-tuning begins from: a head that already fits every
training clip would leave the encoder nothing to learn."""

_TUNED_SHARE = 0.7
"""Chosen, as the epochs and rates, on the third of RAVDESS's six folds."""

_CROWD = 64
"""Clips that babble is made of."""

_HEARD_UNDER = tuple(CONDITIONS)

OTHERS = (3, 8, 20)
"""Other clips of a speaker that a baseline is taken from when it is measured."""


@dataclass(frozen=True)
class Recipe:
    """How one audio network is made from a starting encoder and shared material."""

    start: dict[str, "Tensor"]
    material: Material
    plan: FittingPlan
    out: Path

    def make(self, clips: Sequence[LabelledClip], name: str) -> "AudioEmotionNetwork":
        """Train on clips that have an emotion; checkpoints go under `out/name`."""
        import torch

        torch.manual_seed(self.plan.seed)
        rows = self.material.for_training(clips)
        sounds = self.material.chosen(rows)
        network = new_network(self.start)
        strength = _FIRST_HEAD if self.plan.epochs else INVERSE_REGULARISATION
        fit_head(network, [take[rows] for take in self.material.takes], sounds.targets, strength)
        before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
        fine_tune(network, sounds, self.plan, self.out / name)
        network.load_state_dict(blended(before, network.state_dict()))
        return network.eval()

    def logits(self, network: "AudioEmotionNetwork", samples: Sequence[Samples]) -> Logits:
        """Judge sounds as the branch does, before calibration."""
        device = choose_device(self.plan.device)
        return voice_logits(network.to(device), samples, device)

    def fit_folds(
        self,
        splits: Sequence[Split],
        protocol: str,
        conditions: Sequence[str],
        *,
        refit: bool = False,
    ) -> FoldLogits:
        """Train each fold and score its test speakers in all conditions.

        With `refit` the speakers who set the temperature are trained on afterwards: a second
        network, of all training speakers, is tested. A fold that an interrupted training had
        finished is not trained again by `--resume`.
        """

        def fit(split: Split, number: int) -> tuple[Logits, Heard]:
            name = f"{protocol}-{number}"
            kept = self.out / name / "logits.npz"
            if not (self.plan.resume and kept.is_file()):
                network = self.make(split.train, name)
                kept.parent.mkdir(parents=True, exist_ok=True)
                validation = self.logits(network, self._clean(split.validation))
                if refit:
                    network = self.make((*split.train, *split.validation), f"{name}-all")
                heard = self._hear(network, split, conditions) | {"validation": validation}
                np.savez(kept, allow_pickle=False, **heard)
            with np.load(kept) as found:
                return found["validation"], {name: found[name] for name in conditions}

        return run_folds(splits, fit)

    def _clean(self, clips: Sequence[LabelledClip]) -> list[Samples]:
        return self.material.heard(clips)

    def _hear(
        self, network: "AudioEmotionNetwork", split: Split, conditions: Sequence[str]
    ) -> dict[str, Logits]:
        speakers = [clip.speaker for clip in split.test]
        crowd = split.train[:: max(1, len(split.train) // _CROWD)]
        voices = (self._clean(crowd), [clip.speaker for clip in crowd])
        return {
            condition: self.logits(
                network,
                apply(condition, self._clean(split.test), speakers, self.plan.seed, voices),
            )
            for condition in conditions
        }


def blended(before: Mapping[str, "Tensor"], after: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """Interpolate between the weights before and after fine-tuning.

    After Wortsman et al. 2022, "Robust fine-tuning of zero-shot models".
    """
    import torch

    return {
        key: torch.lerp(before[key], tensor.cpu(), _TUNED_SHARE)
        if tensor.is_floating_point()
        else tensor
        for key, tensor in after.items()
    }


def train_audio(data: Path, out: Path, options: TrainingOptions) -> TrainingReport:
    """Train on `data/speech` and `data/meeting`; write `audio.safetensors` and figures to `out`.

    `options.start` names the folder with Whisper tiny.en's `encoder.safetensors`. The temperature
    is fitted on corpora that were left out, each by a network trained on the others; of a single
    corpus, on one speaker in eight. These are not trained on. Raises `SettingsError` where corpora
    or starting weights are missing.
    """
    import torch

    began = time.perf_counter()
    torch.set_num_threads(options.threads or torch.get_num_threads())
    clips = limited(read_speech(data / "speech", options.corpora), options.limit, options.seed)
    clips = tuple(clip for clip in clips if clip.emotion)
    start, plan = starting_encoder(options.start), PLAN.told(options)
    meetings = meeting_recordings(data, options.limit)
    material = gather(new_network(start), clips, meetings, choose_device(plan.device), plan.seed)
    clips = material.clips
    recipe = Recipe(start, material, plan, out)
    train, calibration = map(trainable, held_out_speakers(clips, share=8, seed=plan.seed))
    network = recipe.make(train, "shipped")
    judged = merge_calm(recipe.logits(network, material.heard(calibration)))
    left_out = leave_out(recipe, clips)
    strangers = strangers_of(left_out) if left_out else []
    temperature = (
        temperature_for_strangers(strangers)
        if strangers
        else fit_temperature(classes_of(calibration), judged)
    )
    config = _config(recipe, temperature, train, calibration) | {
        "temperature_of": "corpora left out" if strangers else "calibration speakers",
        "neutral_reference": neutral_reference(
            classes_of(calibration), judged, temperature
        ).tolist(),
    }
    weights = out / "audio.safetensors"
    save_weights(weights, network.state_dict(), config)
    measures = figures_on_strangers(left_out) if left_out else {}
    if options.folds:
        measures |= _cross_validate(recipe, clips, out)
    return TrainingReport(
        branch="audio",
        weights=weights,
        n_train=len(train),
        seconds=time.perf_counter() - began,
        measures=measures,
        warnings=material.warnings,
    )


def leave_out(recipe: Recipe, clips: Sequence[LabelledClip]) -> FoldLogits | None:
    """Judge each corpus by a network that was trained on the others alone; None of a single one."""
    corpora = sorted({clip.corpus for clip in clips})
    if len(corpora) == 1:
        return None
    splits = [unseen_corpus(clips, corpus, recipe.plan.seed) for corpus in corpora]
    return recipe.fit_folds(splits, "left-out", (CLEAN,))


def figures_on_strangers(folds: FoldLogits) -> dict[str, Batch]:
    """Measure left-out corpora, without and with baselines of the speakers, as JSON values."""
    found = strangers_of(folds)
    references = [
        neutral_reference(
            classes_of(split.validation),
            merge_calm(folds.validation[number]),
            temperature_for_strangers([one for one in found if one is not found[number]]),
        )
        for number, split in enumerate(folds.splits)
    ]
    measures = measures_on_strangers(found)
    for count in OTHERS:
        measures |= measures_against_baselines(found, references, count)
    measures |= measures_against_baselines(found, references, OTHERS[-1], stray=0.2)
    return {name: figures.model_dump() for name, figures in measures.items()}


def meeting_recordings(data: Path, limit: int | None = None) -> list[Path]:
    """Return recordings of meetings to train on: those on which nothing here is ever reported.

    `limit` keeps about that many pieces of three seconds.
    """
    found = [path for path in sorted((data / "meeting").glob("*.flac")) if _may_be_learned(path)]
    if not found:
        raise SettingsError(
            f"The audio network learns from {data / 'meeting'}, which has no sound."
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
            f"The audio network starts from Whisper tiny.en's encoder, and {path} is not there: "
            "name the folder that holds it with --start."
        )
    return {name: tensor.float() for name, tensor in load_file(str(path)).items()}


def new_network(start: dict[str, "Tensor"]) -> "AudioEmotionNetwork":
    """Return an audio network with the starting encoder and an empty head."""
    from models.audio.network import WHISPER_TINY, AudioEmotionNetwork

    network = AudioEmotionNetwork(WHISPER_TINY, _DROPOUT)
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


def fine_tune(network: "AudioEmotionNetwork", sounds: Sounds, plan: FittingPlan, out: Path) -> None:
    """Fit encoder and head together; the network's weights change in place."""
    random = np.random.default_rng(plan.seed)
    weights = class_weights(sounds.targets)
    batches = VoiceBatches(sounds, weights, _CROP_SECONDS, _MEETING_SHARE, random)
    network.encoder.embed_positions.requires_grad_(False)
    fit(_task(network), [{"row": row} for row in range(len(sounds))], batches, plan, out)


def _task(network: "AudioEmotionNetwork") -> "nn.Module":
    """Return the network with its loss: weighted cross-entropy to smoothed targets."""
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
        ) -> Batch:
            smoothed = targets * (1 - _SMOOTHING) + _SMOOTHING / targets.shape[1]
            surprise = -self.network(mel, n_frames).log_softmax(dim=1)
            return {"loss": ((smoothed * surprise).sum(dim=1) * weights).mean()}

    return VoiceTask()


def _config(
    recipe: Recipe,
    temperature: float,
    train: Sequence[LabelledClip],
    calibration: Sequence[LabelledClip],
) -> Batch:
    from models.audio.network import WHISPER_TINY

    return {
        "classes": VOICE_CLASSES,
        "shape": WHISPER_TINY,
        "temperature": round(temperature, 4),
        "corpora": sorted({clip.corpus for clip in train}),
        "calibration_speakers": sorted({f"{c.corpus}/{c.speaker}" for c in calibration}),
        "n_train": len(train),
        "epochs": recipe.plan.epochs,
        "seed": recipe.plan.seed,
    }


def _cross_validate(recipe: Recipe, clips: Sequence[LabelledClip], out: Path) -> dict[str, Batch]:
    """RAVDESS's folds with the recipe of the shipped network; scores go to `out/folds`."""
    seed = recipe.plan.seed
    six = corpus_splits(clips, "ravdess", seed=seed)
    found = recipe.fit_folds(six, "ravdess", _HEARD_UNDER)
    found.seven().save(out / "folds" / "ravdess.npz")
    # published figures on these folds train on everybody who is not tested
    five = recipe.fit_folds(
        corpus_splits(clips, "ravdess-five", seed=seed),
        "ravdess-five",
        (CLEAN,),
        refit=True,
    )
    five.eight().save(out / "folds" / "ravdess-five.npz")
    measures = {
        "ravdess, EmoBox's six folds, eight classes": found.eight().measures(),
        "ravdess, five subject-wise folds, eight classes": five.eight().measures(),
        "ravdess, five subject-wise folds": five.seven().measures(),
    } | {
        f"ravdess, six folds{'' if name == CLEAN else ', ' + name}": found.seven(name).measures()
        for name in found.conditions()
    }
    return {name: figures.model_dump() for name, figures in measures.items()}
