"""How listeners' faces react to what others say: one row per face and utterance."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from schemas.consent import Consent
from schemas.emotions import EmotionScores
from schemas.settings import Settings
from schemas.speech import Faces, ListenerFace, Reaction, Reactions, Utterance
from tasks.emotion.branches import NEVER_JUDGED, judge_listeners

STAGE_VERSION = 1


def judge_reactions(
    faces: Faces, utterances: Sequence[Utterance], consent: Consent, settings: Settings
) -> Reactions:
    """Score by face everybody who listens, sorted by utterance and participant.

    The scores are the video branch's, calibrated, and relative to how the same person looks while
    listening to others. They are not corrected for the shares of the meeting: those are of
    utterances. The emotion is null under `settings.judge.min_confidence`.
    Listeners of whom nothing may be stored have no row. Raises `WeightsError` where the branch's
    weights are missing.
    """
    faces = without_hidden_listeners(faces, utterances, consent)
    judged = judge_listeners(faces, settings)
    names = _names(utterances)
    rows = [
        _reaction(face, names.get(face.participant), scores, settings.judge.min_confidence)
        for face, scores in zip(faces.listeners, judged.scores, strict=True)
    ]
    rows.sort(key=lambda row: (row.utterance_index, row.participant))
    return Reactions(model=judged.model, rows=tuple(rows))


def without_hidden_listeners(
    faces: Faces, utterances: Sequence[Utterance], consent: Consent
) -> Faces:
    """Leave out listeners of whom nothing may be stored, and whoever speaks themselves.

    Where somebody refused, only the face of a speaker is kept whose every utterance may be shown:
    any other could be that of whoever refused. Nobody reacts to an utterance that is not shown.
    """
    heard = {u.index: u for u in utterances if not NEVER_JUDGED & set(u.flags)}
    hidden = {u.speaker for u in utterances if u.index not in heard}
    shown = {u.speaker for u in heard.values()} - hidden
    kept = tuple(
        face
        for face in faces.listeners
        if face.utterance_index in heard
        and face.participant != heard[face.utterance_index].speaker
        and (not consent.is_restricted or face.participant in shown)
    )
    return faces.model_copy(update={"listeners": kept})


def _names(utterances: Sequence[Utterance]) -> Mapping[str, str]:
    """Return the name of each speaker who is known by one name."""
    found: dict[str, set[str]] = defaultdict(set)
    for utterance in utterances:
        if utterance.speaker_name is not None:
            found[utterance.speaker].add(utterance.speaker_name)
    return {speaker: min(names) for speaker, names in found.items() if len(names) == 1}


def _reaction(
    face: ListenerFace, name: str | None, scores: EmotionScores | None, min_confidence: float
) -> Reaction:
    confidence = max(scores.as_tuple()) if scores else 0.0
    sure = scores is not None and confidence >= min_confidence
    valence, arousal = scores.expected_valence_arousal() if scores else (None, None)
    return Reaction(
        utterance_index=face.utterance_index,
        participant=face.participant,
        participant_name=name,
        seconds=face.seconds,
        coverage=face.coverage,
        scores=scores,
        emotion=scores.best if scores and sure else None,
        confidence=confidence if sure else None,
        valence=valence,
        arousal=arousal,
    )
