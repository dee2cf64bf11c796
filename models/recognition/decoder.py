"""Decode pieces of sound into timed words with any Whisper in CTranslate2's format.

After Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision". Words get
their times from the cross-attention, as in OpenAI's implementation: dynamic time warping over the
heads that `config.json` names as `alignment_heads`.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from models.protocols import Samples
from models.recognition.loops import has_loop
from schemas.errors import WeightsError
from schemas.values import SAMPLE_RATE, Seconds

if TYPE_CHECKING:
    from ctranslate2 import StorageView
    from ctranslate2.models import WhisperGenerationResult


LONGEST: Seconds = 20.0
"""Most seconds of speech in a piece; chosen by speed and errors (docs/decisions/010)."""

NEEDED_FILES = ("model.bin", "config.json", "tokenizer.json")

_SPECIAL = ("<|endoftext|>", "<|startoftranscript|>", "<|startofprev|>", "<|notimestamps|>")
_TRANSCRIBE = "<|transcribe|>"
_BEAM = 5
_NOT_AGAIN = 3
"""A piece that went round in a loop is decoded again, no three tokens in a row twice."""
_MOST_TOKENS = 448
"""Positions of the decoder."""
_TOKENS_PER_SECOND = 10
"""Nobody speaks faster; a loop ends here."""
_MOST_HINTS = 40
"""Tokens of hot words."""
_STATES_PER_SECOND = 50
_FRAMES = 2200
"""Frames (of 10 ms) of a piece, filled up with silence; the network could take 3,000."""
_WORD_BEGINS = "Ġ"
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages without spaces between words: each character is a word."""
_LEAST_PROBABILITY = 1e-10
_OK = re.compile(r"\b(?:OK|Ok|ok)\b")
"""Whisper spells it both ways; a transcript spells it one way."""


@dataclass(frozen=True)
class DecodedWord:
    """A word with its times in its piece of sound, and the log-probability of each of its tokens.

    Probabilities are the decoder's own, given the words before but not the hot words. `is_known`
    is whether the word is in a lexicon of its language.
    """

    text: str
    start: Seconds
    end: Seconds
    log_probabilities: tuple[float, ...]
    is_known: bool = True


@dataclass(frozen=True)
class Encoded:
    """What the encoder made of a batch of pieces: states, frames and seconds of each piece."""

    states: "StorageView"
    frames: tuple[int, ...]
    durations: tuple[Seconds, ...]


