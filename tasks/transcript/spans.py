"""Cut each speaker's words into spans: at pauses, at interjections, at new names, by length."""

import itertools
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence

from schemas.settings import UtteranceSettings
from schemas.values import Seconds
from tasks.transcript.attribution import SENTENCE_END, Attributed

GRID: Seconds = 0.001
"""All times lie on this grid."""

_CLAUSE_END = (",", ";", ":", "、", "，")

Span = list[Attributed]
"""The words of one utterance, in order of their start."""


def cut_into_spans(items: Sequence[Attributed], rules: UtteranceSettings) -> Iterator[Span]:
    """Cut every speaker's words at pauses, at interjections, at new names, and by length."""
    middles = sorted(((i.word.start + i.word.end) / 2, i.speaker) for i in items)
    by_speaker: dict[str, Span] = defaultdict(list)
    for item in items:
        by_speaker[item.speaker].append(item)
    for speaker, own in by_speaker.items():
        run: Span = []
        end = 0.0
        for item in own:
            word = item.word
            if run and (
                word.start - end > rules.max_pause + GRID / 2
                or word.name != run[-1].word.name
                or item.is_named != run[-1].is_named
                or bool(word.word) != bool(run[-1].word.word)
                or _interjected(middles, speaker, end, word.start)
            ):
                yield from _shorten(run, rules.max_length)
                run = []
            end = max(end, word.end) if run else word.end
            run.append(item)
        yield from _shorten(run, rules.max_length)


def _interjected(
    middles: Sequence[tuple[Seconds, str]], speaker: str, start: Seconds, end: Seconds
) -> bool:
    """Tell whether somebody else's word lies in a gap between two words of a speaker.

    Words that sound at the same time as the speaker's own (an overlap) do not end a run.
    """
    first = bisect_left(middles, (start, ""))
    last = bisect_right(middles, (end, ""))
    return any(other != speaker for _, other in middles[first:last])


def _shorten(run: Span, longest: Seconds) -> Iterator[Span]:
    """Cut a run into spans no longer than allowed, best at the end of a sentence or at a pause."""
    rest = run
    while rest and end_of(rest) - rest[0].word.start > longest + GRID / 2 and len(rest) > 1:
        cut = _best_cut(rest, longest)
        yield rest[:cut]
        rest = rest[cut:]
    if rest:
        yield rest


def _best_cut(run: Span, longest: Seconds) -> int:
    """Return before which word to cut: in the second half of what fits, at the best place."""
    start = run[0].word.start
    ends = list(itertools.accumulate((item.word.end for item in run), max))
    fits = [i for i in range(1, len(run)) if ends[i - 1] - start <= longest]
    late = [i for i in fits if ends[i - 1] - start >= longest / 2]

    def merit(i: int) -> tuple[int, Seconds]:
        text = run[i - 1].word.word
        mark = 2 * text.endswith(SENTENCE_END) + text.endswith(_CLAUSE_END)
        return mark, run[i].word.start - ends[i - 1]

    return max(late or fits or [1], key=merit)


def end_of(span: Span) -> Seconds:
    """Return when the last word of a span ends."""
    return max(item.word.end for item in span)
