"""Align word embeddings of new languages with the English ones, by translated lines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from schemas.corpus import LabelledClip

if TYPE_CHECKING:
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

_ROUNDS = 5

Pair = tuple[LabelledClip, LabelledClip]


def parallel_lines(foreign: Sequence[LabelledClip], english: Sequence[LabelledClip]) -> list[Pair]:
    """Pair lines with the English ones of the same dialogue and turn: (foreign, English)."""
    known = {(clip.dialogue, clip.turn): clip for clip in english if clip.dialogue}
    return [
        (clip, known[place])
        for clip in foreign
        if clip.dialogue and (place := (clip.dialogue, clip.turn)) in known
    ]


def embeddings_by_translation(
    pairs: Sequence[Pair],
    foreign: "Tokenizer",
    english: "Tokenizer",
    embeddings: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return an embedding for each token of `foreign`: the mean English one of its translations.

    `embeddings` (English tokens, width). Translations are told by IBM model 1 (Brown et al. 1993,
    "The mathematics of statistical machine translation"), after Tran 2020, "From English to
    Foreign Languages: Transferring Pre-trained Language Models". A token that no translation
    holds takes the mean of its letters' English tokens. All have the English mean length.
    """
    counts = _translations(_coded(pairs, foreign, english))
    vocabulary = foreign.get_vocab()
    made = np.zeros((len(vocabulary), embeddings.shape[1]), dtype=np.float32)
    for token, index in vocabulary.items():
        found = counts.get(index)
        if found is None:
            letters = token.removeprefix("##")
            spelt = english.token_to_id(token)
            codes = english.encode(letters, add_special_tokens=False).ids
            sources = [spelt] if spelt is not None else codes or [english.token_to_id("[UNK]")]
            made[index] = embeddings[sources].mean(axis=0)
        else:
            sources, weights = found
            made[index] = weights @ embeddings[sources] / weights.sum()
    length = np.linalg.norm(embeddings, axis=1).mean()
    made *= length / np.linalg.norm(made, axis=1, keepdims=True).clip(min=1e-6)
    for special in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"):
        made[vocabulary[special]] = embeddings[english.token_to_id(special)]
    return made


def _coded(
    pairs: Sequence[Pair], foreign: "Tokenizer", english: "Tokenizer"
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    sides = [
        tokenizer.encode_batch([pair[side].text or "" for pair in pairs], add_special_tokens=False)
        for side, tokenizer in ((0, foreign), (1, english))
    ]
    coded = [(np.array(f.ids), np.array(e.ids)) for f, e in zip(*sides, strict=True)]
    return [(f, e) for f, e in coded if len(f) and len(e)]


def _translations(
    coded: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> dict[int, tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Foreign token -> the English tokens that it translates and how often, in expectation."""
    if not coded:
        return {}
    english_size = 1 + max(int(e.max()) for _, e in coded)
    pairs = np.concatenate([np.add.outer(f * english_size, e).ravel() for f, e in coded])
    # every foreign token of a line is explained by the line's English tokens together
    lengths = np.concatenate([np.full(len(f), len(e)) for f, e in coded])
    explained = np.repeat(np.arange(len(lengths)), lengths)
    kinds, kind_of = np.unique(pairs, return_inverse=True)
    english_of = kinds % english_size
    likely = np.ones(len(kinds))
    for _ in range(_ROUNDS):
        share = likely[kind_of]
        share /= np.bincount(explained, share)[explained]
        count = np.bincount(kind_of, share)
        likely = count / np.bincount(english_of, count)[english_of]
    tokens = kinds // english_size
    edges = np.flatnonzero(np.diff(tokens)) + 1
    return {
        int(group[0]): (english_of[rows].astype(np.int64), count[rows].astype(np.float64))
        for group, rows in zip(
            np.split(tokens, edges), np.split(np.arange(len(tokens)), edges), strict=True
        )
    }
