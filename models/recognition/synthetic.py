"""Words out of tones: the deterministic transcriber of tests.

A stretch of a pure tone is speech. Every 0.4 seconds of it are one word, taken in turn from a
vocabulary that the pitch chooses. It needs no weights, and shows how to write a transcriber.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from models.protocols import Samples, Waveform
from schemas.settings import WeightSettings
from schemas.speech import Transcript, Turn, Word
from schemas.values import Seconds, to_grid

WORD_SECONDS = 0.4
"""Length of a word."""

VOCABULARIES: tuple[tuple[str, ...], ...] = (
    ("what", "a", "wonderful", "day", "i", "am", "so", "happy"),
    ("this", "is", "terrible", "and", "makes", "me", "very", "angry"),
    ("the", "numbers", "are", "in", "the", "report", "on", "page"),
    ("i", "miss", "them", "and", "feel", "rather", "sad", "today"),
)
"""Which one a voice speaks from: its pitch in steps of 150 Hz above 300 Hz, in turn."""

_STEP_HZ = 150.0
_LOWEST_HZ = 300.0
_HOP_SECONDS = 0.02
_WINDOW_SECONDS = 60.0
_QUIET_RMS = 0.01


class ToneTranscriber:
    """Hears a word in every 0.4 seconds of tone."""

    name = "synthetic"

    def __init__(self, weights: WeightSettings) -> None:
        """Take the settings that every engine takes; there are no weights to load."""

    @property
    def digest(self) -> str:
        """Digest of the vocabularies."""
        facts = repr((VOCABULARIES, WORD_SECONDS)).encode()
        return hashlib.sha256(facts).hexdigest()[:12]

    def transcribe(
        self,
        waveform: Waveform,
        turns: Sequence[Turn],  # noqa: ARG002
        language: str | None,
        hot_words: Sequence[str] = (),  # noqa: ARG002
        *,
        languages: Collection[str] = (),  # noqa: ARG002
        language_changes: bool = False,  # noqa: ARG002
    ) -> Transcript:
        """Return the words of all tones; of several at once, the loudest one's."""
        words: list[Word] = []
        spoken: dict[int, int] = {}
        for start, end in _bursts(waveform):
            count = max(1, round((end - start) / WORD_SECONDS))
            for number in range(count):
                first = start + number * (end - start) / count
                last = start + (number + 1) * (end - start) / count
                pitch = _pitch(waveform.read(first, last), waveform.sample_rate)
                voice = max(0, round((pitch - _LOWEST_HZ) / _STEP_HZ))
                words.append(_word(voice, spoken.get(voice, 0), first, last))
                spoken[voice] = spoken.get(voice, 0) + 1
        reason = None if words else "There is no tone in the recording."
        return Transcript(
            words=tuple(words), language=language or "en", engine=self.name, reason=reason
        )


def _word(voice: int, number: int, start: Seconds, end: Seconds) -> Word:
    vocabulary = VOCABULARIES[voice % len(VOCABULARIES)]
    text = vocabulary[number % len(vocabulary)]
    return Word(word=text, start=to_grid(start), end=to_grid(end), score=1.0)


def _bursts(waveform: Waveform) -> Iterator[tuple[Seconds, Seconds]]:
    """Yield the stretches that are not silent, read in windows."""
    start: Seconds | None = None
    for at, is_loud in _loudness(waveform):
        if is_loud and start is None:
            start = at
        elif not is_loud and start is not None:
            yield start, at
            start = None
    if start is not None:
        yield start, waveform.duration


def _loudness(waveform: Waveform) -> Iterator[tuple[Seconds, bool]]:
    hop = round(_HOP_SECONDS * waveform.sample_rate)
    window = 0.0
    while window < waveform.duration:
        end = min(window + _WINDOW_SECONDS, waveform.duration)
        samples = waveform.read(window, end)
        frames = samples[: len(samples) // hop * hop].reshape(-1, hop)
        for number, rms in enumerate(np.sqrt((frames**2).mean(axis=1))):
            yield window + number * _HOP_SECONDS, bool(rms > _QUIET_RMS)
        window += _WINDOW_SECONDS


def _pitch(samples: Samples, sample_rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * sample_rate / len(samples))
