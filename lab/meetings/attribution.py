"""Compare what the pipeline says of a composed meeting with its truth.

An utterance belongs to the participant whose true turns overlap it most; where several speak at
once, to the one whom its speaker is matched with over the whole meeting. It counts for the face
where that participant's live face is on the screen for half of the utterance; else a face that is
given is a false one: of a listener, a photo, a tile that stands still.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lab.meetings.truth import Box, TrueCue, TrueFace, Truth
from schemas.names import name_key
from schemas.speech import Faces, FaceTrack, Utterance, Word
from schemas.values import Seconds

FaceOutcome = Literal["right", "wrong", "none"]
NameOutcome = Literal["right", "wrong", "unknown"]
Shown = Literal["live", "frozen", "photo", "avatar", "absent"]

_VISIBLE = 0.5
_LEAST_OVERLAP = 0.2
"""Overlap (intersection over union) from which a box is a true face's."""

_MOSTLY = 0.4
"""Of the most that anybody speaks in an utterance: from here on it can be that person's."""

_NEAR: Seconds = 0.25
"""A word this far outside a cue can still be of it: words are cut and put on the grid."""


@dataclass(frozen=True)
class Judged:
    """One utterance beside the truth.

    `shown` says how its speaker is on the screen; `face` and `face_kind` what the face is that was
    given. `speaker_is_right` says whether the label, matched with the participants over the whole
    meeting, is the true speaker's.
    """

    meeting: str
    index: int
    start: Seconds
    end: Seconds
    speaker: str
    participant: str
    shown: Shown
    face: FaceOutcome
    face_kind: str | None
    face_confidence: float | None
    speaker_confidence: float
    speaker_is_right: bool
    names: Mapping[NameOutcome, float]
    named: bool

    @property
    def counts(self) -> bool:
        """Whether its speaker's face could be given."""
        return self.shown == "live"


def judge_meeting(
    name: str, truth: Truth, utterances: Sequence[Utterance], faces: Faces
) -> list[Judged]:
    """Judge all utterances that overlap a true turn."""
    tracks = {track.utterance_index: track for track in faces.tracks}
    matched = _matched(utterances, truth)
    found = []
    for utterance in utterances:
        who = _owner(truth, utterance, matched.get(utterance.speaker))
        if who is None:
            continue
        track = tracks.get(utterance.index, FaceTrack(utterance_index=utterance.index))
        given = given_face(truth, track)
        shown = _shown(truth, who, utterance)
        is_given = bool(track.rows)
        is_right = given is not None and (given.participant, given.kind) == (who, "live")
        confidence = track.confidence if is_given else None
        found.append(
            Judged(
                meeting=name,
                index=utterance.index,
                start=utterance.start,
                end=utterance.end,
                speaker=utterance.speaker,
                participant=who,
                shown=shown,
                face="none" if not is_given else "right" if is_right else "wrong",
                face_kind=given.kind if given else ("nothing" if is_given else None),
                face_confidence=confidence,
                speaker_confidence=utterance.speaker_confidence,
                speaker_is_right=matched.get(utterance.speaker) == who,
                names=_names(truth, utterance, who),
                named=utterance.speaker_name is not None,
            )
        )
    return found


def given_face(truth: Truth, track: FaceTrack) -> TrueFace | None:
    """Return the true face that most of a track's boxes are of; None where it is of nothing."""
    votes: Counter[int] = Counter()
    for time, box in zip(track.times, track.boxes, strict=False):
        best, most = None, _LEAST_OVERLAP
        for number, face in enumerate(truth.faces):
            for span in face.spans:
                if span.start <= time < span.end and _overlap(span.box, box) > most:
                    best, most = number, _overlap(span.box, box)
        if best is not None:
            votes[best] += 1
    if not votes:
        return None
    number, count = votes.most_common(1)[0]
    return truth.faces[number] if count >= len(track.boxes) / 2 else None


