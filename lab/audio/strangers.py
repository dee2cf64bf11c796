"""Calibrate the audio network on corpora that were left out of its training.

Speakers of the training corpora, even unseen ones, flatter: their studio, task and language were
trained on. What holds for strangers is fitted on corpora that the network did not learn from,
each left out once: a temperature that depends on duration and strangeness, and how much surer
scores may be that are relative to the speaker's own baseline.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.acoustics.conditions import PIECES, STRANGE
from lab.audio.folds import CLEAN
from lab.audio.sounds import classes_of
from lab.measures import Measures, measure
from lab.measures.baseline import MOSTLY_NEUTRAL, log_scores, neutral_reference
from models.audio.calibration import VoiceCalibration
from models.protocols import Baseline, Scores
from models.scores import softmax
from schemas.corpus import LabelledClip
from schemas.emotions import EMOTIONS
from tasks.emotion.baseline import Logs, relative_to

TAKES = (CLEAN, *PIECES, *STRANGE)
"""Whole clips; pieces of them, and strange voices, that tell what a calibration depends on."""

OTHERS = (3, 8, 20)
"""Other clips of a speaker that a baseline is taken from when it is measured."""

HALFWAY_CLIPS = 3.0
"""`models.audio.embedded.HALFWAY` in clips of these corpora instead of seconds."""

_CLOSELY = {"xatol": 1e-3, "fatol": 1e-6, "maxiter": 600}
_FITTED_OTHERS = (1, *OTHERS)
_NEUTRAL = EMOTIONS.index("neutral")

KNOWN = "known"
"""Take of speakers of the other corpora that were not trained on either."""


@dataclass(frozen=True)
class Take:
    """How clips were judged: uncalibrated logits (n, 7), seconds of voice and strangeness (n,)."""

    logits: NDArray[np.float32]
    seconds: NDArray[np.float64]
    strangeness: NDArray[np.float64]

    def scores(self, calibration: VoiceCalibration) -> Scores:
        """Return calibrated scores (n, 7)."""
        return calibration.scores(self.logits, self.seconds, self.strangeness)


def judged_strangers(out: Path, number: int) -> Path:
    """Return where a training keeps how its network without one corpus judged that corpus."""
    return out / f"left-out-{number}" / "takes.npz"


def save_takes(path: Path, takes: Mapping[str, Take]) -> None:
    """Write takes by their names as `.npz`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        f"{name}/{field.name}": getattr(take, field.name)
        for name, take in takes.items()
        for field in fields(Take)
    }
    np.savez(path, allow_pickle=False, **arrays)


def read_takes(path: Path) -> dict[str, Take]:
    """Read what `save_takes` wrote."""
    with np.load(path) as found:
        names = dict.fromkeys(key.split("/")[0] for key in found.files)
        return {
            name: Take(**{field.name: found[f"{name}/{field.name}"] for field in fields(Take)})
            for name in names
        }


@dataclass(frozen=True)
class Strangers:
    """One corpus that was left out: its clips, the takes of them, whole clips first.

    `known` are speakers of the other corpora that the same network was not trained on either.
    """

    corpus: str
    clips: tuple[LabelledClip, ...]
    takes: Mapping[str, Take]
    known_clips: tuple[LabelledClip, ...]
    known: Take

    @property
    def labels(self) -> list[int]:
        """Classes of the clips as indices of `EMOTIONS`."""
        return classes_of(self.clips)

    @property
    def speakers(self) -> list[str]:
        """Speakers of the clips, told apart from those of other corpora."""
        return [clip.person for clip in self.clips]

    def reference(self, calibration: VoiceCalibration) -> Logs:
        """Return how mostly neutral speech of the known speakers is scored."""
        return neutral_reference(classes_of(self.known_clips), self.known.scores(calibration))


def calibration_for_strangers(found: Sequence[Strangers]) -> VoiceCalibration:
    """Fit temperature and exponents to all left-out corpora: whole clips, pieces, strange voices.

    Each corpus counts alike, whatever its size. One with whole clips alone tells little of duration
    and nothing of strangeness.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    def surprise(values: NDArray[np.float64]) -> float:
        calibration = VoiceCalibration(float(np.exp(values[0])), *map(float, values[1:]))
        total = 0.0
        for each in found:
            rows, labels = np.arange(len(each.clips)), each.labels
            for take in each.takes.values():
                cooled = calibration.temperatures(take.seconds, take.strangeness)
                chances = log_softmax(take.logits / cooled[:, None], axis=1)[rows, labels]
                total -= float(chances.mean()) / len(each.takes)
        # what the takes do not show leaves an exponent in the air
        return total / len(found) + 1e-3 * float(np.square(values[1:]).sum())

    best = minimize(surprise, np.zeros(3), method="Nelder-Mead", options=_CLOSELY).x
    return VoiceCalibration(float(np.exp(best[0])), float(best[1]), float(best[2]))


def sharpening_for_strangers(
    found: Sequence[Strangers], calibration: VoiceCalibration, seed: int = 1
) -> float:
    """Fit how much surer scores may be that are relative to a whole baseline of the speaker."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    drawn = [
        (each, *_against_others(each, calibration, count, 0.0, seed))
        for each in found
        for count in _FITTED_OTHERS
    ]

    def surprise(sharpening: float) -> float:
        total = 0.0
        for each, moved, shares in drawn:
            logits = moved * np.exp(sharpening * shares)[:, None]
            chances = log_softmax(logits, axis=1)[np.arange(len(moved)), each.labels]
            total -= float(chances.mean())
        return total

    return float(minimize_scalar(surprise, bounds=(-1.0, 2.0), method="bounded").x)


