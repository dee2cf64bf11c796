"""Attribute words to speakers: words meet turns, caption names meet speakers."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from schemas.speech import UNKNOWN_SPEAKER, Turn, Word
from schemas.values import Seconds, merged_spans
from tasks.transcript.claims import Owners, claims_of, find_owners

NEAREST_TURN: Seconds = 0.5
"""A word outside all turns belongs to the nearest one within this distance, else to nobody.

Diarizers trim breath and final consonants; half a second more would reach the next speaker.
"""

NAMED = 0.6
"""Chance that a word which captions give to nobody is its voice's owner's, for it to be named."""

AGREED, ELSEWHERE, UNACCOUNTED = 0.98, 0.93, 0.85
"""Chance that a cue's name is right where the diarizer hears that person's voice in the cue; where
it hears somebody else, who has cues there too; and where that one has none: the cue may hold their
words as well. Counted on composed meetings with cues off by 0.7 s, of which some go on over the
next person's words (`benchmarks/names.py --tuned`)."""

SHARED = 0.6
"""Chance that a word is the voice's in front where several speak, against where one does: of 6,200
words of composed meetings in such moments 50 % were, of 11,600 others 86 %."""

MARGIN: Seconds = 1.0
"""Cues begin and end about so far from their words."""

CHANGE: Seconds = 1.0
"""Time of another speaker inside a cue above which its sentences are attributed separately."""

LONG_CHANGE: Seconds = 2.5
"""Somebody else's time inside one sentence of captions, from which on it is cut at a word."""


@dataclass(frozen=True)
class Attributed:
    """A word, its speaker, and how certain that is, in [0, 1].

    `is_named` says whether the speaker's name holds for the word.
    """

    word: Word
    speaker: str
    confidence: float
    is_named: bool = True


@dataclass(frozen=True)
class Attribution:
    """All words with their speakers; `names` holds the certain ones only.

    `merged_with` maps a speaker that only the captions tell apart to the diarizer's speaker
    whose turns hold their voice.
    """

    words: tuple[Attributed, ...]
    names: dict[str, str]
    merged_with: dict[str, str]


class TurnIndex:
    """Turns of one speaker or of an exclusive track: they never overlap each other."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.turns = sorted(turns, key=lambda turn: turn.start)
        self._starts = [turn.start for turn in self.turns]
        self._ends = [turn.end for turn in self.turns]

    def overlapping(self, start: Seconds, end: Seconds) -> Iterator[tuple[Turn, Seconds]]:
        """Yield the turns that share time with [start, end), and how much."""
        for number in range(bisect_right(self._ends, start), bisect_left(self._starts, end)):
            turn = self.turns[number]
            yield turn, min(end, turn.end) - max(start, turn.start)

    def nearest(self, start: Seconds, end: Seconds) -> tuple[Turn, Seconds] | None:
        """Return the turn with the smallest gap to [start, end), and that gap."""
        after = bisect_left(self._starts, start)
        near = self.turns[max(0, after - 1) : after + 1]
        gaps = [(max(0.0, turn.start - end, start - turn.end), turn) for turn in near]
        if not gaps:
            return None
        gap, turn = min(gaps, key=lambda pair: pair[0])
        return turn, gap


def attribute(
    words: Sequence[Word],
    exclusive: Sequence[Turn],
    known: Mapping[str, str],
    recognised: Sequence[tuple[Seconds, Seconds]] = (),
    shared: Sequence[tuple[Seconds, Seconds]] = (),
) -> Attribution:
    """Give every word to the speaker whose exclusive turns cover most of it.

    Words that captions time as one (`Word.unit`) go together to the speaker who has most of that
    time: their own times are a guess. They are parted only where somebody else speaks for a
    while, then at the end of a sentence.

    Where the captions name who speaks, the name decides over the turns: the meeting software knows
    whose microphone it was. Names and voices are matched one to one over the whole meeting
    (`tasks/transcript/claims.py`); a name under which several voices are heard again and again is
    a room, and the voices decide. Words without a name count against a name. `known` are names
    that are certain already (speaker -> name), `recognised` the parts that captions leave out,
    `shared` those in which several voices speak.
    """
    index = TurnIndex(exclusive)
    at_once = TimeIndex(shared)
    heard = [
        replace(item, confidence=SHARED * item.confidence) if at_once.holds(item.word) else item
        for item in _hear(words, index)
    ]
    left_out = TimeIndex(recognised)
    cues = _cues([word for word in words if not left_out.holds(word)])
    claims = claims_of(
        (cue, [_coverage(index, word.start, word.end)[0] for word in cue]) for cue in cues
    )
    owners = find_owners(claims, known, {turn.speaker for turn in exclusive})
    names = {speaker: name for name, speaker in owners.speaker_of.items()}
    namer = _Namer(owners, cues)
    return Attribution(
        words=tuple(namer.named(item, left_out.holds(item.word)) for item in heard),
        names={**names, **known},
        merged_with=owners.merged_with,
    )


class TimeIndex:
    """Spans of time that do not overlap, and which words lie in them."""

    def __init__(self, spans: Sequence[tuple[Seconds, Seconds]]) -> None:
        self._spans = merged_spans(spans)
        self._ends = [end for _, end in self._spans]

    def holds(self, word: Word) -> bool:
        """Whether the middle of a word lies in a span."""
        middle = (word.start + word.end) / 2
        place = bisect_right(self._ends, middle)
        return place < len(self._spans) and self._spans[place][0] <= middle


def _cues(words: Sequence[Word]) -> list[list[Word]]:
    """Gather the words of each cue; without cues, runs of words under one name."""
    units: dict[int, list[Word]] = defaultdict(list)
    runs: list[list[Word]] = []
    for word in words:
        if word.unit is not None:
            units[word.unit].append(word)
        elif (
            runs
            and runs[-1][-1].name == word.name
            and word.start - runs[-1][-1].end <= NEAREST_TURN
        ):
            runs[-1].append(word)
        else:
            runs.append([word])
    return [*units.values(), *runs]


def _hear(words: Sequence[Word], index: TurnIndex) -> list[Attributed]:
    """Attribute single words and units by the turns, in the order given."""
    units: dict[int, list[int]] = defaultdict(list)
    for place, word in enumerate(words):
        if word.unit is not None:
            units[word.unit].append(place)
    heard: dict[int, Attributed] = {
        place: _by_turns(word, index) for place, word in enumerate(words) if word.unit is None
    }
    before: str | None = None
    for places in units.values():
        own = [words[place] for place in places]
        other = before if own[0].changes_voice else None
        made = _unit_by_turns(own, index, other)
        heard.update(zip(places, made, strict=True))
        before = made[-1].speaker
    return [heard[place] for place in range(len(words))]


def _unit_by_turns(
    words: Sequence[Word], index: TurnIndex, other_than: str | None = None
) -> list[Attributed]:
    """Attribute words that were timed as one; never to `other_than`, who spoke before a dash."""
    start, end = words[0].start, max(word.end for word in words)
    covered, trusted = _coverage(index, start, end)
    ranked = sorted(covered, key=lambda speaker: -covered[speaker])
    second = covered[ranked[1]] if len(ranked) > 1 else 0.0
    if other_than is None and second >= CHANGE:
        sentences = _sentences(words)
        if len(sentences) > 1:
            return [item for own in sentences for item in _unit_by_turns(own, index)]
        if second >= LONG_CHANGE:
            return [_by_turns(word, index) for word in words]
    if other_than is not None and other_than in ranked:
        ranked.remove(other_than)
        if not ranked:  # two voices where only one was found
            return [Attributed(word, UNKNOWN_SPEAKER, 0.0) for word in words]
    if ranked:
        certainty = min(1.0, trusted[ranked[0]] / sum(covered.values()))
        return [Attributed(word, ranked[0], certainty) for word in words]
    near = _nearby(words[0], index, start, end)
    return [Attributed(word, near.speaker, near.confidence) for word in words]


def _sentences(words: Sequence[Word]) -> list[list[Word]]:
    sentences: list[list[Word]] = [[]]
    for word in words:
        sentences[-1].append(word)
        if word.word.rstrip("\"'”’»)").endswith(SENTENCE_END):
            sentences.append([])
    return [sentence for sentence in sentences if sentence]


def _coverage(
    index: TurnIndex, start: Seconds, end: Seconds
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the seconds of each speaker inside a span, plain and weighted by confidence."""
    covered: dict[str, float] = defaultdict(float)
    trusted: dict[str, float] = defaultdict(float)
    for turn, seconds in index.overlapping(start, end):
        covered[turn.speaker] += seconds
        trusted[turn.speaker] += seconds * turn.confidence
    return covered, trusted


