"""Count the errors of one recording as sums, so that recordings add up.

Rates are made of sums at the end; a mean of rates would let a recording of two words weigh as
much as one of two thousand.
"""

import bisect
import dataclasses
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from lab.wer.alignment import HypothesisWord, Judged, judge
from lab.wer.normalise import in_order, normalise, placed
from lab.wer.stm import Reference
from schemas.errors import InputError
from schemas.values import Json, Seconds

LEAST_SILENCE: Seconds = 1.0
"""A shorter stretch in which nobody speaks is a pause, and its edges are not certain."""


COLLAR: Seconds = 5.0
"""How far a word may be from its reference: meeteval's choice for meetings."""

_INSTANT: Seconds = 0.01

_SECTION: tuple[Seconds, Seconds] = (20.0, 40.0)
"""The least and the most of a section that MIMO-WER is measured on; its time grows faster than the
length. Sections part at the widest gap between words."""

_MOST_ORDERS = 5e6
"""Most interleavings of nearby words, summed over the hypothesis, that are tried in a section."""

Row = Json
"""A segment as meeteval takes it."""


class _Sum:
    """Dataclasses whose fields add up one by one."""

    def __add__(self, other: Self) -> Self:
        fields = [field.name for field in dataclasses.fields(self)]  # type: ignore[arg-type]
        return type(self)(*(getattr(self, name) + getattr(other, name) for name in fields))


@dataclass(frozen=True)
class Errors(_Sum):
    """Edits from the hypothesis to the reference, and the reference's length."""

    substitutions: int = 0
    insertions: int = 0
    deletions: int = 0
    length: int = 0

    @property
    def rate(self) -> float | None:
        """Edits per word (or letter) of the reference; None where it has none."""
        edits = self.substitutions + self.insertions + self.deletions
        return edits / self.length if self.length else None


@dataclass(frozen=True)
class Tally(_Sum):
    """The sums of one recording or of a set.

    `words` and `characters` ignore who speaks, `speakers` is of cpWER, `any_order` of MIMO-WER,
    `kept` as `words` with the sure words alone; `silent_words` are those heard where nobody
    speaks, for `silence` seconds. `audio` and `wall` are seconds of sound and of recognition.
    """

    words: Errors = Errors()
    characters: Errors = Errors()
    speakers: Errors = Errors()
    any_order: Errors = Errors()
    kept: Errors = Errors()
    judged: tuple[Judged, ...] = ()
    silence: Seconds = 0.0
    silent_words: int = 0
    silent_kept: int = 0
    audio: Seconds = 0.0
    wall: Seconds = 0.0


def count(
    reference: Reference,
    hypothesis: Sequence[HypothesisWord],
    audio: Seconds,
    wall: Seconds,
    threshold: float = 0.0,
) -> Tally:
    """Count a hypothesis (ordered by time) of `audio` seconds of sound against a reference.

    WER and CER compare all speakers' words in one row, ordered by time; a reference word's time
    is its share of its segment by letters, so that a "yeah" inside a long segment stands inside
    it. Where people speak at once that order is a guess and costs errors: MIMO-WER (meeteval's,
    time-constrained) takes the words of several speakers in whatever order has the least, each
    one's own in order and no word further off than `COLLAR`. Long recordings are measured in
    sections; one in which four or more talk at once all the time has too many orders, and the
    order by time stands for them, which is never better. cpWER also asks who spoke: each
    speaker's words in a row, speakers matched to
    have the least errors. `threshold` is the least score of a word that is kept.
    """
    ref = in_order(reference.segments)
    kept = [h for h in hypothesis if h.is_kept(threshold)]
    hyp = _whole(hypothesis)
    silences = silent_stretches(reference, audio)
    silent = [h for h in hypothesis if any(start <= h.middle < end for start, end in silences)]
    return Tally(
        words=compare(ref, hyp),
        characters=compare(" ".join(ref), " ".join(hyp)),
        speakers=_by_speakers(reference, hypothesis),
        any_order=_in_any_order(reference, hypothesis),
        kept=compare(ref, _whole(kept)),
        judged=tuple(judge(reference, hypothesis, threshold)),
        silence=sum(end - start for start, end in silences),
        silent_words=len(silent),
        silent_kept=sum(h.is_kept(threshold) for h in silent),
        audio=audio,
        wall=wall,
    )


def compare(reference: Sequence[str], hypothesis: Sequence[str]) -> Errors:
    """Return the fewest edits between two rows of words, or of letters (Levenshtein)."""
    from rapidfuzz.distance import Levenshtein

    kinds = [edit.tag for edit in Levenshtein.editops(reference, hypothesis)]
    return Errors(
        kinds.count("replace"), kinds.count("insert"), kinds.count("delete"), len(reference)
    )


def silent_stretches(reference: Reference, duration: Seconds) -> list[tuple[Seconds, Seconds]]:
    """Stretches of a second or more of the recording in which nobody speaks and all counts."""
    busy = [(s.start, s.end) for s in reference.segments] + list(reference.ignored)
    stretches = []
    reached = 0.0
    for start, end in sorted([*busy, (duration, duration)]):
        until = min(start, duration)
        if until - reached >= LEAST_SILENCE:
            stretches.append((reached, until))
        reached = max(reached, end)
    return stretches


