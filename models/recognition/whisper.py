"""Speech recognition by any Whisper in CTranslate2's format; profiles differ by its folder."""

import dataclasses
import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from models.checkpoint import SHIPPED, file_digest
from models.network_store import find_network
from models.networks import ENGINE_NETWORKS, NETWORKS
from models.protocols import Transcriber, Waveform
from models.recognition.confidence import read_confidence
from models.recognition.decoder import NEEDED_FILES, DecodedWord
from models.recognition.language import code_of, unknown_language
from models.recognition.lexicon import is_known
from models.recognition.loops import find_loops, shorten
from models.recognition.name_correction import common_words, mend_names
from models.recognition.no_recogniser import NoTranscriber
from models.recognition.pipeline import Heard, Listener
from schemas.errors import WeightsError
from schemas.settings import WeightSettings
from schemas.speech import SpokenStretch, Stretch, Transcript, Turn, Word
from schemas.values import Seconds, to_grid

CALIBRATION = SHIPPED / "transcriber.json"
"""How sure Whisper base may be of its words; other networks without a file of their own use it."""

CONFIDENCE_FILE = "confidence.json"
"""A folder's own calibration."""

_INVENTED = 0.05
"""A piece in which no word is likelier to be right has none: hums and chords make "Yeah." of it."""

_SHORTEST_WORD: Seconds = 0.02
_UNDERSIDE = 0.01
"""How far under the threshold words of a loop, and words of no lexicon, are put."""


class WhisperTranscriber:
    """Transcribes, and says how sure it is of every word.

    `folder` is a checkpoint in CTranslate2's format. Raises `WeightsError` where files are
    missing or broken.
    """

    def __init__(self, folder: Path, weights: WeightSettings, name: str = "whisper") -> None:
        self.name = name
        self._folder = folder
        own = folder / CONFIDENCE_FILE
        self._calibration = own if own.is_file() else CALIBRATION
        self._confidence = read_confidence(self._calibration)
        self._listener = Listener(folder, weights.device, weights.batch_size, weights.compute)
        self._common = common_words(folder)

    @property
    def digest(self) -> str:
        """Digest over the files of the recogniser and its calibration."""
        files = [*(self._folder / name for name in NEEDED_FILES), self._calibration]
        return hashlib.sha256("".join(map(file_digest, files)).encode()).hexdigest()[:12]

    def transcribe(
        self,
        waveform: Waveform,
        turns: Sequence[Turn],
        language: str | None,
        hot_words: Sequence[str] = (),
        *,
        languages: Collection[str] = (),
        language_changes: bool = False,
    ) -> Transcript:
        """Return the words that are spoken in the turns, each with the probability to be right.

        Without a `language` it is found over several pieces, among `languages` if there are any;
        where it changes, per piece. A language that the network does not know has no words and a
        sentence why. Phrases that go round in a loop are given once, unsurely; a piece of which no
        word may be right has none. What nearly sounds like one of the `hot_words` becomes it, as
        sure as it is alike; other words that are in no lexicon are unsure. Sound is read in
        windows of at most five minutes.
        """
        known = self._listener.languages
        allowed = frozenset(map(code_of, languages)) & known
        if language is not None and code_of(language) not in known:
            reason = unknown_language(language, known)
            return Transcript(language=language, engine=self.name, reason=reason)
        main = code_of(language) if language else None
        spoken = main or self._listener.find_language(waveform, turns, allowed)
        if spoken is None:
            return self._transcript([], None, "Nobody is heard to speak in the recording.")
        changing = allowed if language_changes and len(known) > 1 else None
        pieces = self._listener.listen(waveform, turns, spoken, hot_words, changing=changing)
        return self._gather(pieces, language or spoken, hot_words)

    def _gather(
        self, pieces: Iterable[Heard], language: str, hot_words: Sequence[str]
    ) -> Transcript:
        words: list[Word] = []
        looped: list[Stretch] = []
        heard: list[Stretch] = []
        changes: list[SpokenStretch] = []
        least = self._confidence.threshold - _UNDERSIDE
        extra = self._common | {
            part.casefold() for phrase in hot_words for part in re.findall(r"[^\W\d_]+", phrase)
        }
        for piece in pieces:
            decoded = mark_known(piece, extra)
            own = self._confidence.scores(decoded).tolist()
            heard += [Stretch(start=to_grid(start), end=to_grid(end)) for start, end in piece.spans]
            changes += [
                SpokenStretch(start=span.start, end=span.end, language=piece.language)
                for span in heard[-len(piece.spans) :]
            ]
            if max(own, default=1.0) < _INVENTED:
                continue
            limited = [
                score if word.is_known else min(score, least)
                for word, score in zip(decoded, own, strict=True)
            ]
            mended = mend_names(on_clock(piece, limited), hot_words, self._common)
            kept, loops = without_loops(mended, least)
            words += kept
            looped += loops
        return self._transcript(words, language, _reason(heard, words)).model_copy(
            update={
                "looped": tuple(looped),
                "heard": tuple(heard),
                "languages": tuple(changes) if len({c.language for c in changes}) > 1 else (),
            }
        )

    def _transcript(
        self, words: Sequence[Word], language: str | None, reason: str | None
    ) -> Transcript:
        return Transcript(
            words=tuple(words),
            language=language,
            engine=self.name,
            reason=reason,
            scores_are_calibrated=True,
            heard=(),
        )


def mark_known(piece: Heard, extra: Collection[str]) -> list[DecodedWord]:
    """Return the words of a piece, each marked whether it is in the lexicon of its language."""
    return [
        dataclasses.replace(word, is_known=is_known(word.text, piece.language, extra))
        for word in piece.words
    ]


def open_embedded(weights: WeightSettings) -> Transcriber:
    """Return the recogniser of the embedded profile."""
    return _open("embedded", weights)


def open_standard(weights: WeightSettings) -> Transcriber:
    """Return the recogniser of the standard profile."""
    return _open("whisper", weights)


def _open(engine: str, weights: WeightSettings) -> Transcriber:
    """Return the recogniser of the settings, else the engine's; without words where it is missing.

    Raises `WeightsError` where the settings name something that is not there or is broken.
    """
    named = weights.transcriber
    if named in NETWORKS:
        return WhisperTranscriber(find_network(named, weights), weights, engine)
    if named:
        return WhisperTranscriber(_named_folder(weights), weights, engine)
    (network,) = ENGINE_NETWORKS["transcriber", engine]
    try:
        folder = find_network(network, weights)
    except WeightsError as error:
        return NoTranscriber(weights, f"There are no words: {error.sentence}")
    return WhisperTranscriber(folder, weights, engine)


def _named_folder(weights: WeightSettings) -> Path:
    """Return the folder that `weights.transcriber` names, or that of a hub's model."""
    from faster_whisper.utils import download_model

    folder = Path(weights.transcriber).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or weights.transcriber.startswith("."):
        raise WeightsError(
            f"There is no folder {folder}: weights.transcriber must be a folder with a recogniser."
        )
    try:
        return Path(download_model(weights.transcriber, local_files_only=not weights.allow_hub))
    except (ValueError, OSError, RuntimeError) as error:
        raise WeightsError(
            f"The recogniser '{weights.transcriber}' is neither a folder, a network of 'tonescribe "
            "weights' nor in the hub's cache; set weights.transcriber to a folder in CTranslate2's "
            "format, or set weights.allow_hub to download it."
        ) from error


def on_clock(piece: Heard, scores: Sequence[float]) -> list[Word]:
    """Return the words of a piece on the recording's clock; times never run backwards."""
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
