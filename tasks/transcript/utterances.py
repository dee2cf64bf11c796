"""Cut words into utterances, the rows of the transcript."""

import itertools
import unicodedata
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from schemas.consent import NOT_SHOWN, Consent
from schemas.names import name_key
from schemas.settings import Settings, UtteranceSettings
from schemas.sidecar import Sidecar
from schemas.speech import Diarization, Flag, Transcript, Turn, Utterance, Word
from schemas.values import Seconds, base_language, gaps_in, merged_spans, to_grid
from tasks.transcript.attribution import (
    SENTENCE_END,
    Attributed,
    Attribution,
    TurnIndex,
    attribute,
)
from tasks.transcript.doubtful_words import Doubts

STAGE_VERSION = 4

_GRID: Seconds = 0.001
_MOSTLY = 0.8
_CLAUSE_END = (",", ";", ":", "、", "，")
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "km", "yue"})
"""Languages that are written without spaces between words."""


def make_utterances(
    diarization: Diarization,
    transcript: Transcript,
    settings: Settings,
    sidecar: Sidecar,
    consent: Consent | None = None,
) -> tuple[Utterance, ...]:
    """Give words to speakers and cut them into utterances, sorted by start.

    An utterance is a run of one speaker's words, ended by a pause, by another speaker's words or
    by its length. Words that the recogniser is unsure of are "..." in its text. Without words, the
    turns are the utterances. Times lie on the 1 ms grid. Of somebody who did not consent, and of
    every voice that may be theirs, only the times are kept (`consent`, by default the sidecar's).
    """
    consent = consent or Consent.of("", sidecar)
    rules = settings.utterances
    words = sorted((_fit(word, rules.max_word) for word in transcript.words), key=_by_time)
    if words:
        attribution = attribute(words, diarization.exclusive, diarization.names)
        attribution = _with_wordless(attribution, transcript.uncaptioned, rules.max_length)
    else:
        attribution = _turns_as_words(diarization, rules.max_length)
    names = _certain_names(attribution.names, diarization.turns, sidecar)
    spoken = _with_whoever_refused(attribution.words, names, diarization.turns, consent)
    spans = sorted(_spans(spoken, rules), key=lambda span: _by_time(span[0].word))
    attribution = replace(attribution, names=names)
    rows = _Rows(diarization, attribution, transcript, settings, consent, bool(words))
    return tuple(rows.utterance(index, span) for index, span in enumerate(spans))


def _certain_names(
    names: Mapping[str, str], turns: Sequence[Turn], sidecar: Sidecar
) -> dict[str, str]:
    """Add the name of the only participant where there is only one voice."""
    voices = {turn.speaker for turn in turns}
    if len(sidecar.participants) == len(voices) == 1:
        return {next(iter(voices)): sidecar.participants[0].name, **names}
    return dict(names)


def _with_whoever_refused(
    items: Sequence[Attributed], names: Mapping[str, str], turns: Sequence[Turn], consent: Consent
) -> tuple[Attributed, ...]:
    """Give words in an overlap with a voice that may not be shown to that voice.

    The words could be either's. Words that captions give to somebody who consented stay theirs.
    """
    if not consent.is_restricted:
        return tuple(items)
    hidden = _voices([t for t in turns if not consent.may_show(names.get(t.speaker))])

    def owner(item: Attributed) -> Attributed:
        if item.word.name is not None or item.speaker in hidden:
            return item
        middle = (item.word.start + item.word.end) / 2
        over = (s for s, index in hidden.items() if any(index.overlapping(middle, middle + _GRID)))
        speaker = next(over, item.speaker)
        return item if speaker == item.speaker else Attributed(item.word, speaker, item.confidence)

    return tuple(owner(item) for item in items)


def _by_time(word: Word) -> tuple[Seconds, Seconds]:
    return word.start, word.end


def _fit(word: Word, longest: Seconds) -> Word:
    """Put a word on the grid, at least 1 ms long, and cap one that runs on over the silence.

    A character as wide as a Chinese one is about a syllable: such "words" may be whole phrases.
    """
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in word.word)
    start = max(0.0, to_grid(word.start))
    end = min(to_grid(word.end), to_grid(start + longest + 0.25 * wide))
    return word.model_copy(update={"start": start, "end": max(end, to_grid(start + _GRID))})


