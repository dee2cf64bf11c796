"""Where several speakers speak at once, by their turns and by the cues of captions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from schemas.speech import Turn, Word
from schemas.values import Seconds, merged_spans
from tasks.transcript.attribution import Attributed, TurnIndex


def voices_of(turns: Sequence[Turn]) -> Mapping[str, TurnIndex]:
    """Index each speaker's turns, joined where they touch each other."""
    joined: dict[str, list[Turn]] = defaultdict(list)
    for turn in sorted(turns, key=lambda turn: turn.start):
        own = joined[turn.speaker]
        if own and turn.start <= own[-1].end:
            last = own.pop()
            turn = last.model_copy(update={"end": max(last.end, turn.end)})
        own.append(turn)
    return {speaker: TurnIndex(own) for speaker, own in joined.items()}


def seconds_of(spans: Iterable[tuple[Seconds, Seconds]]) -> Seconds:
    """Return the length of the union of spans."""
    total, reached = 0.0, 0.0
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def cues_by_speaker(items: Sequence[Attributed]) -> dict[str, list[tuple[Seconds, Seconds]]]:
    """Return the time of each named speaker's caption cues: two may speak at once."""
    units: dict[tuple[str, int], list[Word]] = defaultdict(list)
    for item in items:
        if item.word.unit is not None and item.word.name is not None:
            units[item.speaker, item.word.unit].append(item.word)
    cues: dict[str, list[tuple[Seconds, Seconds]]] = defaultdict(list)
    for (speaker, _), words in units.items():
        cues[speaker].append((words[0].start, max(word.end for word in words)))
    return cues


def shared_spans(
    groups: Iterable[Sequence[tuple[Seconds, Seconds]]],
) -> list[tuple[Seconds, Seconds]]:
    """Return the parts in which spans of at least two groups overlap."""
    merged = [span for group in groups for span in merged_spans(group)]
    merged.sort()
    shared, reached = [], -1.0
    for start, end in merged:
        if start < reached:
            shared.append((start, min(end, reached)))
        reached = max(reached, end)
    return shared
