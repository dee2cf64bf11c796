"""Calibrate how sure the recogniser may be of its words: writes models/weights/transcriber.json.

`python benchmarks/word_confidence.py OUT STM AUDIO WEIGHT [STM AUDIO WEIGHT …]`: words of each set
count WEIGHT times. Words heard in synthetic noise, hum, music and typing count as wrong. The sets
must not be the ones that are reported on.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lab.acoustics.no_voice import no_voice_sounds
from lab.wer.alignment import Judged
from lab.wer.figures import word_calibration_error, word_reliability
from lab.wer.normalise import in_order, normalise, normalising
from lab.wer.stm import find_audio, read_stm
from models.network_store import find_network
from models.recognition.confidence import word_features
from models.recognition.name_correction import common_words
from models.recognition.pipeline import Listener
from models.recognition.whisper import mark_known
from schemas.settings import WeightSettings
from schemas.speech import Turn

THRESHOLD = 0.3
FITTED = (
    "least_log_probability",
    "segment_log_probability",
    "neighbour_log_probability",
    "log_seconds_per_letter",
    "log_letters",
    "tokens",
    "unknown",
)
"""Logarithms, not probabilities: with those, words in noise look likelier than they are."""


@dataclass(frozen=True)
class Sound:
    """Samples as a recording; silence outside."""

    samples: np.ndarray
    sample_rate: int = 16_000

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    def read(self, start: float, end: float) -> np.ndarray:
        """Return samples between two times."""
        wanted = np.zeros(round((end - start) * self.sample_rate), np.float32)
        there = self.samples[round(start * self.sample_rate) :][: len(wanted)]
        wanted[: len(there)] = there
        return wanted


def right_words(words: list[str], truth: list[str]) -> dict[int, bool]:
    """Which heard words are right, by number; fillers are left out."""
    from rapidfuzz.distance import Levenshtein

    parts = [(number, part) for number, word in enumerate(words) for part in normalise(word)]
    is_right = {number: True for number, _ in parts}
    for code in Levenshtein.opcodes([part for _, part in parts], truth):
        if code.tag != "equal":
            for number, _ in parts[code.src_start : code.src_end]:
                is_right[number] = False
    return is_right


class Evidence:
    """Features, truth, recording and weight of every heard word."""

    def __init__(self) -> None:
        folder = find_network("whisper-base", WeightSettings())
        self.listener = Listener(folder)
        self.common = common_words(folder)
        self.rows: list[tuple[np.ndarray, bool, int, float]] = []
        self.recordings = 0

    def add(self, sound: Sound, truth: list[str] | None, weight: float) -> None:
        """Decode one recording; without `truth` all of its words are wrong."""
        turns = [Turn(start=0.0, end=sound.duration, speaker="SPEAKER_00")]
        language = self.listener.find_language(sound, turns, ("en", "de"))
        if language is None:
            return
        pieces = [
            mark_known(piece, self.common) for piece in self.listener.listen(sound, turns, language)
        ]
        looks = [row for words in pieces for row in word_features(words, FITTED)]
        texts = [word.text for words in pieces for word in words]
        with normalising(language):
            right = right_words(texts, truth or [])
        for number, is_right in right.items():
            self.rows.append((looks[number], is_right, self.recordings, weight))
        self.recordings += 1


def main() -> None:
    """Decode the sets, fit and write."""
    out, *sets = sys.argv[1:]
    evidence = Evidence()
    for stm, audio, weight in zip(sets[::3], sets[1::3], sets[2::3], strict=True):
        references = read_stm(Path(stm))
        paths = find_audio(Path(audio), list(references), Path(stm))
        for name, reference in references.items():
            samples, _ = soundfile.read(paths[name], dtype="float32")
            language = "de" if "emodb" in Path(stm).name else "en"
            with normalising(language):
                truth = in_order(reference.segments)
            evidence.add(Sound(samples), truth, float(weight))
    for _, samples in no_voice_sounds(4, seed=7):
        evidence.add(Sound(np.tile(samples, 4)), None, 1.0)
    fitted = fit(evidence)
    Path(out).write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(fitted, indent=1))


def fit(evidence: Evidence) -> dict[str, Any]:
    """Logistic regression; its calibration error is measured on recordings left out."""
    looks, right, recordings, weights = map(np.array, zip(*evidence.rows, strict=True))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    unseen = cross_val_predict(
        model,
        looks,
        right,
        groups=recordings,
        cv=StratifiedGroupKFold(5),
        method="predict_proba",
        params={"logisticregression__sample_weight": weights},
    )[:, 1]
    model.fit(looks, right, logisticregression__sample_weight=weights)
    slopes = model[1].coef_[0] / model[0].scale_
    judged = [
        Judged(float(score), kept=bool(score >= THRESHOLD), right=bool(is_right))
        for score, is_right in zip(unseen, right, strict=True)
    ]
    print("words", len(right), "right", right.mean(), "AUC", roc_auc_score(right, unseen))
    for least in (0.3, 0.4, 0.5, 0.6):
        kept = unseen >= least
        print(f"kept from {least}: {kept.mean():.3f} of words, right {right[kept].mean():.3f}")
    return {
        "features": list(FITTED),
        "weights": [round(float(slope), 6) for slope in slopes],
        "bias": round(float(model[1].intercept_[0] - slopes @ model[0].mean_), 6),
        "threshold": THRESHOLD,
        "ece": round(word_calibration_error(word_reliability(judged)), 6),
        "n_words": len(right),
    }


if __name__ == "__main__":
    main()
