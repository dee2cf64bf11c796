"""The recogniser's vocabulary: the subwords of Whisper's tokenizer that talk is made of.

Whisper's decoder was trained with GPT-2's 50,257 subwords. Of those the most frequent in talk are
kept, so that a word is cut as it always was; a word of rarer subwords is cut into shorter ones.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

END, START, PLAIN, PREVIOUS = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|notimestamps|>",
    "<|startofprev|>",
)
_SPECIAL = (
    END,
    START,
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    PREVIOUS,
    "<|nospeech|>",
    PLAIN,
)
"""In the order of Whisper's English tokenizer; those never used are there for its readers."""
_N_BYTES = 256


class Vocabulary(NamedTuple):
    """`tokenizer` is the content of a `tokenizer.json`, `old_ids` those kept of the original's."""

    tokenizer: dict[str, Any]
    old_ids: tuple[int, ...]

    @property
    def n_subwords(self) -> int:
        """Subwords without the special ones, which follow them."""
        return len(self.old_ids)

    @property
    def size(self) -> int:
        """All tokens."""
        return len(self.old_ids) + len(_SPECIAL)


def count_subwords(source: Path, texts: Iterable[str]) -> Counter[str]:
    """Count the subwords of texts, each as at the beginning and in the middle of a transcript."""
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

    tokenizer = Tokenizer.from_file(str(source))
    counts: Counter[str] = Counter()
    for coded in tokenizer.encode_batch([" " + text for text in texts]):
        counts.update(coded.tokens)
    return counts


def prune(source: Path, counts: Mapping[str, int], size: int) -> Vocabulary:
    """Keep all bytes and the most frequent subwords, with the shorter ones they are merged from.

    `source` is Whisper's `tokenizer.json`; about `size` subwords are kept.
    """
    original = json.loads(source.read_text(encoding="utf-8"))
    ids: dict[str, int] = original["model"]["vocab"]
    merges = [_pair(merge) for merge in original["model"]["merges"]]
    parents = {first + second: (first, second) for first, second in reversed(merges)}
    kept = {token for token, number in ids.items() if number < _N_BYTES}
    for token in sorted(counts, key=lambda token: -counts[token]):
        if len(kept) >= size:
            break
        if token in ids and token not in _SPECIAL:
            kept |= _with_parts(token, parents)
    ordered = sorted(kept, key=ids.__getitem__)
    model = original["model"] | {
        "vocab": {token: number for number, token in enumerate(ordered)},
        "merges": [
            [first, second] for first, second in merges if {first, second, first + second} <= kept
        ],
        "unk_token": None,
    }
    added = [
        {
            "id": len(ordered) + number,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for number, token in enumerate(_SPECIAL)
    ]
    tokenizer = original | {"added_tokens": added, "post_processor": None, "model": model}
    return Vocabulary(tokenizer, tuple(ids[token] for token in ordered))


def _pair(merge: str | list[str]) -> tuple[str, str]:
    """A merge as older files write it, `"a b"`, or newer ones, `["a", "b"]`."""
    first, second = merge.split(" ") if isinstance(merge, str) else merge
    return first, second


def _with_parts(token: str, parents: Mapping[str, tuple[str, str]]) -> set[str]:
    """A subword and all that it is merged from, down to bytes."""
    found, open_tokens = set(), [token]
    while open_tokens:
        part = open_tokens.pop()
        found.add(part)
        open_tokens.extend(parents.get(part, ()))
    return found
