"""Calibration of a trained recogniser: how sure it may be of its words, and of their language."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.protocols import Samples, Waveform
from models.words.confidence import Confidence, word_features
from models.words.decoder import DecodedWord
from models.words.embedded import CONFIDENCE_FILE
from models.words.listening import Listener
from schemas.errors import InputError
from schemas.speech import Turn
from schemas.values import SAMPLE_RATE, Hertz, Seconds, to_grid
from tasks.evaluation.recognition import word_calibration_error, word_reliability
from tasks.evaluation.recognition_alignment import Judged
from tasks.evaluation.recognition_text import normalise

THRESHOLD = 0.3
"""Words that are less likely to be right are unsure; the default of the setting."""

FITTED = (
    "least_log_probability",
    "segment_log_probability",
    "neighbour_log_probability",
    "log_seconds_per_letter",
    "log_letters",
    "tokens",
)
"""Features of a new calibration. Logarithms alone: with probabilities beside them the fit is closer
on speech, but takes what is heard in noise for likelier than it is (docs/decisions/010)."""

_FOLDS = 5
_LOST = 0.05
"""Share of English recordings that may be taken for another language."""
_CAUGHT = 0.9
_DIGITS = 6

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Sound:
    """Samples (mono, 16 kHz) as a recording."""

    samples: Samples
    sample_rate: Hertz = SAMPLE_RATE

    @property
    def duration(self) -> Seconds:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    def read(self, start: Seconds, end: Seconds) -> Samples:
        """Samples between two times, silence outside."""
        wanted = np.zeros(round((end - start) * self.sample_rate), np.float32)
        first = round(start * self.sample_rate)
        there = self.samples[max(0, first) : max(0, first + len(wanted))]
        at = max(0, -first)
        wanted[at : at + len(there)] = there
        return wanted


class Told(NamedTuple):
    """A recording, who speaks when, the words that are spoken in it, in order, and their weight.

    A word of weight 5 counts as much as five of weight 1.
    """

    waveform: Waveform
    turns: Sequence[Turn]
    text: str
    weight: float = 1.0


class Evidence(NamedTuple):
    """Features of heard words (n, features), whether each was right, of which recording, weight."""

    features: NDArray[np.float64]
    is_right: Flags
    recordings: NDArray[np.int64]
    weights: NDArray[np.float64]


def whole(samples: Samples, text: str, weight: float = 1.0) -> Told:
    """Samples in which somebody may speak all the time, and the words spoken."""
    sound = Sound(samples)
    turn = Turn(start=0.0, end=to_grid(sound.duration), speaker="SPEAKER_00")
    return Told(sound, [turn], text, weight)


def calibrate(
    folder: Path, english: Iterable[Told], foreign: Iterable[Told] = (), device: Any = "auto"
) -> dict[str, Any]:
    """Fit and write `confidence.json` for the recogniser in a folder, and return its content.

    `english` are recordings with their words that were not trained on, at least five with right
    and wrong words; `foreign` are in other languages (their text does not matter), without which
    no recording is ever taken for foreign.
    Raises `InputError` where all words are right or all are wrong, `WeightsError` where the
    recogniser cannot be loaded.
    """
    listener = Listener(folder, device)
    told = [(heard(listener, one), one.text, one.weight) for one in english]
    content = fit_confidence(*gather(told))
    fitted = Confidence(**content)
    content["foreign_below"] = foreign_limit(
        [mean_confidence(fitted, pieces) for pieces, _, _ in told if any(pieces)],
        [mean_confidence(fitted, pieces) for one in foreign if any(pieces := heard(listener, one))],
    )
    written = json.dumps(content, indent=2) + "\n"
    (folder / CONFIDENCE_FILE).write_text(written, encoding="utf-8")
    return content


def heard(listener: Listener, told: Told) -> list[list[DecodedWord]]:
    """Words that are decoded from a recording, piece by piece."""
    return [piece.words for piece in listener.listen(told.waveform, told.turns)]


def gather(told: Iterable[tuple[Sequence[Sequence[DecodedWord]], str, float]]) -> Evidence:
    """Features and truth of all words; recordings are given as pieces, text, weight of a word."""
    features = [np.zeros((0, len(FITTED)))]
    is_right: list[Flags] = [np.zeros(0, dtype=np.bool_)]
    recordings: list[int] = []
    weights: list[float] = []
    for number, (pieces, text, weight) in enumerate(told):
        own = right_words([word.text for words in pieces for word in words], text)
        looks = np.concatenate([word_features(words, FITTED) for words in (*pieces, ())])
        features.append(looks[list(own)])
        is_right.append(np.array(list(own.values()), dtype=np.bool_))
        recordings += [number] * len(own)
        weights += [weight] * len(own)
    return Evidence(
        np.concatenate(features),
        np.concatenate(is_right),
        np.array(recordings, dtype=np.int64),
        np.array(weights, dtype=np.float64),
    )


def right_words(words: Sequence[str], text: str) -> dict[int, bool]:
    """Tell of each heard word, by its number, whether it is right.

    Words and text are normalised as in Whisper's tables and aligned with the fewest edits; a word
    is right where all that it normalises to is. One that leaves nothing, a filler, is left out.
    """
    from rapidfuzz.distance import Levenshtein

    parts = [(number, part) for number, word in enumerate(words) for part in normalise(word)]
    # word by word on both sides: as a whole "twenty one" would become 21
    truth = [part for word in text.split() for part in normalise(word)]
    is_right = {number: True for number, _ in parts}
    for code in Levenshtein.opcodes([part for _, part in parts], truth):
        if code.tag != "equal":
            for number, _ in parts[code.src_start : code.src_end]:
                is_right[number] = False
    return is_right


def fit_confidence(
    features: NDArray[np.float64],
    is_right: Flags,
    recordings: NDArray[np.int64],
    weights: NDArray[np.float64] | None = None,
    names: Sequence[str] = FITTED,
) -> dict[str, Any]:
    """Logistic regression of right words on their features, as the content of `confidence.json`.

    Shapes (n, len(names)), (n,), (n,), (n,); without `weights` all words count alike. `ece` is
    measured over ten bins, every word alike, on recordings that the regression of its fold has
    not seen. Raises `InputError` where there is nothing to tell apart.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    n_recordings = len(set(recordings.tolist()))
    if is_right.all() or not is_right.any() or n_recordings < 2:
        raise InputError(
            "A confidence of words is fitted on right and wrong words of two recordings or more."
        )
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    folds = StratifiedGroupKFold(min(_FOLDS, n_recordings))
    told = {} if weights is None else {"logisticregression__sample_weight": weights}
    unseen = cross_val_predict(
        model, features, is_right, groups=recordings, cv=folds, method="predict_proba", params=told
    )
    model.fit(features, is_right, **told)
    scaler, regression = model[0], model[1]
    slopes = regression.coef_[0] / scaler.scale_
    bias = float(regression.intercept_[0] - slopes @ scaler.mean_)
    return {
        "features": list(names),
        "weights": [round(float(slope), _DIGITS) for slope in slopes],
        "bias": round(bias, _DIGITS),
        "threshold": THRESHOLD,
        "foreign_below": 0.0,
        "ece": round(_calibration_error(unseen[:, 1], is_right), _DIGITS),
        "n_words": len(is_right),
    }


def _calibration_error(scores: NDArray[np.float64], is_right: Flags) -> float:
    pairs = zip(scores.tolist(), is_right.tolist(), strict=True)
    judged = [Judged(score, kept=score >= THRESHOLD, right=right) for score, right in pairs]
    return word_calibration_error(word_reliability(judged))


def mean_confidence(fitted: Confidence, pieces: Iterable[Sequence[DecodedWord]]) -> float:
    """Mean score of a recording's words, as the recogniser measures it."""
    return float(np.mean(np.concatenate([fitted.scores(words) for words in pieces])))


def foreign_limit(english: Sequence[float], foreign: Sequence[float]) -> float:
    """The mean confidence under which a recording is taken for another language.

    Nine of ten foreign recordings lie below it, fewer where more than one English one in twenty
    would: bad English sound is to lose its unsure words, not all. 0 without foreign recordings.
    """
    if not len(foreign):
        return 0.0
    wanted = float(np.quantile(foreign, _CAUGHT))
    allowed = float(np.quantile(english, _LOST)) if len(english) else 0.0
    return round(min(wanted, allowed), _DIGITS)