def _owner(truth: Truth, utterance: Utterance, matched: str | None) -> str | None:
    """Return whose true turns an utterance shares most time with.

    Where several people speak through most of it, it is that of the participant whom its speaker
    is matched with over the meeting: a short answer inside a long turn is not that turn.
    """
    shared: dict[str, Seconds] = {}
    for turn in truth.turns:
        seconds = _shared(turn.start, turn.end, utterance)
        if seconds > 0:
            shared[turn.participant] = shared.get(turn.participant, 0.0) + seconds
    most = max(shared.values(), default=0.0)
    if matched is not None and shared.get(matched, 0.0) >= max(_MOSTLY * most, 1e-3):
        return matched
    return max(shared, key=lambda who: shared[who], default=None)


def _shared(start: Seconds, end: Seconds, utterance: Utterance) -> float:
    return max(0.0, min(end, utterance.end) - max(start, utterance.start))


def _shown(truth: Truth, who: str, utterance: Utterance) -> Shown:
    """How the speaker is on the screen for half of an utterance, in the picture's time."""
    moved = utterance.model_copy(
        update={"start": utterance.start - truth.delay, "end": utterance.end - truth.delay}
    )
    for face in truth.faces:
        seen = sum(_shared(span.start, span.end, moved) for span in face.spans)
        if face.participant == who and seen >= _VISIBLE * utterance.duration:
            return face.kind
    return "absent"


def _overlap(first: Box, second: Box) -> float:
    right = min(first[0] + first[2], second[0] + second[2])
    bottom = min(first[1] + first[3], second[1] + second[3])
    wide, tall = right - max(first[0], second[0]), bottom - max(first[1], second[1])
    shared = max(0.0, wide) * max(0.0, tall)
    return shared / (first[2] * first[3] + second[2] * second[3] - shared + 1e-9)


def _matched(utterances: Sequence[Utterance], truth: Truth) -> dict[str, str]:
    """Match speakers with participants, one to one, by the time that they share."""
    from scipy.optimize import linear_sum_assignment

    speakers = sorted({u.speaker for u in utterances})
    people = [who.id for who in truth.participants]
    if not speakers:
        return {}
    shared = np.zeros((len(speakers), len(people)))
    for utterance in utterances:
        for turn in truth.turns:
            seconds = _shared(turn.start, turn.end, utterance)
            shared[speakers.index(utterance.speaker), people.index(turn.participant)] += seconds
    rows, columns = linear_sum_assignment(-shared)
    return {
        speakers[row]: people[column]
        for row, column in zip(rows, columns, strict=True)
        if shared[row, column] > 0
    }


def _names(truth: Truth, utterance: Utterance, who: str) -> dict[NameOutcome, float]:
    """Count words by the name that they are under; seconds where there are no captions."""
    parts = list(_cue_words(truth, utterance)) if truth.cues else [(who, utterance.duration)]
    counts: dict[NameOutcome, float] = {"right": 0.0, "wrong": 0.0, "unknown": 0.0}
    for participant, amount in parts:
        counts[_name_outcome(truth, utterance.speaker_name, participant)] += amount
    return counts


def _cue_words(truth: Truth, utterance: Utterance) -> Iterator[tuple[str, float]]:
    """Yield who said each word, by the cue that it stands in."""
    for word in utterance.words:
        cues = [cue for cue in truth.cues if _stands_in(word, cue)]
        for cue in cues:
            yield cue.participant, 1 / len(cues)


def _stands_in(word: Word, cue: TrueCue) -> bool:
    inside = cue.start - _NEAR <= word.start and word.end <= cue.end + _NEAR
    return inside and word.word in cue.text.split()


def _name_outcome(truth: Truth, name: str | None, participant: str) -> NameOutcome:
    """Compare a name with the participant's own; the name of a room is unknown: it names nobody."""
    own = next(who.name for who in truth.participants if who.id == participant)
    if name is None:
        return "unknown"
    if name_key(name) == name_key(own):
        return "right"
    tag = truth.tags.get(participant)
    return "unknown" if tag is not None and name_key(name) == name_key(tag) else "wrong"
