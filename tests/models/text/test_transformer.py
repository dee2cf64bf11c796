"""Any sequence classifier of transformers serves, if its labels are emotions."""

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    PreTrainedTokenizerFast,
)

from models.hub_classifier import class_matrix
from models.protocols import TextSample
from models.text.transformer import TransformerTextBranch
from schemas.emotions import EMOTIONS
from schemas.errors import WeightsError
from schemas.settings import WeightSettings

LABELS = ["joy", "annoyance", "ANGER", "trust", "sadness", "neutral"]
WORDS = ["[PAD]", "[UNK]", "we", "won", "lost", "today"]


def save_tokenizer(folder: Path) -> None:
    words = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]"
    )
    tokenizer.save_pretrained(folder)


def config(**changes: object) -> BertConfig:
    names = dict(enumerate(LABELS))
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return BertConfig(
        vocab_size=len(WORDS), intermediate_size=16, id2label=names, **sizes, **changes
    )


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    BertForSequenceClassification(config()).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    return tmp_path


def branch_of(folder: Path) -> TransformerTextBranch:
    return TransformerTextBranch(WeightSettings(text=str(folder), device="cpu"))


def test_a_checkpoints_labels_are_summed_into_the_seven_classes(checkpoint: Path) -> None:
    branch = branch_of(checkpoint)
    scores = branch.score([TextSample("we won today", "en"), TextSample(" ", "en")])
    assert scores[0].sum() == pytest.approx(1.0, abs=1e-5)
    possible = {EMOTIONS[i] for i in np.flatnonzero(scores[0])}
    assert possible == {"happy", "angry", "sad", "neutral"}
    assert np.isnan(scores[1]).all()
    assert branch.languages == {"en"}


def test_a_batch_scores_as_its_parts(checkpoint: Path) -> None:
    branch = branch_of(checkpoint)
    samples = [TextSample(text, "en") for text in ("we won", "we lost today we lost", "won")]
    alone = np.concatenate([branch.score([sample]) for sample in samples])
    assert branch.score(samples) == pytest.approx(alone, abs=0.02)


def test_multi_label_checkpoints_and_told_languages_are_understood(tmp_path: Path) -> None:
    told = config(problem_type="multi_label_classification", languages=["en", "de"])
    BertForSequenceClassification(told).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    branch = branch_of(tmp_path)
    assert branch.score([TextSample("we won", "de")])[0].sum() == pytest.approx(1.0, abs=1e-5)
    assert branch.languages == {"en", "de"}


def test_another_checkpoint_has_another_digest(checkpoint: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    BertForSequenceClassification(config()).save_pretrained(other)
    save_tokenizer(other)
    assert branch_of(checkpoint).digest != branch_of(other).digest


def test_goemotions_are_grouped_as_their_authors_do() -> None:
    names = {0: "gratitude", 1: "curiosity", 2: "remorse", 3: "nervousness"}
    best = [EMOTIONS[i] for i in class_matrix("text", names, "x").argmax(axis=1)]
    assert best == ["happy", "surprised", "sad", "fearful"]


def test_a_checkpoint_without_emotions_is_refused() -> None:
    with pytest.raises(WeightsError, match="names no emotions of ours: LABEL_0, LABEL_1"):
        class_matrix("text", {0: "LABEL_0", 1: "LABEL_1"}, "x")


def test_a_checkpoint_without_a_trained_classifier_is_refused(tmp_path: Path) -> None:
    BertModel(config()).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    with pytest.raises(WeightsError, match="lacks classifier"):
        branch_of(tmp_path)


def test_a_missing_checkpoint_is_one_sentence_and_no_download(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be loaded"):
        branch_of(tmp_path / "gone")
    with pytest.raises(WeightsError, match=r"set weights\.text"):
        TransformerTextBranch(WeightSettings())
