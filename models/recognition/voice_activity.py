"""Detect voice activity and splice speech into windows for the recogniser.

A recogniser that is shown music, noise or silence invents words. Silero's detector (MIT, from
faster-whisper's wheel) leaves most of that out; its thresholds are chosen on AMI clips
(docs/decisions/010).
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.audio.sound import is_silent, normalise_loudness
from models.protocols import Samples
from schemas.values import SAMPLE_RATE, Seconds

Span = tuple[Seconds, Seconds]
"""Start and end of a stretch of speech."""

PAD: Seconds = 0.5
"""What a recogniser is shown before and after each stretch: the detector cuts soft consonants."""

_SPOKEN, _SILENT = 0.3, 0.15
"""Probabilities of speech at which a stretch begins, and under which it ends."""
_PAUSE_MS = 600
_SHORTEST: Seconds = 0.05


def heard_spans(samples: Samples, longest: Seconds) -> list[Span]:
    """Stretches in which somebody speaks (seconds from the first sample), none over `longest`.

    One that would be longer is cut at its last pause of a tenth of a second, if it has any.
    """
    if is_silent(samples):
        return []
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    rules = VadOptions(
        threshold=_SPOKEN,
        neg_threshold=_SILENT,
        min_silence_duration_ms=_PAUSE_MS,
        max_speech_duration_s=longest,
        speech_pad_ms=0,
    )
    found = get_speech_timestamps(normalise_loudness(samples), rules)
    return [(span["start"] / SAMPLE_RATE, span["end"] / SAMPLE_RATE) for span in found]


def within(spans: Sequence[Span], bounds: Sequence[Span]) -> list[Span]:
    """Return the parts of spans inside the bounds; both in order, touching bounds are one."""
    joined: list[Span] = []
    for start, end in bounds:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    parts = (
        (max(start, low), min(end, high))
        for (start, end), (low, high) in itertools.product(spans, joined)
    )
    return sorted(part for part in parts if part[1] - part[0] >= _SHORTEST)


@dataclass(frozen=True)
class Splice:
    """Stretches of speech set end to end, the pauses between them left out."""

    spans: tuple[Span, ...]

    @property
    def duration(self) -> Seconds:
        """Seconds of speech."""
        return sum(end - start for start, end in self.spans)

    def samples(self, sound: Samples, origin: Seconds) -> Samples:
        """Return the samples of all stretches; `sound` begins at `origin`."""
        edges = [[round((at - origin) * SAMPLE_RATE) for at in span] for span in self.spans]
        pieces = [sound[max(0, first) : last] for first, last in edges]
        return np.concatenate(pieces).astype(np.float32, copy=False)

    def on_clock(self, start: Seconds, end: Seconds) -> Span:
        """Return times of a word in the splice as times of the recording, inside one stretch.

        A word over a seam belongs to the stretch that holds more of it.
        """
        best, before, most = self.spans[-1], self.duration, -1.0
        passed = 0.0
        for span in self.spans:
            length = span[1] - span[0]
            shared = min(end, passed + length) - max(start, passed)
            if shared > most:
                best, before, most = span, passed, shared
            passed += length
        low, high = best
        return max(low, low + start - before), min(high, low + end - before)


def splice(spans: Sequence[Span], bounds: Span, longest: Seconds) -> Iterator[Splice]:
    """Pad stretches of speech and set them end to end, up to `longest` seconds at once.

    Pads neither overlap each other nor leave the bounds. A stretch that is too long for one
    splice must have been cut before.
    """
    group: list[Span] = []
    for span in _padded(spans, bounds):
        if group and Splice((*group, span)).duration > longest:
            yield Splice(tuple(group))
            group = []
        group.append(span)
    if group:
        yield Splice(tuple(group))


def _padded(spans: Sequence[Span], bounds: Span) -> Iterator[Span]:
    for number, (start, end) in enumerate(spans):
        before = (spans[number - 1][1] + start) / 2 if number else bounds[0]
        after = (end + spans[number + 1][0]) / 2 if number + 1 < len(spans) else bounds[1]
        yield max(start - PAD, before), min(end + PAD, after)
