"""Attribute words to speakers: words meet turns, caption names meet speakers."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from schemas.speech import UNKNOWN_SPEAKER, Turn, Word, speaker_label
from schemas.values import Seconds

NEAREST_TURN: Seconds = 0.5
"""A word outside all turns belongs to the nearest one within this distance, else to nobody.

Diarizers trim breath and final consonants; half a second more would reach the next speaker.
"""

MAJORITY = 0.6
"""Share of the common time that a name and a speaker must have to be one person."""

CHANGE: Seconds = 1.0
"""Time of another speaker inside a cue above which its sentences are attributed separately."""

LONG_CHANGE: Seconds = 2.5
"""Somebody else's time inside one sentence of captions, from which on it is cut at a word."""

EVIDENCE: Seconds = 2.0
"""Seconds of words that a caption name needs to count as a person."""


@dataclass(frozen=True)
class Attributed:
    """A word, its speaker, and how certain that is, in [0, 1]."""

    word: Word
    speaker: str
    confidence: float


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
    words: Sequence[Word], exclusive: Sequence[Turn], known: Mapping[str, str]
) -> Attribution:
    """Give every word to the speaker whose exclusive turns cover most of it.

    Words that captions time as one (`Word.unit`) go together to the speaker who has most of that
    time: their own times are a guess. They are parted only where somebody else speaks for a
    while, then at the end of a sentence.

    Where the captions name who speaks, names and speakers are matched one to one by the time
    that they share, and a matched name decides over the turns: the meeting software knows whose
    microphone it was. Two names on one voice are two people. `known` are names that are certain
    already (speaker -> name).
    """
    index = TurnIndex(exclusive)
    heard = _hear(words, index)
    shared = _shared_time(heard)
    owners = _match(shared, known)
    merged = _told_apart(shared, owners, {turn.speaker for turn in exclusive})
    for name, (speaker, _) in merged.items():
        owners[name] = (speaker, MAJORITY)
    names = {speaker: name for name, (speaker, _) in owners.items()}
    return Attribution(
        words=tuple(_by_name(item, owners) for item in heard),
        names={**names, **known},
        merged_with=dict(merged.values()),
    )


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


def _by_name(item: Attributed, owners: Mapping[str, tuple[str, float]]) -> Attributed:
    """Let a matched caption name decide."""
    if item.word.name is None or item.word.name not in owners:
        return item
    speaker, share = owners[item.word.name]
    if speaker == item.speaker:
        return Attributed(item.word, speaker, max(item.confidence, share))
    return Attributed(item.word, speaker, share)


SENTENCE_END = (".", "?", "!", "…", "。", "？", "！")

Shared = dict[str, dict[str, Seconds]]
"""Caption name -> speaker -> seconds of words that both claim."""


def _shared_time(heard: Sequence[Attributed]) -> Shared:
    shared: Shared = defaultdict(lambda: defaultdict(float))
    for item in heard:
        if item.word.name is not None and item.speaker != UNKNOWN_SPEAKER:
            shared[item.word.name][item.speaker] += max(item.word.end - item.word.start, 1e-3)
    return shared


def _match(shared: Shared, known: Mapping[str, str]) -> dict[str, tuple[str, float]]:
    """Match names and speakers that are mostly each other's: name -> (speaker, share).

    Where several names live in one voice, the one heard most owns it; the time of the others
    does not count against it, since they are told apart next.
    """
    claims: dict[str, dict[str, Seconds]] = defaultdict(dict)
    spoken: dict[str, Seconds] = defaultdict(float)
    for name, by_speaker in shared.items():
        for speaker, seconds in by_speaker.items():
            spoken[speaker] += seconds
            if seconds >= MAJORITY * sum(by_speaker.values()):
                claims[speaker][name] = seconds
    matched = {name: (speaker, 1.0) for speaker, name in known.items() if name in shared}
    for speaker, claimed in claims.items():
        name = max(claimed, key=lambda n: claimed[n])
        others = sum(seconds for other, seconds in claimed.items() if other != name)
        share = claimed[name] / max(sum(shared[name].values()), spoken[speaker] - others)
        if name not in matched and speaker not in known and share >= MAJORITY:
            matched[name] = (speaker, share)
    return matched


def _told_apart(
    shared: Shared, owners: Mapping[str, tuple[str, float]], speakers: set[str]
) -> dict[str, tuple[str, str]]:
    """Make speakers for names whose voice another name owns: name -> (new, merged with)."""
    taken = {speaker for speaker, _ in owners.values()}
    number = len(speakers)
    made: dict[str, tuple[str, str]] = {}
    for name, by_speaker in shared.items():
        voice = max(by_speaker, key=lambda s: by_speaker[s])
        total = sum(by_speaker.values())
        enough = total >= EVIDENCE and by_speaker[voice] >= MAJORITY * total
        if name not in owners and voice in taken and enough:
            made[name] = (speaker_label(number), voice)
            number += 1
    return made