def _by_turns(word: Word, index: TurnIndex) -> Attributed:
    """Give a word to the speaker who covers most of it, else to the nearest turn, else nobody."""
    covered, trusted = _coverage(index, word.start, word.end)
    if covered:
        speaker = max(covered, key=lambda name: covered[name])
        share = trusted[speaker] / max(word.end - word.start, 1e-3)
        return Attributed(word, speaker, min(1.0, share))
    return _nearby(word, index, word.start, word.end)


def _nearby(word: Word, index: TurnIndex, start: Seconds, end: Seconds) -> Attributed:
    """Give a word to the turn nearest to a span, if it is near enough, else to nobody."""
    nearest = index.nearest(start, end)
    if nearest is None or nearest[1] > NEAREST_TURN:
        return Attributed(word, UNKNOWN_SPEAKER, 0.0)
    turn, gap = nearest
    return Attributed(word, turn.speaker, turn.confidence * (1 - gap / NEAREST_TURN))


class _Namer:
    """Lets the names of captions decide, and says how sure that is."""

    def __init__(self, owners: Owners, cues: Sequence[Sequence[Word]]) -> None:
        self._owners = owners
        spans: dict[str, list[tuple[Seconds, Seconds]]] = defaultdict(list)
        for cue in cues:
            speaker = owners.speaker_of.get(cue[0].name or "")
            if speaker is not None:
                voice = owners.merged_with.get(speaker, speaker)
                spans[voice].append((cue[0].start - MARGIN, cue[-1].end + MARGIN))
        self._cues = {voice: TimeIndex(own) for voice, own in spans.items()}

    def named(self, item: Attributed, is_recognised: bool) -> Attributed:
        """Give a word to whom its cue names, unless that is a room; doubt it where none does."""
        said = item.word.name
        speaker = self._owners.speaker_of.get(said or "")
        if speaker is not None:
            return Attributed(item.word, speaker, self._certainty(item, speaker))
        if said is not None:
            return replace(item, is_named=False)
        stranger = self._owners.stranger
        if stranger is not None and stranger != item.speaker and not is_recognised:
            return Attributed(item.word, stranger, item.confidence / 2)
        chance = item.confidence * self._owners.holds.get(item.speaker, 1.0)
        is_owned = item.speaker in self._owners.holds
        return replace(item, confidence=chance, is_named=not is_owned or chance >= NAMED)

    def _certainty(self, item: Attributed, speaker: str) -> float:
        if item.speaker == self._owners.merged_with.get(speaker, speaker):
            return AGREED
        own = self._cues.get(item.speaker)
        if item.speaker == UNKNOWN_SPEAKER or (own is not None and own.holds(item.word)):
            return ELSEWHERE
        return UNACCOUNTED


SENTENCE_END = (".", "?", "!", "…", "。", "？", "！")
