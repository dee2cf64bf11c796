"""A Whisper of a small English vocabulary without times, run by CTranslate2.

After Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision". Words get
their times from the cross-attention, as in OpenAI's implementation: dynamic time warping over the
heads that `config.json` names as `alignment_heads`.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from models.protocols import Samples
from models.words.loops import has_loop
from schemas.errors import WeightsError
from schemas.values import SAMPLE_RATE, Seconds

LONGEST: Seconds = 15.0
"""Most seconds of sound at once. The network could hear half a minute: in half of that a decoder
that loses the thread loses less (docs/decisions/010)."""

NEEDED_FILES = (
    "model.bin",
    "config.json",
    "vocabulary.json",
    "tokenizer.json",
    "preprocessor_config.json",
)

_SPECIAL = ("<|endoftext|>", "<|startoftranscript|>", "<|startofprev|>", "<|notimestamps|>")
_BEAM = 5
_NOT_AGAIN = 3
"""A piece that went round in a loop is written again, no three tokens in a row twice."""
_MOST_TOKENS = 448
"""Positions of the decoder."""
_TOKENS_PER_SECOND = 10
"""Nobody speaks faster; a loop ends here."""
_MOST_HINTS = 40
"""Tokens of hot words; the network was trained with at most so many."""
_STATES_PER_SECOND = 50
_FRAMES = 1600
"""Every piece is heard as 16 s, filled up with silence: as right as half a minute, twice as fast.
Without that silence short pieces are misread."""
_WORD_BEGINS = "Ġ"
_LEAST_PROBABILITY = 1e-10
_OK = re.compile(r"\b(?:OK|Ok|ok)\b")
"""The corpora of meetings write "okay", those of dialogues "OK"; a transcript writes it one way."""


@dataclass(frozen=True)
class DecodedWord:
    """A word with its times in its piece of sound, and the log-probability of each of its tokens.

    Probabilities are the decoder's own, given the words before but not the hot words.
    """

    text: str
    start: Seconds
    end: Seconds
    log_probabilities: tuple[float, ...]


class Decoder:
    """Writes down pieces of sound.

    `folder` holds a checkpoint in CTranslate2's format. Raises `WeightsError` where files are
    missing, broken, or of a network with another vocabulary.
    """

    def __init__(self, folder: Path, device: Literal["auto", "cpu", "cuda"]) -> None:
        missing = [name for name in NEEDED_FILES if not (folder / name).is_file()]
        if missing:
            raise WeightsError(
                f"The recogniser in {folder} lacks {', '.join(missing)}; "
                "train it anew or reinstall tonescribe."
            )
        self._whisper = _load(folder, device)
        self._tokens = self._whisper.hf_tokenizer
        ids = [self._tokens.token_to_id(name) for name in _SPECIAL]
        if None in ids or self._whisper.model.is_multilingual:
            raise WeightsError(
                f"The recogniser in {folder} is none of English alone with the tokens "
                f"{' '.join(_SPECIAL)}; name it under the engine whisperx instead."
            )
        self._end, self._start, self._previous, self._plain = ids
        # -1 stands for those that config.json suppresses; special tokens follow the end's
        self._never_said = [-1, *range(self._end + 1, self._tokens.get_vocab_size())]

    def decode(
        self, sounds: Sequence[Samples], hot_words: Sequence[str] = ()
    ) -> list[list[DecodedWord]]:
        """Words of each piece of sound (mono, 16 kHz, at most 15 s), decoded as one batch.

        `hot_words` are names and terms that may be said; as many are told as fit in 40 tokens.
        """
        if not sounds:
            return []
        frames = [self._whisper.feature_extractor(sound)[..., :-1] for sound in sounds]
        states = self._whisper.encode(np.stack([_with_silence(rows) for rows in frames]))
        written = self._write(states, self._prompt(hot_words), max(map(len, sounds)))
        aligned = self._whisper.model.align(
            states,
            [self._start],
            written,
            [min(_FRAMES, max(2, rows.shape[-1])) for rows in frames],
        )
        return [
            list(self._words(ids, found, len(sound) / SAMPLE_RATE))
            for ids, found, sound in zip(written, aligned, sounds, strict=True)
        ]

    def _write(self, states: Any, prompt: list[int], n_samples: int) -> list[list[int]]:
        """Tokens of each piece; what went round in a loop is written once more without."""
        written = self._search(states, prompt, n_samples)
        looped = [has_loop(self._tokens.decode(ids).split()) for ids in written]
        if not any(looped):
            return written
        again = self._search(states, prompt, n_samples, no_repeat_ngram_size=_NOT_AGAIN)
        return [new if lost else ids for ids, new, lost in zip(written, again, looped, strict=True)]

    def _search(
        self, states: Any, prompt: list[int], n_samples: int, **rules: int
    ) -> list[list[int]]:
        """Tokens of each piece, by beam search."""
        most = math.ceil(n_samples / SAMPLE_RATE * _TOKENS_PER_SECOND) + _TOKENS_PER_SECOND
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

    def _prompt(self, hot_words: Sequence[str]) -> list[int]:
        hints: list[int] = []
        for count in range(1, len(hot_words) + 1):
            told = self._tokens.encode(
                " " + ", ".join(hot_words[:count]), add_special_tokens=False
            ).ids
            if len(told) > _MOST_HINTS:
                break
            hints = [number for number in told if number < self._end]
        before = [self._previous, *hints] if hints else []
        return [*before, self._start, self._plain]

    def _words(self, ids: Sequence[int], found: Any, duration: Seconds) -> Iterator[DecodedWord]:
        """Words of one piece: tokens from one that begins with a space to the next."""
        if not ids:
            return
        begins = [0] * (len(ids) + 1)
        for token, state in reversed(found.alignments):
            begins[min(token, len(ids))] = state
        chances = np.log(np.maximum(found.text_token_probs, _LEAST_PROBABILITY))
        names = [self._tokens.id_to_token(number) for number in ids]
        firsts = [n for n, name in enumerate(names) if n == 0 or name.startswith(_WORD_BEGINS)]
        for first, last in zip(firsts, [*firsts[1:], len(ids)], strict=True):
            text = _OK.sub(_okay, self._tokens.decode(list(ids[first:last])).strip())
            if not any(map(str.isalnum, text)):
                continue
            start, end = (min(duration, begins[n] / _STATES_PER_SECOND) for n in (first, last))
            yield DecodedWord(text, start, end, tuple(map(float, chances[first:last])))


def _okay(found: re.Match[str]) -> str:
    return "Okay" if found.group()[0].isupper() else "okay"


def _with_silence(frames: np.ndarray) -> np.ndarray:
    """Fill log-mel frames (80, n) up with silence to (80, 1600), or cut them there."""
    silent = max(0, _FRAMES - frames.shape[-1])
    return np.pad(frames, ((0, 0), (0, silent)), constant_values=frames.min())[:, :_FRAMES]


def _load(folder: Path, device: Literal["auto", "cpu", "cuda"]) -> Any:
    import torch
    from faster_whisper import WhisperModel

    from models.precision import choose_device

    chosen = choose_device(device).type
    try:
        return WhisperModel(
            str(folder),
            device=chosen,
            compute_type="int8",
            cpu_threads=torch.get_num_threads(),
            local_files_only=True,
        )
    except Exception as error:  # tokenizers raises bare exceptions
        raise WeightsError(
            f"The recogniser in {folder} cannot be loaded: {error}; "
            "train it anew or reinstall tonescribe."
        ) from error
