"""Score utterances by voice, face and words."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from models.protocols import (
    EmotionBranch,
    FaceSequence,
    FamiliarBranch,
    JointFusion,
    Judgement,
    Representations,
    Samples,
    TextSample,
    Waveform,
)
from models.registry import identify, load_engine
from schemas.emotions import EmotionScores
from schemas.settings import Settings
from schemas.speech import BranchScores, Faces, FaceTrack, Flag, ListenerFace, Utterance
from schemas.values import Seconds, speaks
from tasks.emotion.baseline import against_own_baseline
from tasks.emotion.faces import face_sequence
from tasks.transcript.doubtful_words import has_enough_words, sure_text

STAGE_VERSION = 3
AUDIO_VERSION = 5
VIDEO_VERSION = 4

BLOCK_SECONDS: Seconds = 600.0
"""Sound that lies in memory at once while the voice is judged."""

BLOCK_FACES = 64
"""Face sequences that lie in memory at once."""

LISTENER_CROPS = 8
"""Crops of a listener's face that are judged for one utterance, or one a second where that is more.

In 28 windows of three to five seconds of filmed talking faces, 8 crops gave scores that differed
by .02 in total variation from those of up to 24 (.10 at most), 4 by .05 (.19); galleries show many
listeners at once.
"""

CONTEXT_UTTERANCES = 3
"""Previous utterances that the text branch is shown."""

Sample = TypeVar("Sample")
Item = TypeVar("Item")
Represent = Callable[[Sequence[Any]], Representations]

NEVER_JUDGED: frozenset[Flag] = frozenset({"no_consent"})
NOT_BY_VOICE: frozenset[Flag] = NEVER_JUDGED | {"short", "overlap"}
NOT_BY_WORDS: frozenset[Flag] = NEVER_JUDGED | {"no_words", "asr_suspect"}


def judge_audio(
    waveform: Waveform | None, utterances: Sequence[Utterance], settings: Settings
) -> BranchScores:
    """Score by voice every utterance that is long enough and without much overlap.

    Where the branch knows mostly neutral speech, scores are relative to the speaker's own baseline.
    """
    if waveform is None:
        return _nothing("audio", utterances, settings)
    chosen = [u for u in utterances if not NOT_BY_VOICE & set(u.flags)]

    def blocks() -> Iterator[list[tuple[int, Samples]]]:
        block: list[tuple[int, Samples]] = []
        seconds = 0.0
        for utterance in chosen:
            block.append((utterance.index, waveform.read(utterance.start, utterance.end)))
            seconds += utterance.duration
            if seconds >= BLOCK_SECONDS:
                yield block
                block, seconds = [], 0.0
        if block:
            yield block

    represent = _representing("audio", settings)
    judged = _judge("audio", _load_audio, blocks, len(utterances), settings, represent)
    wanted = settings.voice.own_baseline
    return _relative(judged, _load_audio, *_spoken(utterances), settings, wanted=wanted)


def judge_video(faces: Faces, utterances: Sequence[Utterance], settings: Settings) -> BranchScores:
    """Score by face every utterance in which the speaker's face was seen.

    Where the branch knows mostly neutral faces, scores are relative to the person's own baseline.
    """
    allowed = {u.index for u in utterances if not NEVER_JUDGED & set(u.flags)}
    tracks = [t for t in faces.tracks if t.rows and t.utterance_index in allowed]

    def blocks() -> Iterator[list[tuple[int, FaceSequence]]]:
        for block in _blocks_of(tracks):
            yield [(t.utterance_index, face_sequence(faces, t)) for t in block]

    represent = _representing("video", settings)
    judged = _judge("video", _load_video, blocks, len(utterances), settings, represent)
    wanted = settings.video.own_baseline
    return _relative(judged, _load_video, *_spoken(utterances), settings, wanted=wanted)


def judge_listeners(faces: Faces, settings: Settings) -> BranchScores:
    """Score by face everybody who listened, one entry per `faces.listeners`.

    Where the branch knows mostly neutral faces, scores are relative to how the same person looks
    while listening to others: a talking face looks different.
    """
    listeners = faces.listeners
    seen = [(row, face) for row, face in enumerate(listeners) if face.rows]

    def blocks() -> Iterator[list[tuple[int, FaceSequence]]]:
        for block in _blocks_of(seen):
            yield [(row, face_sequence(faces, _thinned(face))) for row, face in block]

    judged = _judge("video", _load_video, blocks, len(listeners), settings)
    people, seconds = [f.participant for f in listeners], [f.seconds for f in listeners]
    wanted = settings.video.own_baseline
    return _relative(judged, _load_video, people, seconds, settings, wanted=wanted)


def judge_text(utterances: Sequence[Utterance], settings: Settings) -> BranchScores:
    """Score by words every utterance with enough sure words in a language of the branch."""
    branch = _load_text(settings)
    chosen = [u for u in utterances if u.text and not NOT_BY_WORDS & set(u.flags)]
    chosen = [u for u in chosen if has_enough_words(u) and speaks(branch.languages, u.language)]

    def blocks() -> Iterator[list[tuple[int, TextSample]]]:
        for start in range(0, len(chosen), 256):
            yield [(u.index, _text_sample(u, utterances)) for u in chosen[start : start + 256]]

    represent = _representing("text", settings)
    return _judge("text", _load_text, blocks, len(utterances), settings, represent)


def in_other_language(utterances: Sequence[Utterance], settings: Settings) -> list[int]:
    """Return indices of the utterances in a language that the text branch does not know."""
    worded = [u for u in utterances if u.text and u.language]
    if not worded:
        return []
    languages = _load_text(settings).languages
    return [u.index for u in worded if not speaks(languages, u.language)]


def _text_sample(utterance: Utterance, utterances: Sequence[Utterance]) -> TextSample:
    before = utterances[max(0, utterance.index - CONTEXT_UTTERANCES) : utterance.index]
    shown = [u for u in before if u.text and not NEVER_JUDGED & set(u.flags)]
    context = tuple((u.speaker, text) for u in shown if (text := sure_text(u)))
    return TextSample(sure_text(utterance), utterance.language, context, utterance.speaker)


def _load_audio(settings: Settings) -> EmotionBranch[Samples]:
    return load_engine("audio", settings.engine("audio"), settings.weights)


def _load_video(settings: Settings) -> EmotionBranch[FaceSequence]:
    return load_engine("video", settings.engine("video"), settings.weights)


def _load_text(settings: Settings) -> EmotionBranch[TextSample]:
    return load_engine("text", settings.engine("text"), settings.weights)


def _nothing(job: str, utterances: Sequence[Utterance], settings: Settings) -> BranchScores:
    model = identify(job, settings.engine(job), settings.weights)
    return BranchScores(model=model, scores=(None,) * len(utterances))


def _blocks_of(faces: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(faces), BLOCK_FACES):
        yield faces[start : start + BLOCK_FACES]


def _thinned(face: ListenerFace) -> FaceTrack:
    """Return a listener's crops as a track of `LISTENER_CROPS`, spread evenly."""
    count = min(len(face.rows), max(LISTENER_CROPS, round(face.seconds)))
    kept = np.linspace(0, len(face.rows) - 1, count).round().astype(int).tolist()
    return FaceTrack(
        utterance_index=face.utterance_index,
        times=tuple(face.times[place] for place in kept),
        rows=tuple(face.rows[place] for place in kept),
    )


