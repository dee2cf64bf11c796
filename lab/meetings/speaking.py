"""Fit the weights by which a face is taken for the speaker's, on composed meetings.

A logistic regression over the signs of `models/faces/evidence.py`, with signs that may only count
in their direction: a mouth that moves with the voice never speaks against its face. Each meeting
is used twice, with its true voices and with two of them merged, as diarizers do.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.meetings.truth import SUFFIX, FaceKind, Truth, read_truth
from models.faces.evidence import DIRECTIONS, Evidence
from models.faces.speaking import SpeakingWeights
from schemas.errors import InputError
from schemas.media import Recording
from schemas.settings import Settings
from schemas.speech import Utterance
from schemas.values import Seconds
from tasks.emotion.cast import Seen
from tasks.emotion.faces import Observed, compare, observe
from tasks.media.probe import probe
from tasks.media.split import WavFile, split

_PENALTY = 1.0
"""Weight of the squared coefficients, each in deviations of its sign."""

_NEAR = 0.6
"""A face is one of the truth where their middles lie this close, in sizes of the true box."""


@dataclass(frozen=True)
class Labelled:
    """Evidence of one meeting, and whether the person of each pair speaks in its turn, (n,)."""

    evidence: Evidence
    speaks: NDArray[np.bool_]


def fit_speaking(meetings: Sequence[Labelled]) -> SpeakingWeights:
    """Fit the weights by penalised maximum likelihood. Raises `InputError` without meetings."""
    from scipy.optimize import minimize

    if not meetings:
        raise InputError("There is no composed meeting to learn from.")
    signs = np.concatenate([meeting.evidence.signs for meeting in meetings])
    speaks = np.concatenate([meeting.speaks for meeting in meetings]).astype(np.float64)
    mean, spread = signs.mean(axis=0), signs.std(axis=0) + 1e-9
    scaled = (signs - mean) / spread

    def loss(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = scaled @ at[:-1] + at[-1]
        likelihood = np.logaddexp(0.0, odds) - speaks * odds
        error = 1 / (1 + np.exp(-odds)) - speaks
        slope = np.append(scaled.T @ error + _PENALTY * at[:-1], error.sum())
        return float(likelihood.sum() + _PENALTY / 2 * np.square(at[:-1]).sum()), slope

    bounds = [_BOUNDS[direction] for direction in DIRECTIONS] + [(None, None)]
    found = minimize(loss, np.zeros(len(mean) + 1), jac=True, bounds=bounds, method="L-BFGS-B").x
    weights = found[:-1] / spread
    bias = float(found[-1] - weights @ mean)
    return SpeakingWeights(tuple(round(float(w), 4) for w in weights), round(bias, 4))


_BOUNDS: dict[int, tuple[float | None, float | None]] = {
    1: (0.0, None),
    0: (None, None),
    -1: (None, 0.0),
}


def label_meetings(folder: Path, settings: Settings) -> list[Labelled]:
    """Watch the composed meetings of a folder; compare each with true and with merged voices."""
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        truth = read_truth(path)
        video = path.with_name(path.name.removesuffix(SUFFIX) + ".mp4")
        with tempfile.TemporaryDirectory() as scratch:
            found += _label(video, truth, settings, Path(scratch))
    return found


def _label(video: Path, truth: Truth, settings: Settings, scratch: Path) -> list[Labelled]:
    info = probe(str(video), settings)
    sound = split(_recording(video), info, settings, scratch).audio_path
    waveform = WavFile(sound) if sound else None
    utterances = true_utterances(truth)
    seen = observe(str(video), info, utterances, waveform, settings, scratch)
    merged = true_utterances(truth, merged=True)
    both = seen, compare(seen.cast, seen.crops_path, info, merged, waveform)
    speakers = [turn.participant for turn in truth.turns]
    found = []
    for observed in both:
        speaks = [
            _is_live(truth, observed, utterances[turn], int(person), speakers[turn])
            for turn, person in zip(observed.evidence.turns, observed.evidence.people, strict=True)
        ]
        found.append(Labelled(observed.evidence, np.array(speaks, np.bool_)))
    return found


def _recording(video: Path) -> Recording:
    size = video.stat().st_size
    return Recording(
        recording_id="0" * 16,
        uri=str(video),
        title=video.stem,
        path=str(video),
        size=size,
        version="",
    )


def true_utterances(truth: Truth, *, merged: bool = False) -> list[Utterance]:
    """Return the true turns as utterances; `merged` gives the first two voices one label."""
    speakers = sorted({turn.participant for turn in truth.turns})
    labels = {who: speakers[0] if merged and who in speakers[:2] else who for who in speakers}
    return [
        Utterance(
            index=index,
            start=max(0.0, turn.start),
            end=max(turn.end, turn.start + 0.01),
            speaker=labels[turn.participant],
            speaker_confidence=1.0,
            overlap_ratio=0.0,
        )
        for index, turn in enumerate(truth.turns)
    ]


def _is_live(
    truth: Truth, observed: Observed, utterance: Utterance, person: int, speaker: str
) -> bool:
    """Whether most of what was seen of a person in a turn is the speaker's live face."""
    seen: Seen | None = observed.cast.seen_in(utterance, observed.delay).get(person)
    if seen is None:
        return False
    rows = seen.sightings[::3]
    whose = [face_at(truth, float(row["time"]), tuple(row["box"].tolist())) for row in rows]
    return float(np.mean([answer == (speaker, "live") for answer in whose])) > 0.5


def face_at(
    truth: Truth, time: Seconds, box: tuple[float, ...]
) -> tuple[str | None, FaceKind] | None:
    """Return whose face is at a place of the picture, and of what kind; None: there is none."""
    middle_x, middle_y = box[0] + box[2] / 2, box[1] + box[3] / 2
    for face in truth.faces:
        for span in face.spans:
            x, y, width, height = span.box
            near_x = abs(middle_x - x - width / 2) < _NEAR * width
            near_y = abs(middle_y - y - height / 2) < _NEAR * height
            if span.start <= time < span.end and near_x and near_y:
                return face.participant, face.kind
    return None


def write_weights(weights: SpeakingWeights, path: Path, meetings: Sequence[Labelled]) -> None:
    """Write weights and what they were fitted on as JSON."""
    facts = {
        "weights": weights.weights,
        "bias": weights.bias,
        "runs": len(meetings),
        "pairs": sum(len(meeting.speaks) for meeting in meetings),
        "speaking": int(sum(meeting.speaks.sum() for meeting in meetings)),
    }
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
