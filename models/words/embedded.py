"""Words by the recogniser that comes with tonescribe: English, on two cores, without a hub."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from models.checkpoint import SHIPPED, file_digest
from models.protocols import Transcriber, Waveform
from models.words.chunks import Window, speech_chunks, windows
from models.words.confidence import read_confidence
from models.words.decoder import LONGEST, NEEDED_FILES, DecodedWord, Decoder
from models.words.english import heard_other, is_english, told_other
from models.words.heard import PAD, Span, Splice, heard_spans, splice, within
from models.words.loops import find_loops, shorten
from models.words.none import NoTranscriber
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.speech import Stretch, Transcript, Turn, Word
from schemas.values import Seconds, to_grid

SHIPPED_WORDS = SHIPPED / "words"
"""The folder of the recogniser that ships."""

CONFIDENCE_FILE = "confidence.json"

_SHORTEST_WORD: Seconds = 0.02
_UNDERSIDE = 0.01
"""How far under the threshold words of a loop are put."""


class Heard(NamedTuple):
    """One splice of speech, the words that were decoded from it, and where people were heard.

    Times of `words` are those of the splice; `spans` are the recording's, without pads.
    """

    splice: Splice
    words: list[DecodedWord]
    spans: list[Span]


class EmbeddedTranscriber:
    """Transcribes English by a small Whisper, and says how sure it is of every word.

    Weights: the folder that `weights.transcriber` names, else `models/weights/words`. Raises
    `WeightsError` where files are missing or broken.
    """

    name = "embedded"

    def __init__(self, weights: WeightSettings) -> None:
        self._folder = named_folder(weights) or SHIPPED_WORDS
        self._batch_size = weights.batch_size
        self._decoder = Decoder(self._folder, weights.device)
        self._confidence = read_confidence(self._folder / CONFIDENCE_FILE)

    @property
    def digest(self) -> str:
        """Digest over the files of the recogniser."""
        files = [self._folder / name for name in (*NEEDED_FILES, CONFIDENCE_FILE)]
        return hashlib.sha256("".join(map(file_digest, files)).encode()).hexdigest()[:12]

    def transcribe(
        self,
        waveform: Waveform,
        turns: Sequence[Turn],
        language: str | None,
        hot_words: Sequence[str] = (),
    ) -> Transcript:
        """Return the words that are spoken in the turns, each with the probability to be right.

        Another language than English, told or heard, has no words and a sentence why. Phrases
        that go round in a loop are said once, unsurely. Sound is read in windows of at most five
        minutes.
        """
        if not is_english(language):
            return Transcript(language=language, engine=self.name, reason=told_other())
        words: list[Word] = []
        looped: list[Stretch] = []
        heard: list[Stretch] = []
        scores: list[float] = []
        for piece in self.listen(waveform, turns, hot_words):
            own = self._confidence.scores(piece.words)
            scores += own.tolist()
            heard += [Stretch(start=to_grid(start), end=to_grid(end)) for start, end in piece.spans]
            placed = _placed(piece, own)
            said, loops = without_loops(placed, self._confidence.threshold - _UNDERSIDE)
            words += said
            looped += loops
        reason = _reason(heard, scores)
        if scores and language is None and np.mean(scores) < self._confidence.foreign_below:
            words, looped, reason = [], [], heard_other(float(np.mean(scores)))
        return Transcript(
            words=tuple(words),
            language=language or ("en" if words else None),
            engine=self.name,
            reason=reason,
            scores_are_calibrated=True,
            looped=tuple(looped),
            heard=tuple(heard),
        )

    def listen(
        self, waveform: Waveform, turns: Sequence[Turn], hot_words: Sequence[str] = ()
    ) -> Iterator[Heard]:
        """Yield what is decoded, piece after piece, in order; nothing accumulates."""
        chunks = speech_chunks(turns, waveform.duration, LONGEST)
        for window in windows(chunks):
            yield from self._listen(waveform, window, hot_words)

    def _listen(
        self, waveform: Waveform, window: Window, hot_words: Sequence[str]
    ) -> Iterator[Heard]:
        sound = waveform.read(window.start, window.end)
        found = heard_spans(sound, LONGEST - 2 * PAD)
        on_clock = [(start + window.start, end + window.start) for start, end in found]
        spans = within(on_clock, window.chunks)
        pieces = list(splice(spans, (window.start, window.end), LONGEST))
        for first in range(0, len(pieces), self._batch_size):
            batch = pieces[first : first + self._batch_size]
            sounds = [piece.samples(sound, window.start) for piece in batch]
            decoded = self._decoder.decode(sounds, hot_words)
            for piece, words in zip(batch, decoded, strict=True):
                yield Heard(piece, words, within(spans, piece.spans))


def open_recogniser(weights: WeightSettings) -> Transcriber:
    """The recogniser that the settings name or that ships; none where neither is there."""
    if named_folder(weights) is None and not SHIPPED_WORDS.is_dir():
        return NoTranscriber(weights)
    return EmbeddedTranscriber(weights)


def named_folder(weights: WeightSettings) -> Path | None:
    """The folder that `weights.transcriber` names; None where it is the name of a model in a hub.

    Raises `WeightsError` where it looks like a path and there is no such folder.
    """
    folder = Path(weights.transcriber).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or weights.transcriber.startswith("."):
        raise WeightsError(
            f"There is no folder {folder}: weights.transcriber must be a folder with a recogniser."
        )
    return None


def without_loops(words: Sequence[Word], most: float) -> tuple[list[Word], list[Stretch]]:
    """Say every loop once, its words no surer than `most`; return where loops were, too."""
    kept: list[Word] = []
    looped: list[Stretch] = []
    at = 0
    for loop in find_loops([word.word for word in words]):
        kept += words[at : loop.first]
        kept += [_unsure(word, most) for word in words[loop.first : loop.first + loop.length]]
        looped.append(Stretch(start=words[loop.first].start, end=words[loop.end - 1].end))
        at = loop.end
    kept += words[at:]
    for number, word in enumerate(kept):
        short = shorten(word.word)
        if short != word.word:
            kept[number] = _unsure(word.model_copy(update={"word": short}), most)
            looped.append(Stretch(start=word.start, end=word.end))
    return kept, looped


def _unsure(word: Word, most: float) -> Word:
    return word.model_copy(update={"score": max(0.0, min(word.score or 0.0, most))})


def _placed(piece: Heard, scores: Sequence[float]) -> list[Word]:
    """The words of a piece on the recording's clock; times never run backwards."""
    placed: list[Word] = []
    for word, score in zip(piece.words, scores, strict=True):
        start, end = piece.splice.on_clock(word.start, word.end)
        before = placed[-1] if placed else None
        end = max(end, start + _SHORTEST_WORD, before.end if before else 0.0)
        end = min(end, piece.splice.spans[-1][1])
        start = max(min(start, end - _SHORTEST_WORD), before.start if before else 0.0)
        placed.append(
            Word(word=word.text, start=to_grid(start), end=to_grid(end), score=float(score))
        )
    return placed


def _reason(heard: Sequence[Stretch], scores: Sequence[float]) -> str | None:
    if scores:
        return None
    if heard:
        return "The recogniser heard no words in the recording."
    return "Nobody is heard to speak in the recording."
