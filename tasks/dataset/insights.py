"""Find what stands out in a meeting: departures, changes, hotspots, reactions.

Everything is about what was expressed against what is usual in this recording, for this speaker;
nobody is compared with anybody else, and nothing is said where too little could be judged. Each
finding names the utterances that it rests on. Chosen on drawn meetings in which nothing happens
(`benchmarks/insights.py`): what is found there is false.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.tables import Row

FEWEST_OWN = 12
"""Judged utterances of a speaker from which something can be usual for them."""

DEPARTURE = 3.5
"""Robust deviations from a speaker's own median; the limit of Iglewicz and Hoaglin 1993."""

_LEAST_SPREAD = 0.08
"""Of a speaker who hardly varies; valence and arousal lie in [-1, 1]."""

_MOST_DEPARTURES = 3
"""Of each speaker, the strongest: more is what is usual."""

FEWEST_CHANGED = 8
"""Judged utterances before and after a change."""

CHANCE = 0.01
"""A change is told where so few of the shuffles of a speaker's utterances show as large a one."""

_SHUFFLES = 999

WINDOW, STEP = 30.0, 10.0
"""Seconds that are looked at together for a hotspot."""

_FEWEST_WINDOWS = 20
_FEWEST_VOICES, _FEWEST_TOGETHER = 2, 4
HOT = 4.0

_SURE_REACTION = 0.5
_FEWEST_REACTIONS = 2
"""Listeners who express the same after one utterance."""


class Finding(NamedTuple):
    """Something that stands out: what, when, of whom, by how much, and on what it rests.

    `score` is in deviations for departures and hotspots, a difference of means of valence for
    changes, the number of listeners for reactions.
    """

    kind: str
    start: float
    end: float
    speakers: tuple[str, ...]
    score: float
    sentence: str
    evidence: tuple[int, ...]


def insight_rows(utterances: Sequence[Row], reactions: Sequence[Row]) -> list[Row]:
    """Return the rows of the table `insights` of one recording, in order of their start."""
    shown = [row for row in utterances if "no_consent" not in row["flags"]]
    if not shown:
        return []
    refused = {row["speaker"] for row in utterances if "no_consent" in row["flags"]}
    names = {row["speaker"]: row["speaker_name"] for row in shown if row["speaker_name"]}
    names |= {r["participant"]: r["participant_name"] for r in reactions if r["participant_name"]}
    found = [
        *departures(shown),
        *changes(shown),
        *hotspots(shown),
        *reacted(shown, [r for r in reactions if r["participant"] not in refused]),
    ]
    found = [each for each in found if not refused & set(each.speakers)]
    return [
        {
            "recording_id": shown[0]["recording_id"],
            "meeting_date": shown[0]["meeting_date"],
            "insight_index": number,
            "kind": each.kind,
            "start": each.start,
            "end": each.end,
            "speakers": list(each.speakers),
            "speaker_names": [names.get(speaker) for speaker in each.speakers],
            "score": round(each.score, 2),
            "sentence": each.sentence,
            "evidence": list(each.evidence),
        }
        for number, each in enumerate(sorted(found, key=lambda each: (each.start, each.kind)))
    ]


def departures(rows: Sequence[Row]) -> Iterator[Finding]:
    """Find utterances far from how their speaker expresses themselves in this meeting.

    Unsure ones are none. Those that follow each other on the same side are told as one.
    """
    for speaker, own in _judged(rows).items():
        if len(own) < FEWEST_OWN:
            continue
        found = []
        for side, sentence in _SIDES.items():
            values = np.array([row[side] for row in own])
            deviations = _deviations(values)
            for sign, words in sentence.items():
                far = [
                    (row, sign * z)
                    for row, z in zip(own, deviations, strict=True)
                    if row["emotion"] is not None and sign * z >= DEPARTURE
                ]
                found += [_departure(speaker, run, words) for run in _runs(far)]
        strongest = sorted(found, key=lambda each: -each.score)[:_MOST_DEPARTURES]
        yield from strongest


_SIDES: dict[str, dict[int, str]] = {
    "valence": {
        -1: "Expressed more negatively than is usual for this speaker here.",
        1: "Expressed more positively than is usual for this speaker here.",
    },
    "arousal": {1: "Expressed with more arousal than is usual for this speaker here."},
}


def _departure(speaker: str, run: Sequence[tuple[Row, float]], sentence: str) -> Finding:
    rows = [row for row, _ in run]
    evidence = tuple(row["utterance_index"] for row in rows)
    score = max(z for _, z in run)
    place = rows[0]["start"], rows[-1]["end"]
    return Finding("departure", *place, (speaker,), score, sentence, evidence)


def _runs(far: Sequence[tuple[Row, float]]) -> Iterator[list[tuple[Row, float]]]:
    """Yield what follows each other within three utterances."""
    run: list[tuple[Row, float]] = []
    for each in far:
        if run and each[0]["utterance_index"] - run[-1][0]["utterance_index"] > _NEAR:
            yield run
            run = []
        run.append(each)
    if run:
        yield run


_NEAR = 3


