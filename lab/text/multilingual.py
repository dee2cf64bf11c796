"""Grow the multilingual text network out of the English one.

A vocabulary of its own is learned from the corpora; its embeddings start as those of the English
words that translate them, the rest of the network as the English one's.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.corpora.texts import TextSplit, corpus_named, is_there, read_texts
from lab.text.alignment import (
    Pair,
    embeddings_by_translation,
    parallel_lines,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

    from models.text.network import TextEmotionNetwork

LANGUAGES = ("de", "fr", "it", "es")

_VOCABULARY = 16_000
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_LETTERS = 400


@dataclass(frozen=True)
class Translated:
    """A corpus whose lines translate those of an English one, by dialogue and turn."""

    corpus: str
    english: str
    language: str
    split: TextSplit = "train"


_TRANSLATED = (
    Translated("dailydialog", "dailydialog", "it"),
    Translated("mmeld", "meld", "fr"),
    Translated("mmeld", "meld", "es"),
    # the German training dialogues are numbered anew; of the dev lines no label is read here
    Translated("dailydialog", "dailydialog", "de", "dev"),
)

_LINES_PER_LANGUAGE = 16_000
"""Translated lines that the words of a language are learned from; more change little."""


def read_parallel(folder: Path) -> list[Pair]:
    """Lines with their English counterparts, all but the German ones of training splits."""
    pairs: list[Pair] = []
    for place in _TRANSLATED:
        foreign, known = corpus_named(place.corpus), corpus_named(place.english)
        if is_there(folder, foreign) and is_there(folder, known):
            lines = read_texts(folder, foreign, place.split, (place.language,))
            english = read_texts(folder, known, place.split)
            pairs += parallel_lines(lines, english)
    return pairs


def learn_vocabulary(texts: Iterable[str]) -> "Tokenizer":
    """Learn lower-case subwords (WordPiece, as BERT's) from texts; links count as nothing."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
    from tokenizers.processors import TemplateProcessing  # type: ignore[import-untyped]

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(r"https?://\S+"), " "),
            normalizers.NFKC(),
            normalizers.Lowercase(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=_VOCABULARY,
        special_tokens=_SPECIAL,
        limit_alphabet=_LETTERS,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer


def grow(
    english: "TextEmotionNetwork",
    english_tokenizer: "Tokenizer",
    tokenizer: "Tokenizer",
    pairs: list[Pair],
) -> "TextEmotionNetwork":
    """Return a network for another vocabulary that starts from the English one."""
    import torch

    from models.text.bert import TextEmotionNetworkShape
    from models.text.network import TextEmotionNetwork

    shape = asdict(english.shape) | {"vocabulary": tokenizer.get_vocab_size()}
    network = TextEmotionNetwork(TextEmotionNetworkShape(**shape))
    state = dict(english.state_dict())
    name = "encoder.embeddings.word_embeddings.weight"
    known = state[name].float().cpu().numpy()
    for side in (tokenizer, english_tokenizer):
        side.no_truncation()
    made = embeddings_by_translation(_some_of_each(pairs), tokenizer, english_tokenizer, known)
    state[name] = torch.from_numpy(made)
    network.load_state_dict(state)
    return network


def _some_of_each(pairs: Sequence[Pair]) -> list[Pair]:
    counts: Counter[str | None] = Counter()
    kept: list[Pair] = []
    for pair in pairs:
        counts[pair[0].language] += 1
        if counts[pair[0].language] <= _LINES_PER_LANGUAGE:
            kept.append(pair)
    return kept
