"""Fuse the branches: one calibrated emotion per utterance, or "unsure"."""

from collections.abc import Mapping, Sequence

import numpy as np

from models.protocols import JointFusion, Representations, Scores
from models.registry import identify, load_engine
from schemas.emotions import EMOTIONS, Emotion, EmotionScores
from schemas.settings import Settings
from schemas.speech import AnnotatedUtterance, BranchScores, Faces, FaceTrack, Flag, Utterance
from tasks.emotion.meeting_prior import adapt_to_meeting

STAGE_VERSION = 4

BRANCHES = ("audio", "video", "text")


def fuse(
    utterances: Sequence[Utterance],
    faces: Faces,
    branches: Mapping[str, BranchScores],
    settings: Settings,
    *,
    text_only: bool,
    other_language: Sequence[int] = (),
) -> tuple[AnnotatedUtterance, ...]:
    """Join the branches' scores per utterance.

    `branches` holds any of `audio`, `video`, `text`; a missing one was not allowed to judge.
    The fused scores are corrected for how rare emotions are in this recording. The emotion is null
    where no branch judged, or where the confidence lies under `settings.judge.min_confidence`.
    The correction may take an emotion away but makes nothing neutral: an utterance of which neither
    the fusion nor a branch by itself says neutral is unsure. The scores are kept either way.
    """
    engine = load_engine("fusion", settings.engine("fusion"), settings.weights)
    rows = {name: _rows(branches.get(name), len(utterances)) for name in BRANCHES}
    if not utterances:
        fused = np.zeros((0, len(EMOTIONS)), np.float32)
    elif isinstance(engine, JointFusion):
        fused = engine.join(
            rows, {name: _representations(b) for name, b in branches.items() if b.representations}
        )
    else:
        fused = engine.fuse(rows)
    adapted = adapt_to_meeting(fused, settings.meeting)
    models = {name: scores.model for name, scores in branches.items()}
    models["fusion"] = identify("fusion", settings.engine("fusion"), settings.weights)
    tracks = {track.utterance_index: track for track in faces.tracks}
    strange = set(other_language)
    return tuple(
        _annotate(
            utterance,
            adapted[i],
            _best(fused[i]) == "neutral",
            {name: b.scores[i] for name, b in branches.items()},
            _familiarity(branches, i),
            tracks.get(utterance.index, FaceTrack(utterance_index=utterance.index)),
            models,
            settings.judge.min_confidence,
            {"text_only_policy"} if text_only else set(),
            utterance.index in strange,
        )
        for i, utterance in enumerate(utterances)
    )


def _best(scores: np.ndarray) -> Emotion:
    return EMOTIONS[int(np.nan_to_num(scores).argmax())]


def _familiarity(branches: Mapping[str, BranchScores], index: int) -> float | None:
    """Return how familiar an utterance is to the branch that knows it least; None: not known."""
    known = [b.familiarity[index] for b in branches.values() if b.familiarity]
    return min((share for share in known if share is not None), default=None)


def _rows(branch: BranchScores | None, count: int) -> Scores:
    rows = np.full((count, len(EMOTIONS)), np.nan, np.float32)
    for i, scores in enumerate(branch.scores if branch else ()):
        if scores is not None:
            rows[i] = scores.as_tuple()
    return rows


def _representations(branch: BranchScores) -> Representations:
    """Return what a branch knows of each utterance (n, width), NaN where nothing."""
    width = max((len(row) for row in branch.representations if row is not None), default=1)
    rows = [row if row is not None else (np.nan,) * width for row in branch.representations]
    return np.array(rows, dtype=np.float32)


def _annotate(
    utterance: Utterance,
    fused: np.ndarray,
    uncorrected_neutral: bool,
    judged: Mapping[str, EmotionScores | None],
    familiarity: float | None,
    track: FaceTrack,
    models: Mapping[str, str],
    min_confidence: float,
    flags: set[Flag],
    other_language: bool,
) -> AnnotatedUtterance:
    flags = flags | set(utterance.flags)
    if not track.rows and "no_consent" not in flags:
        flags.add("no_face")
    if track.unsure:
        flags.add("face_unsure")
    if other_language:
        flags.add("other_language")
    scores = EmotionScores.from_array(fused.tolist()) if np.isfinite(fused).all() else None
    confidence = max(scores.as_tuple()) if scores else None
    sure = confidence is not None and confidence >= min_confidence
    said = uncorrected_neutral or any(own and own.best == "neutral" for own in judged.values())
    if scores is not None and scores.best == "neutral" and not said:
        sure = False
    if scores is not None and not sure:
        flags.add("low_confidence")
    valence, arousal = scores.expected_valence_arousal() if scores else (None, None)
    return AnnotatedUtterance(
        utterance=utterance,
        emotion=scores.best if scores and sure else None,
        confidence=confidence if sure else None,
        scores=scores,
        audio_scores=judged.get("audio"),
        video_scores=judged.get("video"),
        text_scores=judged.get("text"),
        valence=valence,
        arousal=arousal,
        face_coverage=track.coverage,
        familiarity=familiarity,
        flags=tuple(sorted(flags)),
        models=dict(models),
    )
