"""Score utterances against how their person usually sounds or looks in this recording.

Voices differ more between people than between emotions: one person's neutral is another one's sad.
Where a speaker is heard for a while, the mean of the other utterances shows it, and is subtracted
from the log-probabilities. No label is needed; it is assumed that a speaker is mostly neutral.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.protocols import Baseline
from schemas.emotions import EMOTIONS, EmotionScores
from schemas.speech import UNKNOWN_SPEAKER
from schemas.values import Seconds

_LONGEST: Seconds = 10.0
"""A longer utterance counts as this long: no single one is the speaker."""

_LEAST_PROBABILITY = 1e-6

Logs = NDArray[np.float64]
"""Log-probabilities of the seven classes, shape (n, 7) or (7,)."""


def against_own_baseline(
    scores: Sequence[EmotionScores | None],
    people: Sequence[str],
    seconds: Sequence[Seconds],
    baseline: Baseline,
) -> list[EmotionScores | None]:
    """Return scores relative to the same person's other scores; None stays None.

    `people` and `seconds` say whose each score is and of how long a piece. Even scores (nobody
    was heard or seen) stay even and tell nothing of a person; who is `UNKNOWN` has no baseline.
    """
    corrected = list(scores)
    by_person: dict[str, list[int]] = defaultdict(list)
    for row, (score, person) in enumerate(zip(scores, people, strict=True)):
        if score is not None and not _is_even(score) and person != UNKNOWN_SPEAKER:
            by_person[person].append(row)
    for rows in by_person.values():
        logs = np.log(np.maximum([_tuple(scores[row]) for row in rows], _LEAST_PROBABILITY))
        weights = np.array([min(seconds[row], _LONGEST) for row in rows])
        total, weighted = weights.sum(), (logs * weights[:, None]).sum(axis=0)
        for place, row in enumerate(rows):
            rest = float(total - weights[place])
            if rest <= 0:
                continue
            # without the score itself, which must not be explained away
            others = (weighted - logs[place] * weights[place]) / rest
            relative = relative_to(logs[place], others, baseline, rest / (rest + baseline.halfway))
            corrected[row] = EmotionScores.from_array(np.exp(relative).tolist())
    return corrected


def relative_to(logs: Logs, others: Logs, baseline: Baseline, share: float) -> Logs:
    """Move log-probabilities by a `share` of what the others differ from the reference.

    They are sharpened by the same share of the baseline's sharpening.
    """
    moved = logs - share * (others - np.asarray(baseline.reference))
    moved *= np.exp(share * baseline.sharpening)
    return np.asarray(moved - moved.max(axis=-1, keepdims=True))


def _is_even(score: EmotionScores) -> bool:
    values = score.as_tuple()
    return max(values) - min(values) < 1e-4


def _tuple(score: EmotionScores | None) -> tuple[float, ...]:
    return score.as_tuple() if score else (1 / len(EMOTIONS),) * len(EMOTIONS)
