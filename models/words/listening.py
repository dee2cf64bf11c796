"""From a recording's turns to decoded words: hear, splice, decode, a few minutes at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from models.protocols import Waveform
from models.words.chunks import Window, speech_chunks, windows
from models.words.decoder import LONGEST, DecodedWord, Decoder
from models.words.heard import PAD, Span, Splice, heard_spans, splice, within
from schemas.speech import Turn


class Heard(NamedTuple):
    """One splice of speech, the words that were decoded from it, and where people were heard.

    Times of `words` are those of the splice; `spans` are the recording's, without pads.
    """

    splice: Splice
    words: list[DecodedWord]
    spans: list[Span]


class Listener:
    """Decodes what a voice detector hears in the turns; `WeightsError` as `Decoder` raises it."""

    def __init__(
        self, folder: Path, device: Literal["auto", "cpu", "cuda"] = "auto", batch_size: int = 16
    ) -> None:
        self._decoder = Decoder(folder, device)
        self._batch_size = batch_size

    def listen(
        self, waveform: Waveform, turns: Sequence[Turn], hot_words: Sequence[str] = ()
    ) -> Iterator[Heard]:
        """Yield what is decoded, in order; at most five minutes of sound are read at once."""
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
