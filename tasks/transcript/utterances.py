"""Cut words into utterances, the rows of the transcript."""

import itertools
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from schemas.consent import NOT_SHOWN, Consent
from schemas.names import name_key
from schemas.settings import Settings
from schemas.sidecar import Sidecar
from schemas.speech import Diarization, Flag, Transcript, Turn, Utterance, VoiceNames, Word
from schemas.values import Probability, Seconds, base_language, gaps_in, merged_spans, to_grid
from tasks.transcript.attribution import (
    Attributed,
    Attribution,
    attribute,
)
from tasks.transcript.doubtful_words import Doubts
from tasks.transcript.naming import by_voice, certain_names, with_whoever_refused
from tasks.transcript.overlap import cues_by_speaker, seconds_of, shared_spans, voices_of
from tasks.transcript.spans import GRID, Span, cut_into_spans, end_of

STAGE_VERSION = 5

_MOSTLY = 0.8
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "km", "yue"})
"""Languages that are written without spaces between words."""


def make_utterances(
    diarization: Diarization,
    transcript: Transcript,
    settings: Settings,
    sidecar: Sidecar,
    consent: Consent | None = None,
    voices: VoiceNames | None = None,
) -> tuple[Utterance, ...]:
    """Give words to speakers and cut them into utterances, sorted by start.

    An utterance is a run of one speaker's words, ended by a pause, by another speaker's words or
    by its length. Words that the recogniser is unsure of are "..." in its text. Without words, the
    turns are the utterances. Times lie on the 1 ms grid. Of somebody who did not consent, and of
    every voice that may be theirs, only the times are kept (`consent`, by default the sidecar's).
    `voices` are names by enrolled voices, for speakers whom neither tracks nor captions name.
    """
    consent = consent or Consent.of("", sidecar)
    rules = settings.utterances
    words = sorted((_fit(word, rules.max_word) for word in transcript.words), key=_by_time)
    if words:
        left_out = [(turn.start, turn.end) for turn in transcript.uncaptioned]
        indexed = voices_of(diarization.turns).values()
        shared = shared_spans([(t.start, t.end) for t in index.turns] for index in indexed)
        attribution = attribute(words, diarization.exclusive, diarization.names, left_out, shared)
        attribution = _with_wordless(attribution, transcript.uncaptioned, rules.max_length)
    else:
        attribution = _turns_as_words(diarization, rules.max_length)
    recognised = by_voice(voices or VoiceNames(), attribution.names, consent)
    known = {**recognised, **attribution.names}
    names = certain_names(known, diarization.turns, sidecar, consent)
    spoken = with_whoever_refused(attribution.words, names, diarization.turns, consent)
    spans = sorted(cut_into_spans(spoken, rules), key=lambda span: _by_time(span[0].word))
    attribution = replace(attribution, names=names)
    chances = {speaker: voices.chances[speaker] for speaker in recognised} if voices else {}
    rows = _Rows(diarization, attribution, transcript, settings, consent, chances)
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
    return word.model_copy(update={"start": start, "end": max(end, to_grid(start + GRID))})


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
    return free / max(turn.duration, GRID)


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
            word = Word(word="", start=start, end=max(end, to_grid(start + GRID)))
            pieces.append(Attributed(word, turn.speaker, turn.confidence))
    pieces.sort(key=lambda piece: _by_time(piece.word))
    return pieces


class _Rows:
    """Makes utterances of spans: names, certainty, overlap, flags."""

    def __init__(
        self,
        diarization: Diarization,
        attribution: Attribution,
        transcript: Transcript,
        settings: Settings,
        consent: Consent,
        chances: Mapping[str, Probability],
    ) -> None:
        self._consent = consent
        self._chances = chances
        self._voices = voices_of(diarization.turns)
        self._merged = attribution.merged_with
        self._names = attribution.names
        self._language = transcript.language
        self._changes = transcript.languages
        self._captions_suspect = bool(transcript.faults)
        self._uncaptioned = [(turn.start, turn.end) for turn in transcript.uncaptioned]
        self._spoken_at_once = cues_by_speaker(attribution.words)
        self._doubts = Doubts(transcript, settings.utterances.min_word_confidence)
        self._judge = settings.judge

    def utterance(self, index: int, span: Span) -> Utterance:
        """Make one utterance of its words."""
        words = tuple(item.word for item in span)
        start, end = words[0].start, end_of(span)
        speaker = span[0].speaker
        name = self._name(speaker, words) if span[0].is_named else None
        overlap = self._overlap(speaker, start, end)
        flags = self._flags(words, end - start, overlap)
        utterance = Utterance(
            index=index,
            start=start,
            end=end,
            speaker=speaker,
            speaker_name=name,
            speaker_confidence=_certainty(span, self._chances.get(speaker, 1.0) if name else 1.0),
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
        others = shared_spans(
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
        return min(1.0, round(max(seconds_of(others), seconds_of(said)) / (end - start), 4))

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
        return seconds_of(span for span in inside if span[0] < span[1]) > 0.5 * seconds

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


def _certainty(span: Span, chance: Probability) -> float:
    """Mean certainty of a span's words, weighted by their length, times that of the name."""
    seconds = sum(item.word.end - item.word.start for item in span)
    weighted = sum(item.confidence * (item.word.end - item.word.start) for item in span)
    return min(1.0, max(0.0, round(chance * weighted / seconds, 4)))