def measures_on_strangers(found: Sequence[Strangers]) -> dict[str, Measures]:
    """Measure each left-out corpus as the other corpora calibrate it: whole clips and pieces."""
    measures = {}
    for each in found:
        calibration = calibration_for_strangers(_others_of(each, found))
        for name, take in each.takes.items():
            scores = take.scores(calibration)
            said = f"{each.corpus}, left out" + ("" if name == CLEAN else f", {name}")
            measures[said] = measure(each.labels, scores, each.speakers)
    return measures


def measures_against_baselines(
    found: Sequence[Strangers], n_others: int, stray: float = 0.0, seed: int = 0
) -> dict[str, Measures]:
    """Measure each left-out corpus with every clip relative to others of its speaker.

    For each clip `n_others` other clips of the speaker are drawn, of which `MOSTLY_NEUTRAL` are
    neutral, and a share `stray` is somebody else's, as a diarizer mistakes them. The reference
    comes from the known speakers of each fold; calibration and sharpening from the other corpora.
    This looks at other clips of the tested speaker, without their labels, and stands apart from
    figures that do not.
    """
    measures = {}
    for each in found:
        scores = scores_against_baselines(each, found, n_others, stray, seed)
        name = f"{each.corpus}, left out, against {n_others} others of the speaker"
        name += f", {stray:.0%} stray" if stray else ""
        measures[name] = measure(each.labels, scores, each.speakers)
    return measures


def scores_against_baselines(
    each: Strangers,
    found: Sequence[Strangers],
    n_others: int,
    stray: float = 0.0,
    seed: int = 0,
) -> Scores:
    """Return the scores (n, 7) that `measures_against_baselines` measures, of one corpus.

    Of no others they are those of clips alone.
    """
    others = _others_of(each, found)
    calibration = calibration_for_strangers(others)
    if not n_others:
        return each.takes[CLEAN].scores(calibration)
    sharpening = sharpening_for_strangers(others, calibration)
    moved, shares = _against_others(each, calibration, n_others, stray, seed)
    return softmax(moved * np.exp(sharpening * shares)[:, None])


def _others_of(each: Strangers, found: Sequence[Strangers]) -> list[Strangers]:
    return [other for other in found if other is not each]


def _against_others(
    each: Strangers, calibration: VoiceCalibration, n_others: int, stray: float, seed: int
) -> tuple[Logs, NDArray[np.float64]]:
    """Log-probabilities (n, 7) relative to others of the speaker, and the shares subtracted."""
    random = np.random.default_rng(seed)
    logs = log_scores(each.takes[CLEAN].scores(calibration))
    labels, speakers = np.array(each.labels), np.array(each.speakers)
    baseline = Baseline(tuple(each.reference(calibration).tolist()), HALFWAY_CLIPS)
    moved, shares = logs.copy(), np.zeros(len(logs))
    for row in range(len(logs)):
        drawn = _draw_others(row, labels, speakers, n_others, stray, random)
        if not len(drawn):
            continue
        shares[row] = len(drawn) / (len(drawn) + baseline.halfway)
        moved[row] = relative_to(logs[row], logs[drawn].mean(axis=0), baseline, shares[row])
    return moved, shares


def _draw_others(
    row: int,
    labels: NDArray[np.int64],
    speakers: NDArray[np.str_],
    count: int,
    stray: float,
    random: np.random.Generator,
) -> NDArray[np.int64]:
    own = np.flatnonzero(speakers == speakers[row])
    own = own[own != row]
    neutral, other = own[labels[own] == _NEUTRAL], own[labels[own] != _NEUTRAL]
    n_neutral = min(int(random.binomial(count, MOSTLY_NEUTRAL)), len(neutral))
    n_other = min(count - n_neutral, len(other))
    drawn = np.concatenate(
        [
            random.choice(neutral, n_neutral, replace=False),
            random.choice(other, n_other, replace=False),
        ]
    )
    strangers = np.flatnonzero(speakers != speakers[row])
    wrong = random.random(len(drawn)) < (stray if len(strangers) else 0)
    drawn[wrong] = random.choice(strangers, int(wrong.sum())) if wrong.any() else drawn[wrong]
    return drawn
