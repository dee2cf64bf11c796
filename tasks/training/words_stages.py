"""The stages of training a recogniser: vectors from clips and half minutes, decoder, all layers."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.precision import half_precision
from tasks.training.fitting import FittingPlan, fit
from tasks.training.words_clips import Clip, hear_clips, only
from tasks.training.words_looks import Looks, collate
from tasks.training.words_material import parts, read_part
from tasks.training.words_network import Recogniser, freeze_all_but_embedding, thaw

if TYPE_CHECKING:
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

CLIPS = FittingPlan(epochs=4, batch_size=32, learning_rate=2e-3, weight_decay=0.01)
VECTORS = FittingPlan(epochs=2, batch_size=4, learning_rate=1e-3, weight_decay=0.01, warmup=0.05)
DECODER = FittingPlan(epochs=2, batch_size=4, learning_rate=1.5e-4, weight_decay=0.01, warmup=0.05)
ALL_LAYERS = FittingPlan(
    epochs=1, batch_size=4, learning_rate=5e-5, weight_decay=0.01, warmup=0.05, threads=2
)
"""What was found on the clips set aside for choices (docs/decisions/010)."""


_BLENDS = (0.25, 0.5, 0.75, 1.0)
"""How far the last stage's weights may be gone towards."""

_BLEND = 0.5
"""How far they are where no actor's lines are there to choose by."""


def learn_vectors_from_clips(
    recogniser: Recogniser,
    clips: list[Clip],
    tokenizer: "Tokenizer",
    plan: FittingPlan,
    out: Path,
) -> None:
    """Learn the vectors of the vocabulary alone, from single turns of a few seconds."""
    freeze_all_but_embedding(recogniser)
    batches = hear_clips(recogniser, clips, tokenizer, plan.batch_size, plan.seed)
    fit(recogniser, batches, only, plan.model_copy(update={"batch_size": 1}), out)


def learn_from_states(
    recogniser: Recogniser,
    material: Path,
    tokenizer: "Tokenizer",
    plan: FittingPlan,
    out: Path,
    kept: Path,
) -> None:
    """Go on with what is not frozen on half minutes that an untrained encoder has heard.

    What it heard is kept in the folder `kept`, 1.2 MB per half minute.
    """
    heard: list[NDArray[np.float16]] = []
    written: list[str] = []
    for path in parts(material):
        part = read_part(path)
        states = _states(recogniser, part.frames, kept / f"{path.name}.npy")
        heard += list(states)
        written += part.written
    looks = Looks(heard, written, tokenizer, np.random.default_rng(plan.seed))
    fit(recogniser, looks, collate, plan, out)


def learn_all(
    recogniser: Recogniser,
    material: Path,
    tokenizer: "Tokenizer",
    plan: FittingPlan,
    out: Path,
    aside: Path,
) -> float:
    """Train every layer on masked half minutes, then go back a part of the way to what was before.

    What was learned from free voices and what Whisper knew of real ones are averaged: Wortsman et
    al. 2022, "Robust fine-tuning of zero-shot models". Returns how far is gone: to where the
    actors of `aside`, whom nothing was learned from, surprise it least.
    """
    import torch

    thaw(recogniser)
    before = {name: value.clone() for name, value in recogniser.state_dict().items()}
    fit(recogniser, _frames(material, tokenizer, plan.seed), collate, plan, out)
    after = {name: value.clone() for name, value in recogniser.state_dict().items()}

    def go(share: float) -> None:
        states = {name: torch.lerp(before[name], after[name], share) for name in after}
        recogniser.load_state_dict(states)

    losses: dict[float, float] = {}
    chosen = _frames(aside, tokenizer, plan.seed, is_plain=True)
    for share in _BLENDS if len(chosen) else ():
        go(share)
        losses[share] = mean_loss(recogniser, chosen)
    best = min(losses, key=lambda share: losses[share], default=_BLEND)
    go(best)
    return best


def mean_loss(recogniser: Recogniser, looks: Looks) -> float:
    """The mean loss of a network over windows, each alone."""
    import torch

    recogniser.eval()
    device = next(recogniser.parameters()).device
    with torch.inference_mode(), half_precision(device):
        losses = []
        for row in range(len(looks)):
            batch = {name: value.to(device) for name, value in collate([looks[row]]).items()}
            losses.append(float(recogniser(**batch)["loss"]))
    return float(np.mean(losses))


def _frames(folder: Path, tokenizer: "Tokenizer", seed: int, *, is_plain: bool = False) -> Looks:
    found = [read_part(path) for path in parts(folder)]
    return Looks(
        [frames for part in found for frames in part.frames],
        [text for part in found for text in part.written],
        tokenizer,
        np.random.default_rng(seed),
        is_frames=True,
        is_plain=is_plain,
    )


def _states(recogniser: Recogniser, frames: NDArray[np.float16], kept: Path) -> NDArray[np.float16]:
    """What the encoder makes of frames (n, 80, 3000): (n, 1500, width), computed once."""
    import torch

    if not kept.is_file():
        width = recogniser.whisper.config.d_model
        heard = np.empty((len(frames), frames.shape[2] // 2, width), np.float16)
        for first in range(0, len(frames), 4):
            block = torch.from_numpy(np.asarray(frames[first : first + 4], np.float32))
            with torch.inference_mode(), half_precision(block.device):
                heard[first : first + 4] = recogniser.hear(block).float().numpy()
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(".tmp.npy")
        np.save(unfinished, heard)
        unfinished.replace(kept)
    states: NDArray[np.float16] = np.load(kept, mmap_mode="r")
    return states