def _with_wordless(
    attribution: Attribution, turns: Sequence[Turn], longest: Seconds
) -> Attribution:
    """Keep turns that captions leave out and in which the recogniser has no word either."""
    spoken = merged_spans((i.word.start, i.word.end) for i in attribution.words)
    silent = [turn for turn in turns if _free_share(turn, spoken) >= _MOSTLY]
    if not silent:
        return attribution
    items = (*attribution.words, *_pieces(silent, longest))
    return replace(attribution, words=tuple(sorted(items, key=lambda item: _by_time(item.word))))


def _free_share(turn: Turn, spoken: Sequence[tuple[Seconds, Seconds]]) -> float:
    free = sum(end - start for start, end in gaps_in(turn.start, turn.end, spoken))
    return free / max(turn.duration, _GRID)


def _turns_as_words(diarization: Diarization, longest: Seconds) -> Attribution:
    """Let turns stand for words."""
    return Attribution(tuple(_pieces(diarization.turns, longest)), dict(diarization.names), {})


def _pieces(turns: Sequence[Turn], longest: Seconds) -> list[Attributed]:
    """Make wordless words of turns, long ones in equal pieces that fit into an utterance."""
    pieces = []
    for turn in turns:
        count = max(1, int(-(-turn.duration // longest)))
        edges = [to_grid(turn.start + turn.duration * i / count) for i in range(count + 1)]
        for start, end in itertools.pairwise(edges):
            word = Word(word="", start=start, end=max(end, to_grid(start + _GRID)))
            pieces.append(Attributed(word, turn.speaker, turn.confidence))
    pieces.sort(key=lambda piece: _by_time(piece.word))
    return pieces


Span = list[Attributed]
"""The words of one utterance, in order of their start."""


def _spans(items: Sequence[Attributed], rules: UtteranceSettings) -> Iterator[Span]:
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
                word.start - end > rules.max_pause + _GRID / 2
                or word.name != run[-1].word.name
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
    while rest and _end(rest) - rest[0].word.start > longest + _GRID / 2 and len(rest) > 1:
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


def _end(span: Span) -> Seconds:
    return max(item.word.end for item in span)


class _Rows:
    """Makes utterances of spans: names, certainty, overlap, flags."""

    def __init__(
        self,
        diarization: Diarization,
        attribution: Attribution,
        transcript: Transcript,
        settings: Settings,
        consent: Consent,
        has_words: bool,
    ) -> None:
        self._consent = consent
        self._voices = _voices(diarization.turns)
        self._merged = attribution.merged_with
        self._names = attribution.names
        self._language = transcript.language
        self._changes = transcript.languages
        self._captions_suspect = bool(transcript.faults)
        self._uncaptioned = [(turn.start, turn.end) for turn in transcript.uncaptioned]
        self._spoken_at_once = _cues_by_speaker(attribution.words)
        self._doubts = Doubts(transcript, settings.utterances.min_word_confidence)
        self._judge = settings.judge
        self._has_words = has_words

    def utterance(self, index: int, span: Span) -> Utterance:
        """Make one utterance of its words."""
        words = tuple(item.word for item in span)
        start, end = words[0].start, _end(span)
        speaker = span[0].speaker
        name = self._name(speaker, words)
        overlap = self._overlap(speaker, start, end)
        flags = self._flags(words, end - start, overlap)
        utterance = Utterance(
            index=index,
            start=start,
            end=end,
            speaker=speaker,
            speaker_name=name,
            speaker_confidence=_certainty(span),
            overlap_ratio=overlap,
            flags=tuple(sorted(flags)),
        )
        if not self._may_show(name, words):
            return _not_shown(utterance, flags)
        if not words[0].word:
            return utterance
        return utterance.model_copy(
            update={
                "text": self._text(words),
                "language": self._spoken(start, end),
                "words": words,
                "sure_words": self._doubts.sure_words(words),
            }
        )

    def _spoken(self, start: Seconds, end: Seconds) -> str | None:
        """Return the language of most of a span; the recording's where it does not change."""
        shares: dict[str, Seconds] = defaultdict(float)
        for part in self._changes:
            shares[part.language] += max(0.0, min(end, part.end) - max(start, part.start))
        most = max(shares, key=lambda language: shares[language], default="")
        return most if most and shares[most] > 0 else self._language

    def _name(self, speaker: str, words: Sequence[Word]) -> str | None:
        """Return the certain name; words under another name than their speaker's have none."""
        said = words[0].name
        name = self._names.get(speaker)
        if said is not None and name is not None and name_key(said) != name_key(name):
            return None
        return name

    def _may_show(self, name: str | None, words: Sequence[Word]) -> bool:
        said = words[0].name
        return self._consent.may_show(name) and (said is None or self._consent.may_show(said))

    def _overlap(self, speaker: str, start: Seconds, end: Seconds) -> float:
        """Return the share of a span in which anybody else speaks, by the voices or the captions.

        What counts is where at least two voices speak. Whoever is named by captions may have no
        turn of their own there, where the diarizer found two voices in one person.
        """
        own = {speaker, self._merged.get(speaker, speaker)}
        others = _shared(
            [(max(start, t.start), min(end, t.end)) for t, _ in index.overlapping(start, end)]
            for index in self._voices.values()
        )
        said = [
            (max(start, first), min(end, last))
            for name, cues in self._spoken_at_once.items()
            if name not in own
            for first, last in cues
            if first < end and last > start
        ]
        return min(1.0, round(max(_union(others), _union(said)) / (end - start), 4))

    def _flags(self, words: Sequence[Word], seconds: Seconds, overlap: float) -> set[Flag]:
        start = words[0].start
        stated: dict[Flag, bool] = {
            "asr_suspect": bool(words[0].word)
            and self._doubts.is_suspect(words, start, start + seconds),
            "captions_suspect": self._captions_suspect or self._is_uncaptioned(start, seconds),
            "no_words": not words[0].word,
            "overlap": overlap > self._judge.max_overlap,
            "short": seconds < self._judge.min_seconds,
        }
        return {flag for flag, holds in stated.items() if holds}

    def _is_uncaptioned(self, start: Seconds, seconds: Seconds) -> bool:
        inside = [
            (max(start, first), min(start + seconds, last)) for first, last in self._uncaptioned
        ]
        return _union(span for span in inside if span[0] < span[1]) > 0.5 * seconds

    def _text(self, words: Sequence[Word]) -> str:
        spaced = base_language(self._language) not in _UNSPACED
        return (" " if spaced else "").join(self._doubts.texts(words))


_ABOUT_WORDS: frozenset[Flag] = frozenset({"asr_suspect", "no_words"})


def _not_shown(utterance: Utterance, flags: set[Flag]) -> Utterance:
    """Keep the times of somebody who did not consent, and nothing else."""
    kept: set[Flag] = {*(flags - _ABOUT_WORDS), "no_consent"}
    return utterance.model_copy(
        update={"speaker_name": NOT_SHOWN, "text": NOT_SHOWN, "flags": tuple(sorted(kept))}
    )


def _voices(turns: Sequence[Turn]) -> Mapping[str, TurnIndex]:
    """Index each speaker's turns, joined where they touch each other."""
    joined: dict[str, list[Turn]] = defaultdict(list)
    for turn in sorted(turns, key=lambda turn: turn.start):
        own = joined[turn.speaker]
        if own and turn.start <= own[-1].end:
            last = own.pop()
            turn = last.model_copy(update={"end": max(last.end, turn.end)})
        own.append(turn)
    return {speaker: TurnIndex(own) for speaker, own in joined.items()}


def _union(spans: Iterable[tuple[Seconds, Seconds]]) -> Seconds:
    """Return the length of the union of spans."""
    total, reached = 0.0, 0.0
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _cues_by_speaker(items: Sequence[Attributed]) -> dict[str, list[tuple[Seconds, Seconds]]]:
    """Return the time of each named speaker's caption cues: two may speak at once."""
    units: dict[tuple[str, int], list[Word]] = defaultdict(list)
    for item in items:
        if item.word.unit is not None and item.word.name is not None:
            units[item.speaker, item.word.unit].append(item.word)
    cues: dict[str, list[tuple[Seconds, Seconds]]] = defaultdict(list)
    for (speaker, _), words in units.items():
        cues[speaker].append((words[0].start, max(word.end for word in words)))
    return cues


def _shared(groups: Iterable[Sequence[tuple[Seconds, Seconds]]]) -> list[tuple[Seconds, Seconds]]:
    """Return the parts in which spans of at least two groups overlap."""
    merged = [span for group in groups for span in merged_spans(group)]
    merged.sort()
    shared, reached = [], -1.0
    for start, end in merged:
        if start < reached:
            shared.append((start, min(end, reached)))
        reached = max(reached, end)
    return shared


def _certainty(span: Span) -> float:
    """Mean certainty of a span's words, weighted by their length."""
    seconds = sum(item.word.end - item.word.start for item in span)
    weighted = sum(item.confidence * (item.word.end - item.word.start) for item in span)
    return min(1.0, max(0.0, round(weighted / seconds, 4)))
