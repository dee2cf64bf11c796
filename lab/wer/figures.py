"""Figures of a recogniser on recordings with reference transcripts."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add

import numpy as np

from lab.measures.emotion import ReliabilityBin
from lab.wer.alignment import Judged
from lab.wer.counts import Tally
from schemas.values import Seconds, Value

N_WORD_BINS = 10
"""Equal-width bins of a word's confidence: a recording has fewer words than 15 bins would need."""

_HOUR: Seconds = 3600.0


class RecognitionFigures(Value):
    """What was measured on `n_words` words of reference; None where there was nothing to measure.

    Error rates are edits per word (letter) of the reference and may exceed 1. `wer`, `cer` and the
    edits ignore who speaks, `cp_wer` does not, `mimo_wer` lets the words of people who speak at
    once stand in any order. `insertions_on_silence` are words per hour of `silence_seconds`, where
    nobody speaks; `kept_insertions_on_silence` those of them that are kept.

    `n_heard` are the heard words but fillers; `words_kept` is the share of them whose score reaches
    the threshold, `precision_of_kept_words` how many of those are right, `wer_of_kept_words` the
    WER with the others left out. `word_ece` is the expected calibration error of the scores over
    ten bins, `reliability` the filled ones. `realtime_factor` is seconds of sound per second of
    recognition.
    """

    n_words: int
    wer: float | None
    substitutions: int
    insertions: int
    deletions: int
    cer: float | None
    cp_wer: float | None
    mimo_wer: float | None
    silence_seconds: Seconds
    insertions_on_silence: float | None
    kept_insertions_on_silence: float | None
    n_heard: int
    words_kept: float | None
    precision_of_kept_words: float | None
    wer_of_kept_words: float | None
    word_ece: float | None
    reliability: tuple[ReliabilityBin, ...]
    audio_seconds: Seconds
    realtime_factor: float | None


def figures_of(tally: Tally) -> RecognitionFigures:
    """Return the figures of a recording's sums, or of the sums of several."""
    kept = [judged for judged in tally.judged if judged.kept]
    bins = word_reliability(tally.judged)
    return RecognitionFigures(
        n_words=tally.words.length,
        wer=tally.words.rate,
        substitutions=tally.words.substitutions,
        insertions=tally.words.insertions,
        deletions=tally.words.deletions,
        cer=tally.characters.rate,
        cp_wer=tally.speakers.rate,
        mimo_wer=tally.any_order.rate,
        silence_seconds=tally.silence,
        insertions_on_silence=_ratio(tally.silent_words * _HOUR, tally.silence),
        kept_insertions_on_silence=_ratio(tally.silent_kept * _HOUR, tally.silence),
        n_heard=len(tally.judged),
        words_kept=_ratio(len(kept), len(tally.judged)),
        precision_of_kept_words=_ratio(sum(judged.right for judged in kept), len(kept)),
        wer_of_kept_words=tally.kept.rate,
        word_ece=word_calibration_error(bins) if bins else None,
        reliability=tuple(bins),
        audio_seconds=tally.audio,
        realtime_factor=_ratio(tally.audio, tally.wall),
    )


def figures_in_all(tallies: Mapping[str, Tally]) -> RecognitionFigures:
    """Return the figures of all recordings: of their summed words, never means of their rates."""
    return figures_of(reduce(add, tallies.values(), Tally()))


def word_reliability(judged: Sequence[Judged]) -> list[ReliabilityBin]:
    """How often words of about the same score are right; words without a score are left out."""
    scored = [(word.score, word.right) for word in judged if word.score is not None]
    scores, right = np.asarray(scored, dtype=np.float64).reshape(-1, 2).T
    bins = np.minimum((scores * N_WORD_BINS).astype(int), N_WORD_BINS - 1)
    return [
        ReliabilityBin(
            low=index / N_WORD_BINS,
            share=float(members.mean()),
            accuracy=float(right[members].mean()),
            confidence=float(scores[members].mean()),
        )
        for index in range(N_WORD_BINS)
        if (members := bins == index).any()
    ]


def word_calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Return the expected calibration error over filled bins."""
    return float(sum(found.share * abs(found.accuracy - found.confidence) for found in bins))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
