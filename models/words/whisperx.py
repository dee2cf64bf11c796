"""Words by whisperX: batched Whisper (faster-whisper), then forced alignment.

After Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision", and
Bain et al. 2023, "WhisperX: Time-Accurate Speech Transcription of Long-Form Audio".
"""

import contextlib
import dataclasses
import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.protocols import Samples, Waveform
from models.words.aligner import Aligner, can_align, spread
from models.words.chunks import Window, speech_chunks, windows
from models.words.whisperx_logging import keep_words_out_of_logs
from schemas.errors import SettingsError, WeightsError
from schemas.settings import WeightSettings
from schemas.speech import Transcript, Turn, Word
from schemas.values import Seconds

_NEEDED_FILES = ("model.bin", "config.json", "tokenizer.json")
_LONGEST_CHUNK: Seconds = 29.5
_HASHED_BYTES = 1 << 20


class WhisperXTranscriber:
    """Transcribes with a Whisper checkpoint in CTranslate2's format.

    `weights.transcriber` is a folder, or the name of a model in the hub cache. Raises
    `WeightsError` where it is neither.
    """

    name = "whisperx"

    def __init__(self, weights: WeightSettings) -> None:
        self._weights = weights
        self._folder = _find(weights)
        self._device = _device(weights)
        self._aligners: dict[str, Aligner | None] = {}
        self._pipeline, self._speech = self._load()

    @property
    def digest(self) -> str:
        """Digest over the names, sizes and both ends of the checkpoint's files, and the aligner."""
        digest = hashlib.sha256(self._weights.aligner.encode())
        for path in sorted(self._folder.iterdir()):
            with path.open("rb") as file:
                size = file.seek(0, 2)
                digest.update(f"{path.name} {size}".encode())
                for start in (0, max(0, size - _HASHED_BYTES)):
                    file.seek(start)
                    digest.update(file.read(_HASHED_BYTES))
        return digest.hexdigest()[:12]

    def transcribe(
        self,
        waveform: Waveform,
        turns: Sequence[Turn],
        language: str | None,
        hot_words: Sequence[str] = (),
    ) -> Transcript:
        """Return the words that are spoken in the turns; where nobody speaks nothing is heard.

        The sound is read in windows of at most five minutes. The language is told, else detected
        in the first half minute of speech. Raises `SettingsError` for a language that the
        checkpoint does not know, `WeightsError` where its aligner is missing.
        """
        chunks = speech_chunks(turns, waveform.duration, _LONGEST_CHUNK)
        if not chunks:
            return Transcript(
                language=language, engine=self.name, reason="Nobody speaks in the recording."
            )
        spoken = self._language(waveform, chunks, language)
        aligner = self._aligner(spoken)
        told = ", ".join(hot_words) or None
        self._pipeline.options = dataclasses.replace(self._pipeline.options, hotwords=told)
        words = [
            word
            for window in windows(chunks)
            for word in self._words(waveform, window, spoken, aligner)
        ]
        reason = None if words else "The recogniser heard no words in the recording."
        return Transcript(
            words=tuple(sorted(words, key=lambda word: word.start)),
            language=language or spoken,
            engine=self.name,
            reason=reason,
        )

    def _load(self) -> tuple[Any, Any]:
        keep_words_out_of_logs()
        import whisperx

        from models.words.given_speech import GivenSpeech

        speech = GivenSpeech()
        try:
            with contextlib.redirect_stdout(sys.stderr):  # it prints; standard output is ours
                pipeline = whisperx.load_model(
                    str(self._folder),
                    self._device,
                    compute_type="float16" if self._device == "cuda" else "int8",
                    vad_model=speech,
                    local_files_only=True,
                )
        except (RuntimeError, ValueError, OSError) as error:
            raise WeightsError(
                f"The recogniser in {self._folder} cannot be loaded: {error}; "
                "it must be a Whisper checkpoint in CTranslate2's format."
            ) from error
        return pipeline, speech

    def _language(
        self,
        waveform: Waveform,
        chunks: Sequence[tuple[Seconds, Seconds]],
        language: str | None,
    ) -> str:
        model = self._pipeline.model
        if language is not None:
            code = language.split("-")[0].lower()
            if code not in model.supported_languages:
                raise SettingsError(f"The recogniser does not know the language '{language}'.")
            return code
        if not model.model.is_multilingual:
            return "en"
        return str(self._pipeline.detect_language(_beginning(waveform, chunks)))

    def _aligner(self, language: str) -> Aligner | None:
        """The aligner of a language, loaded once; None where nobody has made one."""
        if language not in self._aligners:
            known = can_align(language, self._weights)
            made = Aligner(language, self._weights, self._device) if known else None
            self._aligners[language] = made
        return self._aligners[language]

    def _words(
        self, waveform: Waveform, window: Window, language: str, aligner: Aligner | None
    ) -> Iterator[Word]:
        samples = waveform.read(window.start, window.end)
        self._speech.chunks = [(s - window.start, e - window.start) for s, e in window.chunks]
        heard = self._pipeline.transcribe(
            samples, batch_size=self._weights.batch_size, language=language, task="transcribe"
        )
        for segment in heard["segments"]:
            text, start, end = segment["text"].strip(), segment["start"], segment["end"]
            if not text:
                continue
            if aligner is None:
                yield from spread(text, start + window.start, end + window.start)
            else:
                yield from aligner.align(text, samples, start, end, window.start)


def _beginning(waveform: Waveform, chunks: Sequence[tuple[Seconds, Seconds]]) -> Samples:
    """The first half minute of speech, in which the language is detected."""
    pieces: list[Samples] = []
    left = 30.0
    for start, end in chunks:
        end = min(end, start + left)
        pieces.append(waveform.read(start, end))
        left -= end - start
        if left <= 0:
            break
    return np.concatenate(pieces)


def _find(weights: WeightSettings) -> Path:
    """The folder of the checkpoint; only with `allow_hub` is it ever fetched."""
    name = weights.transcriber
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _from_hub(name, allow_hub=weights.allow_hub)
    missing = [file for file in _NEEDED_FILES if not (folder / file).is_file()]
    if missing:
        raise WeightsError(
            f"The recogniser in {folder} lacks {', '.join(missing)}; "
            "it must be a Whisper checkpoint in CTranslate2's format."
        )
    return folder


def _from_hub(name: str, *, allow_hub: bool) -> Path:
    from faster_whisper.utils import download_model

    try:
        return Path(download_model(name, local_files_only=not allow_hub))
    except (ValueError, OSError, RuntimeError) as error:
        raise WeightsError(
            f"The recogniser '{name}' is neither a folder nor in the hub cache: set "
            "weights.transcriber to a folder with a Whisper checkpoint in CTranslate2's format, "
            "or set weights.allow_hub to download it."
        ) from error


def _device(weights: WeightSettings) -> str:
    import torch

    if weights.device != "auto":
        return weights.device
    return "cuda" if torch.cuda.is_available() else "cpu"
