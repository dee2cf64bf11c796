"""Recognise the words of a recording's turns: detect voices, splice, decode, in blocks."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from models.protocols import Samples, Waveform
from models.recognition.chunks import Window, speech_chunks, windows
from models.recognition.decoder import LONGEST, DecodedWord, Decoder
from models.recognition.language import LEAST, SURE, likeliest
from models.recognition.voice_activity import PAD, Span, Splice, heard_spans, splice, within
from schemas.speech import Turn
from schemas.values import Seconds

_PROBES = 6
"""Number of pieces, spread over the recording, by which its language is found."""

_LONGEST_OF_ONE_LANGUAGE: Seconds = 10.0
"""Most seconds of a piece where the language may change between pieces."""


class Heard(NamedTuple):
    """One splice of speech, the words decoded from it, where voices were detected, its language.

    Times of `words` are those of the splice; `spans` are the recording's, without pads.
    """

    splice: Splice
    words: list[DecodedWord]
    spans: list[Span]
    language: str


class Listener:
    """Decodes what a voice detector finds in the turns; `WeightsError` as `Decoder` raises it."""

    def __init__(
        self,
        folder: Path,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        batch_size: int = 16,
        compute: Literal["auto", "small"] = "auto",
    ) -> None:
        self._decoder = Decoder(folder, device, compute)
        self._batch_size = batch_size

    @property
    def languages(self) -> frozenset[str]:
        """The languages that it knows."""
        return self._decoder.languages

    def find_language(
        self, waveform: Waveform, turns: Sequence[Turn], allowed: Collection[str] = ()
    ) -> str | None:
        """Return the language of a recording by pieces spread over it; None without speech."""
        if len(self.languages) == 1:
            return next(iter(self.languages))
        chunks = speech_chunks(turns, waveform.duration, LONGEST)
        step = max(1, -(-len(chunks) // _PROBES))
        sounds: list[Samples] = []
        for start, end in chunks[::step]:
            sound = waveform.read(start, end)
            spans = heard_spans(sound, LONGEST - 2 * PAD)
            pieces = splice(spans, (0.0, end - start), LONGEST)
            sounds += [piece.samples(sound, 0.0) for piece in pieces][:1]
        if not sounds:
            return None
        encoded = self._decoder.encode(sounds)
        chances = self._decoder.detect_languages(encoded)
        found = likeliest(chances, encoded.durations, allowed)
        return found[0] if found else None

    def listen(
        self,
        waveform: Waveform,
        turns: Sequence[Turn],
        language: str,
        hot_words: Sequence[str] = (),
        *,
        changing: Collection[str] | None = None,
    ) -> Iterator[Heard]:
        """Yield what is decoded, in order; at most five minutes of sound are read at once.

        With `changing` the language is found per piece, from that set (empty: any), and pieces
        that do not tell are in the language before.
        """
        longest = LONGEST if changing is None else _LONGEST_OF_ONE_LANGUAGE
        for window in windows(speech_chunks(turns, waveform.duration, LONGEST)):
            for piece in self._listen(waveform, window, language, hot_words, changing, longest):
                language = piece.language
                yield piece

    def _listen(
        self,
        waveform: Waveform,
        window: Window,
        language: str,
        hot_words: Sequence[str],
        changing: Collection[str] | None,
        longest: Seconds,
    ) -> Iterator[Heard]:
        sound = waveform.read(window.start, window.end)
        found = heard_spans(sound, longest - 2 * PAD)
        on_clock = [(start + window.start, end + window.start) for start, end in found]
        spans = within(on_clock, window.chunks)
        pieces = list(splice(spans, (window.start, window.end), longest))
        for first in range(0, len(pieces), self._batch_size):
            batch = pieces[first : first + self._batch_size]
            sounds = [piece.samples(sound, window.start) for piece in batch]
            spoken = self._languages(sounds, language, changing)
            language = spoken[-1]
            decoded = self._decode(sounds, spoken, hot_words)
            for piece, words, one in zip(batch, decoded, spoken, strict=True):
                yield Heard(piece, words, within(spans, piece.spans), one)

    def _languages(
        self, sounds: Sequence[Samples], language: str, changing: Collection[str] | None
    ) -> list[str]:
        if changing is None:
            return [language] * len(sounds)
        encoded = self._decoder.encode(sounds)
        spoken = []
        for chances, seconds in zip(
            self._decoder.detect_languages(encoded), encoded.durations, strict=True
        ):
            found = likeliest([chances], [seconds], changing)
            if found and found[1] >= SURE and seconds >= LEAST:
                language = found[0]
            spoken.append(language)
        return spoken

    def _decode(
        self, sounds: Sequence[Samples], spoken: Sequence[str], hot_words: Sequence[str]
    ) -> list[list[DecodedWord]]:
        """Decode pieces, those of one language as one batch."""
        by_language: dict[str, list[int]] = defaultdict(list)
        for number, language in enumerate(spoken):
            by_language[language].append(number)
        decoded: dict[int, list[DecodedWord]] = {}
        for language, numbers in by_language.items():
            encoded = self._decoder.encode([sounds[number] for number in numbers])
            found = self._decoder.decode(encoded, language, hot_words)
            decoded |= dict(zip(numbers, found, strict=True))
        return [decoded[number] for number in range(len(sounds))]