class Decoder:
    """Decodes pieces of sound.

    `folder` holds a checkpoint in CTranslate2's format. Raises `WeightsError` where files are
    missing, broken, or of something else than a Whisper.
    """

    def __init__(
        self,
        folder: Path,
        device: Literal["auto", "cpu", "cuda"],
        compute: Literal["auto", "small"] = "auto",
    ) -> None:
        missing = [name for name in NEEDED_FILES if not (folder / name).is_file()]
        if missing:
            raise WeightsError(
                f"The recogniser in {folder} lacks {', '.join(missing)}; "
                "it must be a Whisper in CTranslate2's format."
            )
        self._whisper = _load(folder, device, compute)
        self._tokens = self._whisper.hf_tokenizer
        ids = [self._tokens.token_to_id(name) for name in _SPECIAL]
        if None in ids:
            raise WeightsError(
                f"The recogniser in {folder} is no Whisper: its tokenizer lacks "
                f"{' '.join(_SPECIAL)}."
            )
        self._end, self._start, self._previous, self._plain = ids
        # -1 stands for those that config.json suppresses; special tokens follow the end's
        self._never_said = [-1, *range(self._end + 1, self._tokens.get_vocab_size())]

    @property
    def languages(self) -> frozenset[str]:
        """The languages it knows, as in BCP 47."""
        if not self._whisper.model.is_multilingual:
            return frozenset({"en"})
        return frozenset(self._whisper.supported_languages)

    def encode(self, sounds: Sequence[Samples]) -> Encoded:
        """Encode a batch of pieces of sound (mono, 16 kHz, at most 20 s)."""
        rows = [self._whisper.feature_extractor(sound)[..., :-1] for sound in sounds]
        return Encoded(
            self._whisper.encode(np.stack([_with_silence(one) for one in rows])),
            tuple(min(_FRAMES, max(2, one.shape[-1])) for one in rows),
            tuple(len(sound) / SAMPLE_RATE for sound in sounds),
        )

    def detect_languages(self, encoded: Encoded) -> list[dict[str, float]]:
        """Probability of each language, for each piece."""
        found = self._whisper.model.detect_language(encoded.states)
        return [{token[2:-2]: float(chance) for token, chance in one} for one in found]

    def decode(
        self, encoded: Encoded, language: str, hot_words: Sequence[str] = ()
    ) -> list[list[DecodedWord]]:
        """Words of each piece of a batch, all in one language.

        `hot_words` are names and terms that may be said; as many are used as fit in 40 tokens.
        """
        begin = self._begin(language)
        prompt = [*self._hints(hot_words), *begin, self._plain]
        written = self._write(encoded.states, prompt, max(encoded.durations))
        aligned = self._whisper.model.align(encoded.states, begin, written, list(encoded.frames))
        return [
            list(self._words(ids, found, seconds, language))
            for ids, found, seconds in zip(written, aligned, encoded.durations, strict=True)
        ]

    def _begin(self, language: str) -> list[int]:
        """Return the first tokens of a transcript; English-only Whispers have no language token."""
        if not self._whisper.model.is_multilingual:
            return [self._start]
        names = (f"<|{language}|>", _TRANSCRIBE)
        return [self._start, *(self._tokens.token_to_id(name) for name in names)]

    def _write(self, states: "StorageView", prompt: list[int], seconds: Seconds) -> list[list[int]]:
        """Tokens of each piece; what went round in a loop is written once more without."""
        written = self._search(states, prompt, seconds)
        looped = [has_loop(self._tokens.decode(ids).split()) for ids in written]
        if not any(looped):
            return written
        again = self._search(states, prompt, seconds, no_repeat_ngram_size=_NOT_AGAIN)
        return [new if lost else ids for ids, new, lost in zip(written, again, looped, strict=True)]

    def _search(
        self, states: "StorageView", prompt: list[int], seconds: Seconds, **rules: int
    ) -> list[list[int]]:
        """Tokens of each piece, by beam search."""
        most = math.ceil(seconds * _TOKENS_PER_SECOND) + _TOKENS_PER_SECOND
        # CTranslate2 writes at most half of max_length, and no more than is left by the prompt
        max_length = min(_MOST_TOKENS, max(2 * most, len(prompt) + most))
        results = self._whisper.model.generate(
            states,
            [prompt] * states.shape[0],
            beam_size=_BEAM,
            max_length=max_length,
            **rules,
            suppress_blank=False,  # where nobody speaks nothing is to be said
            suppress_tokens=self._never_said,
        )
        return [[n for n in result.sequences_ids[0] if n < self._end] for result in results]

    def _hints(self, hot_words: Sequence[str]) -> list[int]:
        """Return the prompt before the transcript: as many hot words as fit."""
        hints: list[int] = []
        for count in range(1, len(hot_words) + 1):
            text = " " + ", ".join(hot_words[:count])
            ids = self._tokens.encode(text, add_special_tokens=False).ids
            if len(ids) > _MOST_HINTS:
                break
            hints = [number for number in ids if number < self._end]
        return [self._previous, *hints] if hints else []

    def _words(
        self, ids: Sequence[int], found: "WhisperGenerationResult", duration: Seconds, language: str
    ) -> Iterator[DecodedWord]:
        """Words of one piece: tokens from one that begins a word to the next."""
        if not ids:
            return
        begins = [0] * (len(ids) + 1)
        for token, state in reversed(found.alignments):
            begins[min(token, len(ids))] = state
        chances = np.log(np.maximum(found.text_token_probs, _LEAST_PROBABILITY))
        firsts = self._first_tokens(ids, language)
        for first, last in zip(firsts, [*firsts[1:], len(ids)], strict=True):
            text = _OK.sub(_okay, self._tokens.decode(list(ids[first:last])).strip())
            if not any(map(str.isalnum, text)):
                continue
            start, end = (min(duration, begins[n] / _STATES_PER_SECOND) for n in (first, last))
            yield DecodedWord(text, start, end, tuple(map(float, chances[first:last])))

    def _first_tokens(self, ids: Sequence[int], language: str) -> list[int]:
        """Places of the tokens that begin a word."""
        if language not in _UNSPACED:
            names = [self._tokens.id_to_token(number) for number in ids]
            return [n for n, name in enumerate(names) if n == 0 or name.startswith(_WORD_BEGINS)]
        firsts, first = [0], 0
        for n in range(1, len(ids)):
            if "\ufffd" not in self._tokens.decode(list(ids[first:n])):
                firsts.append(n)
                first = n
        return firsts


def _okay(found: re.Match[str]) -> str:
    return "Okay" if found.group()[0].isupper() else "okay"


def _with_silence(frames: np.ndarray) -> np.ndarray:
    """Fill log-mel frames (bands, n) up with silence to `_FRAMES`, or cut them there."""
    silent = max(0, _FRAMES - frames.shape[-1])
    return np.pad(frames, ((0, 0), (0, silent)), constant_values=frames.min())[:, :_FRAMES]


_COMPUTE_TYPES = {
    ("cuda", "auto"): "float16",
    ("cuda", "small"): "int8_float16",
    ("cpu", "auto"): "int8",
    ("cpu", "small"): "int8",
}
"""CTranslate2's name by device and the setting `weights.compute`."""


def _load(
    folder: Path, device: Literal["auto", "cpu", "cuda"], compute: Literal["auto", "small"]
) -> Any:
    import torch
    from faster_whisper import WhisperModel

    from models.precision import choose_device

    chosen = choose_device(device).type
    try:
        return WhisperModel(
            str(folder),
            device=chosen,
            compute_type=_COMPUTE_TYPES[chosen, compute],
            cpu_threads=torch.get_num_threads(),
            local_files_only=True,
        )
    except Exception as error:  # tokenizers raises bare exceptions
        raise WeightsError(
            f"The recogniser in {folder} cannot be loaded: {error}; "
            "it must be a Whisper in CTranslate2's format."
        ) from error
