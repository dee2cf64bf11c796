"""Lets a branch, or all branches fused, judge labelled samples from a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.protocols import Fusion, Scores
from models.registry import load_engine
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from schemas.errors import InputError
from schemas.settings import WeightSettings
from tasks.branches import speaks
from tasks.corpora.samples import sample_reader
from tasks.fuse import BRANCHES

_BLOCK = 256
"""Samples that lie in memory at once."""


def judge(branch: str, clips: Sequence[LabelledClip], weights: WeightSettings) -> Scores:
    """Scores (n, 7) in the order of the clips, NaN where there is nothing to judge.

    Raises `InputError` for a clip without what the branch judges, `WeightsError` for missing
    weights.
    """
    engine = load_engine(branch, "embedded", weights)
    read = sample_reader(branch, weights)
    scores = np.full((len(clips), len(EMOTIONS)), np.nan, dtype=np.float32)
    for first in range(0, len(clips), _BLOCK):
        block = range(first, min(first + _BLOCK, len(clips)))
        known = [row for row in block if speaks(engine.languages, clips[row].language or None)]
        samples = {row: sample for row in known if (sample := read(clips[row])) is not None}
        if samples:
            scores[list(samples)] = engine.score(list(samples.values()))
    return scores


def judge_together(
    clips: Sequence[LabelledClip], weights: WeightSettings
) -> tuple[Scores, dict[str, Scores]]:
    """Fused scores (n, 7), and each branch's: NaN where it had nothing to judge.

    The sound of a path is heard, the face of a picture or a video is sought, a text is read;
    what a clip does not have is masked. Raises `InputError` for a path that holds neither sound
    nor picture, `WeightsError` for missing weights.
    """
    held = [_held(clip) for clip in clips]
    scores: dict[str, Scores] = {}
    for branch in BRANCHES:
        rows = [row for row, branches in enumerate(held) if branch in branches]
        scores[branch] = np.full((len(clips), len(EMOTIONS)), np.nan, dtype=np.float32)
        if rows:
            scores[branch][rows] = judge(branch, [clips[row] for row in rows], weights)
    fusion: Fusion = load_engine("fusion", "embedded", weights)
    return fusion.fuse(scores), scores


def _held(clip: LabelledClip) -> frozenset[str]:
    """Which branches have something to judge in a clip."""
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
