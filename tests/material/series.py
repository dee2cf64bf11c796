"""A series of meetings as a dataset: six weekly meetings of four people, drawn by a fixed seed.

No model judged anything here; the numbers are drawn. They let queries be read with a result.
"""

from datetime import UTC, date, datetime, timedelta
from random import Random

from schemas.corrections import Correction
from schemas.dataset import Dataset
from schemas.emotions import EMOTIONS, EmotionScores
from schemas.media import MediaInfo
from schemas.sidecar import Sidecar
from schemas.speech import AnnotatedUtterance, Reaction, Reactions, Utterance, Word
from tasks.dataset.corrections import take_in
from tasks.dataset.publish import publish
from tests.material.annotations import annotation, recording

FIRST = date(2026, 9, 7)
PEOPLE = ("Ana García", "Bo Lindqvist", "Chidi Eze", "Dana Levi")
TALK = {
    "release": ("the release slips again", "we test the release on Monday", "is the release safe"),
    "budget": ("the budget is not enough", "who approved this budget", "we stay within budget"),
    "holiday": ("the holiday was lovely", "I am back from holiday", "enjoy the holiday"),
    "plan": ("let us go on with the plan", "the plan is good", "what is next in the plan"),
}
MOODS = {
    "release": ("fearful", "neutral", "angry"),
    "budget": ("angry", "angry", "neutral"),
    "holiday": ("happy", "happy", "surprised"),
    "plan": ("neutral", "neutral", "happy"),
}


def make_series(dataset: Dataset) -> None:
    """Publish the meetings into a dataset."""
    random = Random(7)
    for week in range(6):
        day = FIRST + timedelta(weeks=week)
        meeting = recording(
            recording_id=f"{week:016x}",
            uri=f"/meetings/{day}.mp4",
            title=f"weekly {day}",
            sidecar=Sidecar(date=day),
        )
        rows, reactions = _talk(random, turns=60 + 5 * week)
        media = MediaInfo(container="mp4", duration=rows[-1].utterance.end + 5, origin=0.0)
        publish(dataset, annotation(meeting, media, rows, reactions=reactions), "<p>")


def correct_series(dataset: Dataset) -> None:
    """Let two reviewers listen to every tenth utterance: half of the labels they leave."""
    random = Random(9)
    made = []
    rows = dataset.arrow("utterances").to_table().to_pylist()
    for row in sorted(rows, key=lambda row: (row["recording_id"], row["utterance_index"]))[::10]:
        rita = random.random() < 0.6
        heard = row["emotion"] if random.random() < 0.5 else random.choice(("neutral", "happy"))
        made.append(
            Correction(
                id=f"{len(made):032x}",
                who="Rita" if rita else "Omar",
                when=datetime(2026, 11, 20 if rita else 21, 10, len(made) % 60, tzinfo=UTC),
                recording=row["recording_id"],
                utterance=row["utterance_index"],
                start=row["start"],
                end=row["end"],
                field="emotion",
                old=row["emotion"],
                new=heard,
            )
        )
    take_in(dataset, made)


def _talk(random: Random, turns: int) -> tuple[list[AnnotatedUtterance], Reactions]:
    rows, reactions = [], []
    clock, speaker = 2.0, 0
    for index in range(turns):
        topic = random.choice(list(TALK))
        place = random.randrange(3)
        length = round(random.uniform(1.5, 14.0), 1)
        cuts_in = random.random() < 0.15 and index > 0
        start = round(clock - 0.8 if cuts_in else clock + random.uniform(0.1, 3.0), 1)
        row = _row(random, index, speaker, start, length, topic, place)
        rows.append(_overlapping(row) if cuts_in else row)
        listener = (speaker + 1) % len(PEOPLE)
        if random.random() < 0.5:
            reactions.append(_reaction(index, listener, MOODS[topic][place], length))
        clock = start + length
        if random.random() < 0.8:
            speaker = random.randrange(len(PEOPLE))
    return rows, Reactions(model="drawn@0", rows=tuple(reactions))


def _overlapping(row: AnnotatedUtterance) -> AnnotatedUtterance:
    ratio = round(0.8 / row.utterance.duration, 3)
    spoken = row.utterance.model_copy(update={"overlap_ratio": min(1.0, ratio)})
    flags = tuple(sorted((*row.flags, "overlap")))
    return row.model_copy(update={"utterance": spoken, "flags": flags})


def _row(
    random: Random, index: int, speaker: int, start: float, length: float, topic: str, place: int
) -> AnnotatedUtterance:
    text = TALK[topic][place]
    said = text.split()
    step = length / len(said)
    words = tuple(
        Word(
            word=word,
            start=round(start + i * step, 3),
            end=round(start + (i + 1) * step, 3),
            score=0.9,
        )
        for i, word in enumerate(said)
    )
    utterance = Utterance(
        index=index,
        start=start,
        end=round(start + length, 1),
        speaker=f"SPEAKER_{speaker:02d}",
        speaker_name=PEOPLE[speaker],
        speaker_confidence=0.95,
        overlap_ratio=0.0,
        text=text,
        language="en",
        words=words,
    )
    mood = MOODS[topic][place]
    sure = round(random.uniform(0.4, 0.9), 2)
    scores = _scores(mood, sure)
    is_sure = sure >= 0.5
    return AnnotatedUtterance(
        utterance=utterance,
        emotion=mood if is_sure else None,  # type: ignore[arg-type]
        confidence=sure if is_sure else None,
        scores=scores,
        **_position(scores),
        flags=() if is_sure else ("low_confidence",),
    )


def _scores(mood: str, sure: float) -> EmotionScores:
    rest = (1 - sure) / (len(EMOTIONS) - 1)
    return EmotionScores.from_array([sure if name == mood else rest for name in EMOTIONS])


def _position(scores: EmotionScores) -> dict[str, float]:
    valence, arousal = scores.expected_valence_arousal()
    return {"valence": round(valence, 3), "arousal": round(arousal, 3)}


def _reaction(index: int, listener: int, mood: str, length: float) -> Reaction:
    scores = _scores(mood, 0.6)
    return Reaction(
        utterance_index=index,
        participant=f"SPEAKER_{listener:02d}",
        participant_name=PEOPLE[listener],
        seconds=length,
        coverage=1.0,
        scores=scores,
        emotion=mood,  # type: ignore[arg-type]
        confidence=0.6,
        **_position(scores),
    )