def changes(rows: Sequence[Row]) -> Iterator[Finding]:
    """Find for each speaker the one time from which on they express themselves otherwise.

    The largest difference of means before and after, scaled by the lengths (CUSUM), against that
    of shuffled utterances, which holds whatever their distribution is.
    """
    for speaker, own in _judged(rows).items():
        if len(own) < 2 * FEWEST_CHANGED:
            continue
        values = np.array([row["valence"] for row in own])
        place, height = _largest_step(values[None])
        random = np.random.default_rng(len(own))
        shuffled = random.permuted(np.tile(values, (_SHUFFLES, 1)), axis=1)
        chance = (1 + (_largest_step(shuffled)[1] >= height[0]).sum()) / (1 + _SHUFFLES)
        if chance > CHANCE:
            continue
        at = int(place[0])
        step = float(values[at:].mean() - values[:at].mean())
        way = "more positively" if step > 0 else "more negatively"
        sentence = f"From here on this speaker expressed themselves {way} than before."
        evidence = (own[at - 1]["utterance_index"], own[at]["utterance_index"])
        start, end = own[at]["start"], own[at]["end"]
        yield Finding("change", start, end, (speaker,), step, sentence, evidence)


def _largest_step(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return where each row of values changes most, and by how much, both of shape (rows,)."""
    n = values.shape[1]
    before = np.arange(1, n)
    sums = np.cumsum(values - values.mean(axis=1, keepdims=True), axis=1)[:, :-1]
    heights = np.abs(sums) / np.sqrt(before * (n - before) / n)
    inside = heights[:, FEWEST_CHANGED - 1 : n - FEWEST_CHANGED]
    best = inside.argmax(axis=1)
    return best + FEWEST_CHANGED, inside[np.arange(len(inside)), best]


def hotspots(rows: Sequence[Row]) -> Iterator[Finding]:
    """Find times at which several speak quickly by turns and over each other, with arousal.

    Each window is compared with the others of the meeting; those that touch are one.
    """
    length = max(row["end"] for row in rows)
    starts = np.arange(0.0, max(length - WINDOW, 0.0) + 1e-6, STEP)
    if len(starts) < _FEWEST_WINDOWS:
        return
    inside = [[r for r in rows if r["start"] < at + WINDOW and r["end"] > at] for at in starts]
    deviations = _deviations(np.array([_involvement(each) for each in inside]))
    hot = [
        n
        for n, each in enumerate(inside)
        if deviations[n] >= HOT
        and len(each) >= _FEWEST_TOGETHER
        and len({row["speaker"] for row in each}) >= _FEWEST_VOICES
    ]
    for run in _touching(hot):
        together = {row["utterance_index"]: row for n in run for row in inside[n]}
        evidence = tuple(sorted(together))
        speakers = tuple(sorted({row["speaker"] for row in together.values()}))
        sentence = f"{len(speakers)} people spoke by quick turns, over each other or with arousal."
        first, last = together[evidence[0]], together[evidence[-1]]
        score = float(deviations[run].max())
        yield Finding("hotspot", first["start"], last["end"], speakers, score, sentence, evidence)


def _involvement(rows: Sequence[Row]) -> float:
    """Add up the turns of a window, the seconds under others, and arousal."""
    turns = sum(one["speaker"] != other["speaker"] for one, other in pairwise(rows))
    over = sum(row["overlap_ratio"] * (row["end"] - row["start"]) for row in rows)
    aroused = sum(row["arousal"] for row in rows if row["arousal"] is not None)
    return float(turns + over + 2 * aroused)


def _touching(places: Sequence[int]) -> Iterator[list[int]]:
    reach = round(WINDOW / STEP)
    run: list[int] = []
    for place in places:
        if run and place - run[-1] > reach:
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def reacted(rows: Sequence[Row], reactions: Sequence[Row]) -> Iterator[Finding]:
    """Find utterances to which several listeners were seen to react alike, but not neutrally."""
    of = {row["utterance_index"]: row for row in rows}
    seen: dict[int, list[Row]] = defaultdict(list)
    for each in reactions:
        is_sure = each["confidence"] is not None and each["confidence"] >= _SURE_REACTION
        if is_sure and each["emotion"] != "neutral" and each["utterance_index"] in of:
            seen[each["utterance_index"]].append(each)
    for index, faces in sorted(seen.items()):
        emotion, count = Counter(face["emotion"] for face in faces).most_common(1)[0]
        if count < _FEWEST_REACTIONS:
            continue
        who = tuple(sorted(f["participant"] for f in faces if f["emotion"] == emotion))
        row = of[index]
        sentence = f"{count} listeners' faces expressed {emotion} while this was said."
        place = row["start"], row["end"]
        yield Finding("reaction", *place, (row["speaker"], *who), count, sentence, (index,))


def _judged(rows: Sequence[Row]) -> dict[str, list[Row]]:
    own: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["valence"] is not None and row["speaker"] != "UNKNOWN":
            own[row["speaker"]].append(row)
    return own


def _deviations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how many robust deviations each value lies off the median."""
    middle = np.median(values)
    spread = 1.4826 * float(np.median(np.abs(values - middle)))
    least = _LEAST_SPREAD * max(1.0, float(np.abs(values).max()) if values.size else 1.0)
    return np.asarray((values - middle) / max(spread, least))
