"""Words and turns become utterances: the rows of the transcript."""

import itertools
import unicodedata
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from models.voices.attribution import Attributed, Attribution, TurnIndex, attribute
from schemas.settings import Settings, UtteranceSettings
from schemas.sidecar import Sidecar
from schemas.speech import Diarization, Flag, Transcript, Turn, Utterance, Word
from schemas.values import Seconds, to_grid
from tasks.unsure import Doubts

STAGE_VERSION = 3

NOT_SHOWN = "[not shown]"
"""The name of a speaker without consent."""

_GRID: Seconds = 0.001
_SENTENCE_END = (".", "?", "!", "…", "。", "？", "！")
_CLAUSE_END = (",", ";", ":", "、", "，")
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "km", "yue"})
"""Languages that are written without spaces between words."""


def make_utterances(
    diarization: Diarization, transcript: Transcript, settings: Settings, sidecar: Sidecar
) -> tuple[Utterance, ...]:
    """Give words to speakers and cut them into utterances, sorted by start.

    An utterance is a run of one speaker's words, ended by a pause, by another speaker's words or
    by its length. Words that the recogniser is unsure of are "..." in its text. Without words, the
    turns are the utterances. Times lie on the 1 ms grid.
    """
    rules = settings.utterances
    words = sorted((_fit(word, rules.max_word) for word in transcript.words), key=_by_time)
    if words:
        attribution = attribute(words, diarization.exclusive, diarization.names)
    else:
        attribution = _turns_as_words(diarization, rules.max_length)
    spans = sorted(_spans(attribution.words, rules), key=lambda span: _by_time(span[0].word))
    rows = _Rows(diarization, attribution, transcript, settings, sidecar, bool(words))
    return tuple(rows.utterance(index, span) for index, span in enumerate(spans))


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


def _turns_as_words(diarization: Diarization, longest: Seconds) -> Attribution:
    """Let turns stand for words, long ones in equal pieces that fit into an utterance."""
    pieces = []
    for turn in diarization.turns:
        count = max(1, int(-(-turn.duration // longest)))
        edges = [to_grid(turn.start + turn.duration * i / count) for i in range(count + 1)]
        for start, end in itertools.pairwise(edges):
            word = Word(word="", start=start, end=max(end, to_grid(start + _GRID)))
            pieces.append(Attributed(word, turn.speaker, turn.confidence))
    pieces.sort(key=lambda piece: _by_time(piece.word))
    return Attribution(tuple(pieces), dict(diarization.names), {})


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
        mark = 2 * text.endswith(_SENTENCE_END) + text.endswith(_CLAUSE_END)
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
        sidecar: Sidecar,
        has_words: bool,
    ) -> None:
        self._voices = _voices(diarization.turns)
        self._merged = attribution.merged_with
        self._names = attribution.names
        self._language = transcript.language
        self._changes = transcript.languages
        self._doubts = Doubts(transcript, settings.utterances.min_word_confidence)
        self._judge = settings.judge
        self._has_words = has_words
        self._refused = {_key(p.name) for p in sidecar.participants if not p.consent}
        self._consenting = {_key(p.name) for p in sidecar.participants if p.consent}
        if len(sidecar.participants) == len(self._voices) == 1:
            only = {next(iter(self._voices)): sidecar.participants[0].name}
            self._names = {**only, **self._names}

    def utterance(self, index: int, span: Span) -> Utterance:
        """Make one utterance of its words."""
        words = tuple(item.word for item in span)
        start, end = words[0].start, _end(span)
        speaker = span[0].speaker
        name, refused = self._shown_name(speaker, words)
        overlap = self._overlap(speaker, start, end)
        return Utterance(
            index=index,
            start=start,
            end=end,
            speaker=speaker,
            speaker_name=name,
            speaker_confidence=_certainty(span),
            overlap_ratio=overlap,
            text=self._text(words) if self._has_words else None,
            language=self._spoken(start, end) if self._has_words else None,
            words=self._kept(words, refused) if self._has_words else (),
            sure_words=self._doubts.sure_words(words) if self._has_words else None,
            flags=self._flags(words, end - start, overlap, refused),
        )

    def _spoken(self, start: Seconds, end: Seconds) -> str | None:
        """The language of most of a span; the recording's where it does not change."""
        shares: dict[str, Seconds] = defaultdict(float)
        for part in self._changes:
            shares[part.language] += max(0.0, min(end, part.end) - max(start, part.start))
        most = max(shares, key=lambda language: shares[language], default="")
        return most if most and shares[most] > 0 else self._language

    def _shown_name(self, speaker: str, words: Sequence[Word]) -> tuple[str | None, bool]:
        """Return the name to show and whether this may be someone who did not consent.

        Words under another name than their speaker's have no certain name. Where somebody did
        not consent, a voice without a name, or under a name by which nobody consented, could be
        theirs ("Bo" and "Bo Smith").
        """
        said = words[0].name
        name = self._names.get(speaker)
        if said is not None and name is not None and _key(said) != _key(name):
            name = None
        if said is not None and _key(said) in self._refused:
            return NOT_SHOWN, True
        if name is not None and _key(name) in self._refused:
            return NOT_SHOWN, True
        if not self._refused or (name is not None and _key(name) in self._consenting):
            return name, False
        return (None if name is None else NOT_SHOWN), True

    def _overlap(self, speaker: str, start: Seconds, end: Seconds) -> float:
        """Return the share of a span in which anybody else speaks."""
        own = {speaker, self._merged.get(speaker, speaker)}
        others = (index for name, index in self._voices.items() if name not in own)
        spans = (
            (max(start, turn.start), min(end, turn.end))
            for index in others
            for turn, _ in index.overlapping(start, end)
        )
        return min(1.0, round(_union(spans) / (end - start), 4))

    def _flags(
        self, words: Sequence[Word], seconds: Seconds, overlap: float, refused: bool
    ) -> tuple[Flag, ...]:
        start = words[0].start
        stated: dict[Flag, bool] = {
            "asr_suspect": self._has_words
            and self._doubts.is_suspect(words, start, start + seconds),
            "no_consent": refused,
            "no_words": not self._has_words,
            "overlap": overlap > self._judge.max_overlap,
            "short": seconds < self._judge.min_seconds,
        }
        return tuple(sorted(flag for flag, holds in stated.items() if holds))

    def _text(self, words: Sequence[Word]) -> str:
        spaced = (self._language or "").split("-")[0].lower() not in _UNSPACED
        return (" " if spaced else "").join(self._doubts.texts(words))

    def _kept(self, words: tuple[Word, ...], refused: bool) -> tuple[Word, ...]:
        """Keep no name beside the words of someone who did not consent."""
        if not refused:
            return words
        return tuple(word.model_copy(update={"name": None}) for word in words)


def _key(name: str) -> str:
    """How names are compared: without case, accents' encoding or spare spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


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


def _certainty(span: Span) -> float:
    """Mean certainty of a span's words, weighted by their length."""
    seconds = sum(item.word.end - item.word.start for item in span)
    weighted = sum(item.confidence * (item.word.end - item.word.start) for item in span)
    return min(1.0, max(0.0, round(weighted / seconds, 4)))
