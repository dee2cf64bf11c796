"""How one audio network is made: a head on Whisper's encoder, then both together, blended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lab.acoustics import apply
from lab.acoustics.conditions import PIECES
from lab.audio.folds import FoldLogits, Heard, Logits, run_folds
from lab.audio.material import Material
from lab.audio.probe import INVERSE_REGULARISATION, fit_head, pool
from lab.audio.sounds import (
    Sounds,
    VoiceBatches,
    class_weights,
)
from lab.audio.strangers import (
    KNOWN,
    TAKES,
    Strangers,
    Take,
    judged_strangers,
    read_takes,
    save_takes,
)
from lab.training.fitting import Batch, FittingPlan, fit
from models.audio.calibration import voiced_seconds
from models.audio.embedded import hear_voices, merge_calm, voice_logits
from models.audio.familiarity import Familiarity, fit_familiarity
from models.audio.sound import trim_silence
from models.precision import choose_device
from models.protocols import Samples
from schemas.corpus import LabelledClip, Split
from schemas.errors import SettingsError
from schemas.values import SAMPLE_RATE

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.audio.network import AudioEmotionNetwork

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

    def familiarity(
        self, network: "AudioEmotionNetwork", clips: Sequence[LabelledClip]
    ) -> Familiarity:
        """Fit what is familiar to a network that was trained on these clips."""
        import torch

        device = choose_device(self.plan.device)
        whole = self._clean(clips)
        speakers = [clip.speaker for clip in clips]
        pieces = [cut for name in PIECES for cut in apply(name, whole, speakers, self.plan.seed)]
        heard = [trim_silence(sound) for sound in [*whole, *pieces]]
        pooled = pool(network.to(device), heard, device)
        seconds = np.array([len(sound) / SAMPLE_RATE for sound in heard])
        with torch.inference_mode():
            return fit_familiarity(network.cpu().norm(torch.from_numpy(pooled)), seconds)

    def take(
        self,
        network: "AudioEmotionNetwork",
        samples: Sequence[Samples],
        familiarity: Familiarity | None,
    ) -> Take:
        """Judge sounds as the branch does, before calibration."""
        device = choose_device(self.plan.device)
        heard = hear_voices(network.to(device), samples, device, familiarity=familiarity)
        seconds = np.array([voiced_seconds(sound) for sound in samples], dtype=np.float64)
        return Take(merge_calm(heard.logits), seconds, heard.strangeness)

    def strangers(self, split: Split, number: int) -> Strangers:
        """Train on a split's side of other corpora and judge the one that is left out.

        What an interrupted training had judged is not judged again by `--resume`.
        """
        kept = judged_strangers(self.out, number)
        if not (self.plan.resume and kept.is_file()):
            network = self.make(split.train, kept.parent.name)
            familiarity = self.familiarity(network, split.train)
            takes = {
                name: self.take(network, self._under(name, split), familiarity) for name in TAKES
            }
            known = self.take(network, self._clean(split.validation), familiarity)
            save_takes(kept, takes | {KNOWN: known})
        takes = read_takes(kept)
        known = takes.pop(KNOWN)
        return Strangers(split.test[0].corpus, split.test, takes, split.validation, known)

    def _clean(self, clips: Sequence[LabelledClip]) -> list[Samples]:
        return self.material.heard(clips)

    def _under(self, condition: str, split: Split) -> list[Samples]:
        speakers = [clip.speaker for clip in split.test]
        crowd = split.train[:: max(1, len(split.train) // _CROWD)]
        voices = (self._clean(crowd), [clip.speaker for clip in crowd])
        return apply(condition, self._clean(split.test), speakers, self.plan.seed, voices)

    def _hear(
        self, network: "AudioEmotionNetwork", split: Split, conditions: Sequence[str]
    ) -> dict[str, Logits]:
        return {name: self.logits(network, self._under(name, split)) for name in conditions}


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
