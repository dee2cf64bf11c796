"""Learn from reviewers: utterances of a dataset whose emotion somebody corrected or confirmed."""

from collections.abc import Sequence

from schemas.corpus import LabelledClip
from schemas.corrections import standing
from schemas.dataset import open_dataset
from schemas.emotions import Emotion
from schemas.overlay import overlaid
from schemas.tables import Row
from tasks.dataset.corrections import utterances_of

CORPUS = "corrections"

_CONTEXT = 2
"""Utterances before it that a text is given with, as in annotating."""


def read_corrected(location: str) -> list[LabelledClip]:
    """Return the texts of a dataset that reviewers labelled, as they are corrected, with context.

    Left out are texts that a reviewer is unsure about, those without words or language, and what
    is not shown for want of consent. Raises `SettingsError` where there is no dataset.
    """
    dataset = open_dataset(location)
    corrections = dataset.corrections()
    judged = {
        (each.recording, each.utterance)
        for each in standing(corrections)
        if each.field == "emotion"
    }
    clips = []
    for recording in sorted({recording for recording, _ in judged}):
        own = [each for each in corrections if each.recording == recording]
        rows, _ = overlaid(utterances_of(dataset, recording), own)
        shown = [row for row in rows if "no_consent" not in row["flags"] and row["text"]]
        for place, row in enumerate(shown):
            is_judged = (recording, row["utterance_index"]) in judged
            if is_judged and row["emotion"] and row["language"]:
                clips.append(_clip(row, shown[max(0, place - _CONTEXT) : place]))
    return clips


def _clip(row: Row, before: Sequence[Row]) -> LabelledClip:
    emotion: Emotion = row["emotion"]
    return LabelledClip(
        corpus=CORPUS,
        text=row["text"],
        label=emotion,
        emotion=emotion,
        emotions=(emotion,),
        speaker=f"{row['recording_id']}/{row['speaker']}",
        language=row["language"].split("-")[0],
        dialogue=row["recording_id"],
        turn=row["utterance_index"],
        context=tuple((each["speaker"], each["text"]) for each in before),
    )
