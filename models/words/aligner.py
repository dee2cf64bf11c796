"""Forced alignment of words to sound by whisperX and a wav2vec 2.0 network with a CTC head.

After Bain et al. 2023, "WhisperX: Time-Accurate Speech Transcription of Long-Form Audio".
"""

import atexit
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.protocols import Samples
from models.words.timing import HeardWord, fill_in_times
from models.words.whisperx_logging import keep_words_out_of_logs
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.speech import Word
from schemas.values import Seconds

_PUNKT_TABLES = ("abbrev_types.txt", "collocations.tab", "ortho_context.tab", "sent_starters.txt")


class Aligner:
    """Aligns the words of one language.

    Raises `WeightsError` where the network is neither a folder nor in the cache, and the hub is
    not allowed.
    """

    def __init__(self, language: str, weights: WeightSettings, device: str) -> None:
        keep_words_out_of_logs()
        self._device = device
        self._network, self._facts = _load(language, weights, device)

    def align(
        self, text: str, samples: Samples, start: Seconds, end: Seconds, origin: Seconds
    ) -> list[Word]:
        """Return the words of one segment with times from the recording's start.

        `samples` is the window that begins at `origin`; `start` and `end` are seconds in it.
        """
        import whisperx

        segment = {"text": text, "start": start, "end": end}
        result = whisperx.align([segment], self._network, self._facts, samples, self._device)
        heard = [self._heard(word, origin) for word in result["word_segments"]]
        if "".join(word.word for word in heard) != "".join(text.split()):
            return spread(text, start + origin, end + origin)  # it gave up on a part of them
        return fill_in_times(heard, start + origin, end + origin)

    def _heard(self, word: Mapping[str, Any], origin: Seconds) -> HeardWord:
        """Keep the times of a word only where one of its letters was aligned for certain.

        whisperX gives digits and symbols the times of a wildcard or of their neighbours.
        """
        known = any(letter.lower() in self._facts["dictionary"] for letter in word["word"])
        if not known or "score" not in word or "start" not in word or "end" not in word:
            return HeardWord(word["word"])
        start, end = float(word["start"]) + origin, float(word["end"]) + origin
        return HeardWord(word["word"], start, end, float(word["score"]))


def spread(text: str, start: Seconds, end: Seconds) -> list[Word]:
    """Spread the words of a text over a segment, where there is nothing to align them with."""
    return fill_in_times([HeardWord(word) for word in text.split()], start, end)


def can_align(language: str, weights: WeightSettings) -> bool:
    """Whether there is an aligner for a language at all: the settings' or whisperX's own choice."""
    from whisperx import alignment

    known = (alignment.DEFAULT_ALIGN_MODELS_TORCH, alignment.DEFAULT_ALIGN_MODELS_HF)
    return bool(weights.aligner) or any(language in table for table in known)


def _load(language: str, weights: WeightSettings, device: str) -> tuple[Any, dict[str, Any]]:
    import whisperx

    name = weights.aligner or None
    if not weights.allow_hub:
        _refuse_download(language, name)
    _provide_sentence_tables()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # it prints; standard output is ours
            network, facts = whisperx.load_align_model(
                language, device, model_name=name, model_cache_only=not weights.allow_hub
            )
    except (ValueError, OSError) as error:
        raise WeightsError(_missing(name or f"of whisperX for '{language}'")) from error
    return network, facts


def _refuse_download(language: str, name: str | None) -> None:
    """Refuse a torchaudio network that is not in the cache: it has no offline switch."""
    import torch
    import torchaudio
    from whisperx import alignment

    name = name or alignment.DEFAULT_ALIGN_MODELS_TORCH.get(language)
    if name is None or name not in torchaudio.pipelines.__all__:
        return
    file = Path(getattr(torchaudio.pipelines, name)._path).name
    if not (Path(torch.hub.get_dir()) / "checkpoints" / file).is_file():
        raise WeightsError(_missing(name))


def _missing(name: str) -> str:
    return (
        f"The aligner {name} is neither a folder nor in the cache: set weights.aligner to the "
        "folder of a wav2vec 2.0 CTC network, or set weights.allow_hub to download it."
    )


def _provide_sentence_tables() -> None:
    """Give whisperX a sentence splitter that needs no download.

    It splits segments into sentences by NLTK's Punkt, which it would fetch from the net. Only
    words matter here, so an untrained Punkt (empty tables) does.
    """
    import nltk  # type: ignore[import-untyped]
    from whisperx.utils import PUNKT_LANGUAGES

    languages: Sequence[str] = sorted({"english", *PUNKT_LANGUAGES.values()})
    missing = [language for language in languages if not _has_punkt(language)]
    if not missing:
        return
    folder = Path(tempfile.mkdtemp(prefix="tonescribe-punkt-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for language in missing:
        tables = folder / "tokenizers" / "punkt_tab" / language
        tables.mkdir(parents=True)
        for table in _PUNKT_TABLES:
            (tables / table).touch()
    nltk.data.path.append(str(folder))


def _has_punkt(language: str) -> bool:
    import nltk

    try:
        nltk.data.find(f"tokenizers/punkt_tab/{language}/")
    except LookupError:
        return False
    return True