def _whole(hypothesis: Sequence[HypothesisWord]) -> list[str]:
    """All the words of a row, each run of one utterance normalised as a whole."""
    runs = itertools.groupby(hypothesis, key=lambda h: h.utterance)
    texts = (" ".join(h.word.word for h in run) for _, run in runs)
    return [word for text in texts for word in normalise(text)]


def _by_speakers(reference: Reference, hypothesis: Sequence[HypothesisWord]) -> Errors:
    from meeteval.wer import cp_word_error_rate

    ref = [_row(s.speaker, s.start, s.end, normalise(s.text)) for s in reference.segments]
    runs = _runs(hypothesis)
    hyp = [_row(h[0].speaker, h[0].word.start, h[-1].word.end, _whole(h)) for h in runs]
    return _measure(cp_word_error_rate, ref, hyp)


def _in_any_order(reference: Reference, hypothesis: Sequence[HypothesisWord]) -> Errors:
    """Count errors with each word as a segment and the hypothesis as one stream."""
    ref = [
        _row(s.speaker, at, at + _INSTANT, [word])
        for s in reference.segments
        for word, at in _placed(normalise(s.text), s.start, s.end)
    ]
    hyp = [
        _row("", at, at + _INSTANT, [word])
        for h in _runs(hypothesis)
        for word, at in _placed(_whole(h), h[0].word.start, h[-1].word.end)
    ]
    ref, hyp = sorted(ref, key=_time), sorted(hyp, key=_time)
    total = Errors()
    for start, end in _sections([_time(row) for row in ref]):
        own, theirs = ([r for r in rows if start <= _time(r) < end] for rows in (ref, hyp))
        total += _section_in_any_order(own, theirs)
    return total


def _section_in_any_order(ref: Sequence[Row], hyp: Sequence[Row]) -> Errors:
    from meeteval.wer.wer.time_constrained_mimo import time_constrained_mimo_word_error_rate

    if _orders(ref, hyp) > _MOST_ORDERS:
        return compare([row["words"] for row in ref], [row["words"] for row in hyp])
    measure = partial(
        time_constrained_mimo_word_error_rate,
        collar=COLLAR,
        reference_sort="segment",
        hypothesis_sort="segment",
        reference_pseudo_word_level_timing="none",
        hypothesis_pseudo_word_level_timing="none",
    )
    return _measure(measure, ref, hyp)


def _sections(times: Sequence[Seconds]) -> Iterable[tuple[Seconds, Seconds]]:
    """Sections of all time, cut in the widest gaps between the times of words, in order."""
    least, most = _SECTION
    start, first = -math.inf, 0
    while first < len(times) and times[-1] - times[first] > most:
        gaps = [
            (after - before, (before + after) / 2)
            for before, after in itertools.pairwise(times[first:])
            if least <= after - times[first] and before - times[first] <= most
        ]
        _, end = max(gaps)
        yield start, end
        start, first = end, bisect.bisect_left(times, end)
    yield start, math.inf


def _orders(ref: Sequence[Row], hyp: Sequence[Row]) -> float:
    """Sum, over the hypothesis, the ways to stop among each speaker's nearby words."""
    by_speaker: dict[str, list[Seconds]] = defaultdict(list)
    for row in ref:
        by_speaker[row["speaker"]].append(_time(row))
    return sum(
        math.prod(
            1 + bisect.bisect(times, at + COLLAR) - bisect.bisect_left(times, at - COLLAR)
            for times in by_speaker.values()
        )
        for at in map(_time, hyp)
    )


def _time(row: Row) -> Seconds:
    return float(row["start_time"])


def _measure(measure: Any, ref: Sequence[Row], hyp: Sequence[Row]) -> Errors:
    """Errors by a measure of meeteval; it takes no side without a word."""
    from meeteval.io import SegLST

    ref, hyp = [row for row in ref if row["words"]], [row for row in hyp if row["words"]]
    if not ref or not hyp:
        return Errors(insertions=_length(hyp), deletions=_length(ref), length=_length(ref))
    try:
        found = measure(SegLST(ref), SegLST(hyp))
    except RuntimeError as error:
        raise InputError(f"Who said what cannot be measured: {error}.") from error
    return Errors(found.substitutions, found.insertions, found.deletions, found.length)


def _runs(hypothesis: Sequence[HypothesisWord]) -> list[list[HypothesisWord]]:
    """Return the words of each utterance, which all have one speaker."""
    runs: dict[int, list[HypothesisWord]] = defaultdict(list)
    for h in hypothesis:
        runs[h.utterance].append(h)
    return list(runs.values())


def _placed(words: Sequence[str], start: Seconds, end: Seconds) -> Iterable[tuple[str, Seconds]]:
    return zip(words, placed(words, start, end), strict=True)


def _row(speaker: str, start: Seconds, end: Seconds, words: Sequence[str]) -> Row:
    return {
        "session_id": "",
        "speaker": speaker,
        "start_time": start,
        "end_time": end,
        "words": " ".join(words),
    }


def _length(rows: Sequence[Row]) -> int:
    return sum(len(row["words"].split()) for row in rows)
