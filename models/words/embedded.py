"""Words by the recogniser that comes with tonescribe: English, on two cores, without a hub."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.checkpoint import SHIPPED, file_digest
from models.protocols import Transcriber, Waveform
from models.words.confidence import read_confidence
from models.words.decoder import NEEDED_FILES
from models.words.english import heard_other, is_english, told_other
from models.words.listening import Heard, Listener
from models.words.loops import find_loops, shorten
from models.words.names import common_words, mend_names
from models.words.none import NoTranscriber
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.speech import Stretch, Transcript, Turn, Word
from schemas.values import Seconds, to_grid

SHIPPED_WORDS = SHIPPED / "words"
"""The folder of the recogniser that ships."""

CONFIDENCE_FILE = "confidence.json"

_ENOUGH_WORDS = 50
"""Fewer words do not tell another language from bad sound; unsure ones are gaps in any case."""

_INVENTED = 0.05
"""A piece in which no word is likelier to be right has none: hums and chords make "Yeah." of it."""

_SHORTEST_WORD: Seconds = 0.02
_UNDERSIDE = 0.01
"""How far under the threshold words of a loop are put."""


class EmbeddedTranscriber:
    """Transcribes English by a small Whisper, and says how sure it is of every word.

    Weights: the folder that `weights.transcriber` names, else `models/weights/words`. Raises
    `WeightsError` where files are missing or broken.
    """

    name = "embedded"

    def __init__(self, weights: WeightSettings) -> None:
        self._folder = named_folder(weights) or SHIPPED_WORDS
        self._confidence = read_confidence(self._folder / CONFIDENCE_FILE)
        self._listener = Listener(self._folder, weights.device, weights.batch_size)
        self._common = common_words(self._folder)

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
        that go round in a loop are said once, unsurely; a piece of which no word may be right has
        none. What nearly sounds like one of the `hot_words` becomes it, as sure as it is alike.
        Sound is read in windows of at most five minutes.
        """
        if not is_english(language):
            return Transcript(language=language, engine=self.name, reason=told_other(language))
        words: list[Word] = []
        looped: list[Stretch] = []
        heard: list[Stretch] = []
        scores: list[float] = []
        for piece in self._listener.listen(waveform, turns, hot_words):
            own = self._confidence.scores(piece.words).tolist()
            mended = mend_names(on_clock(piece, own), hot_words, self._common)
            said, loops = without_loops(mended, self._confidence.threshold - _UNDERSIDE)
            scores += own
            heard += [Stretch(start=to_grid(start), end=to_grid(end)) for start, end in piece.spans]
            if max(own, default=1.0) < _INVENTED:
                continue
            words += said
            looped += loops
        reason = _reason(heard, words)
        judged = len(scores) >= _ENOUGH_WORDS and language is None
        if judged and np.mean(scores) < self._confidence.foreign_below:
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


def on_clock(piece: Heard, scores: Sequence[float]) -> list[Word]:
    """The words of a piece on the recording's clock; times never run backwards."""
    placed: list[Word] = []
    reached: tuple[Seconds, Seconds] = (0.0, 0.0)
    for word, score in zip(piece.words, scores, strict=True):
        start, end = piece.splice.on_clock(word.start, word.end)
        end = max(end, start + _SHORTEST_WORD, reached[1])
        end = min(end, piece.splice.spans[-1][1])
        start = max(min(start, end - _SHORTEST_WORD), reached[0])
        reached = start, end
        placed.append(Word(word=word.text, start=to_grid(start), end=to_grid(end), score=score))
    return placed


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


def _reason(heard: Sequence[Stretch], words: Sequence[Word]) -> str | None:
    if words:
        return None
    if heard:
        return "The recogniser heard no words in the recording."
    return "Nobody is heard to speak in the recording."
