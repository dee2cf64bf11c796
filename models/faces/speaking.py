"""Choose the speaker's face: its mouth moves when the speaker speaks alone.

After the observation that lips and voice keep time (Hershey and Movellan 1999, "Audio Vision").
One face on screen is taken for the speaker's; among several, one must win by a margin, both over
its own stillness while the speaker is silent and over the others.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

_LEAST_PICTURES = 8
_LEAST_CORRELATION = 0.2
_MARGIN = 0.15


def pick_speaking_face(motion: Mapping[int, Series], voice: Series) -> int | None:
    """Return the track whose mouth moves with the voice, None where none wins by a margin.

    `motion` maps a track to its mouth motion per picture (NaN where it was not seen), `voice` is
    the speaker's level per picture: zero while the speaker is silent, NaN where others speak at
    the same time. All of one length.
    """
    scores = {track: follows_voice(series, voice) for track, series in motion.items()}
    ranked = sorted(scores, key=lambda track: -scores[track])
    if not ranked or scores[ranked[0]] < _LEAST_CORRELATION:
        return None
    runner_up = scores[ranked[1]] if len(ranked) > 1 else 0.0
    won = scores[ranked[0]] - max(runner_up, 0.0) >= _MARGIN
    return ranked[0] if won else None


def follows_voice(motion: Series, voice: Series) -> float:
    """Correlation of mouth motion and voice, both evened out over three pictures; 0 if unknown."""
    known = np.isfinite(motion) & np.isfinite(voice)
    if known.sum() < _LEAST_PICTURES:
        return 0.0
    moves, speaks = _even(motion[known]), _even(voice[known])
    if moves.std() < 1e-9 or speaks.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(moves, speaks)[0, 1])


def _even(series: Series) -> Series:
    padded = np.pad(series, 1, mode="edge")
    evened: Series = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return evened