def _spoken(utterances: Sequence[Utterance]) -> tuple[list[str], list[Seconds]]:
    """Return whose each utterance is, and how long."""
    return [u.speaker for u in utterances], [u.duration for u in utterances]


def _relative(
    judged: BranchScores,
    load: Callable[[Settings], EmotionBranch[Sample]],
    people: Sequence[str],
    seconds: Sequence[Seconds],
    settings: Settings,
    *,
    wanted: bool,
) -> BranchScores:
    """Return scores relative to each person's own baseline, where that is wanted and known."""
    if not wanted or not any(judged.scores) or (baseline := load(settings).baseline) is None:
        return judged
    relative = against_own_baseline(judged.scores, people, seconds, baseline)
    return judged.model_copy(update={"scores": tuple(relative)})


def _judge(
    job: str,
    load: Callable[[Settings], EmotionBranch[Sample]],
    blocks: Callable[[], Iterator[Sequence[tuple[int, Sample]]]],
    count: int,
    settings: Settings,
    represent: Represent | None = None,
) -> BranchScores:
    scores: list[EmotionScores | None] = [None] * count
    familiar: list[float | None] = [None] * count
    representations: list[tuple[float, ...] | None] = [None] * count
    for block in blocks():
        samples = [sample for _, sample in block]
        judged = _judge_samples(load(settings), samples)
        if represent is not None:
            for (index, _), known in zip(block, represent(samples), strict=True):
                if np.isfinite(known).all():
                    representations[index] = tuple(known.tolist())
        for (index, _), row, known in zip(block, judged.scores, judged.familiarity, strict=True):
            if np.isfinite(row).all():
                scores[index] = EmotionScores.from_array(row.tolist())
            if np.isfinite(known):
                familiar[index] = float(known)
    model = identify(job, settings.engine(job), settings.weights)
    familiarity = tuple(familiar) if any(known is not None for known in familiar) else ()
    return BranchScores(
        model=model,
        scores=tuple(scores),
        familiarity=familiarity,
        representations=tuple(representations) if represent else (),
    )


def _representing(job: str, settings: Settings) -> Represent | None:
    """Return what represents a branch's samples for a joint network; None where fusion is none."""
    fusion = load_engine("fusion", settings.engine("fusion"), settings.weights)
    if not isinstance(fusion, JointFusion) or job not in fusion.parts:
        return None
    return lambda samples: fusion.represent(job, samples)


def _judge_samples(branch: EmotionBranch[Sample], samples: Sequence[Sample]) -> Judgement:
    """Return scores with the familiarity of each sample; NaN by a branch that does not know it."""
    if isinstance(branch, FamiliarBranch):
        judgement: Judgement = branch.judge(samples)
        return judgement
    return Judgement(branch.score(samples), np.full(len(samples), np.nan))
