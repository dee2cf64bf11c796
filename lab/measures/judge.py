"""Score labelled samples by a branch or by all branches fused; skip damaged files."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lab.corpora.samples import read_readable, sample_reader
from models.architectures.branch import TrainedBranch
from models.architectures.joint_fusion import TrainedJointFusion, parts_of
from models.protocols import Representations, Scores
from models.registry import load_engine
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.errors import InputError
from schemas.settings import WeightSettings
from schemas.values import speaks
from tasks.emotion.fuse import BRANCHES

_BLOCK = 256
"""Samples that lie in memory at once."""


class Judged(NamedTuple):
    """Scores (n, classes) in the order of the clips, NaN where there is nothing to judge.

    `damaged` are the rows whose file cannot be read, NaN as well, with a sentence each; `each`
    are the scores of the branches that were fused.
    """

    scores: Scores
    damaged: dict[int, str]
    each: dict[str, Scores]


def scorer(
    branch: str, weights: WeightSettings, classes: Sequence[str] = EMOTIONS
) -> tuple[Callable[[Sequence[Any]], Scores], frozenset[str] | None]:
    """Return how the weights score samples in their classes, and the languages that they know.

    Raises `WeightsError` for missing weights.
    """
    if tuple(classes) == EMOTIONS:
        engine = load_engine(branch, "embedded", weights)
        return engine.score, engine.languages
    own = TrainedBranch(branch, Path(getattr(weights, branch)), weights)
    return own.score_classes, own.languages


def judge(
    branch: str,
    clips: Sequence[LabelledClip],
    weights: WeightSettings,
    classes: Sequence[str] = EMOTIONS,
) -> Judged:
    """Let one branch judge in the classes of its weights; `WeightsError` for missing weights."""
    score, languages = scorer(branch, weights, classes)
    read = sample_reader(branch, weights)
    scores = _nothing(clips, len(classes))
    damaged: dict[int, str] = {}
    for first in range(0, len(clips), _BLOCK):
        block = range(first, min(first + _BLOCK, len(clips)))
        known = [row for row in block if speaks(languages, clips[row].language or None)]
        found = read_readable({row: clips[row] for row in known}, read)
        damaged |= found.damaged
        samples = {row: sample for row, sample in found.samples.items() if sample is not None}
        if samples:
            scores[list(samples)] = score(list(samples.values()))
    return Judged(scores, damaged, {})


def judge_together(clips: Sequence[LabelledClip], weights: WeightSettings) -> Judged:
    """Let all branches judge, and fuse what they say.

    The sound of a path is heard, the face of a picture or a video is sought, a text is read;
    what a clip does not have is masked. A joint network of classes of its own judges in these, and
    only clips of which all its parts know something. Raises `WeightsError` for missing weights.
    """
    held = read_readable(dict(enumerate(clips)), _held)
    damaged = dict(held.damaged)
    each: dict[str, Scores] = {}
    for branch in BRANCHES:
        rows = [row for row, branches in held.samples.items() if branch in branches]
        each[branch] = _nothing(clips)
        if rows:
            found = judge(branch, [clips[row] for row in rows], weights)
            each[branch][rows] = found.scores
            damaged |= {rows[place]: sentence for place, sentence in found.damaged.items()}
    for scores in each.values():
        scores[list(damaged)] = np.nan
    if not parts_of(weights):
        fusion = load_engine("fusion", "embedded", weights)
        return Judged(fusion.fuse(each), damaged, each)
    joint = TrainedJointFusion(weights)
    known = {
        part: _represent(joint, part, clips, {r for r, own in held.samples.items() if part in own})
        for part in joint.parts
    }
    own = joint.classes != EMOTIONS
    return Judged(joint.score_classes(known) if own else joint.join(each, known), damaged, each)


def _represent(
    joint: TrainedJointFusion, part: str, clips: Sequence[LabelledClip], rows: Iterable[int]
) -> Representations:
    """Return what a part of a joint network knows of clips (n, width), NaN of what has it not."""
    read = sample_reader(part, WeightSettings())
    samples = read_readable({row: clips[row] for row in rows}, read).samples
    there = [row for row, sample in samples.items() if sample is not None]
    found = joint.represent(part, [samples[row] for row in there])
    known = np.full((len(clips), found.shape[1]), np.nan, dtype=np.float32)
    known[there] = found
    return known


def _nothing(clips: Sequence[LabelledClip], n_classes: int = len(EMOTIONS)) -> Scores:
    return np.full((len(clips), n_classes), np.nan, dtype=np.float32)


def _held(clip: LabelledClip) -> frozenset[str]:
    """Which branches have something to judge in a clip; raises `InputError` for a damaged file."""
    return frozenset(_streams(clip.source)) | ({"text"} if clip.text else set())


def _streams(source: str | None) -> set[str]:
    """`audio` and `video` as a file has them; a cover picture in a sound file is no face."""
    import av

    if source is None:
        return set()
    if Path(source).is_dir():
        return {"video"}
    try:
        with av.open(source) as container:
            kinds = {str(stream.type) for stream in container.streams if not _is_cover(stream)}
    except (OSError, av.FFmpegError) as error:
        raise InputError(f"{source} cannot be read: {error}") from error
    if not kinds & {"audio", "video"}:
        raise InputError(f"{source} holds neither sound nor picture.")
    return kinds & {"audio", "video"}


def _is_cover(stream: Any) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)
