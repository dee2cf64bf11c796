"""Say what voices sound like, and which of them are whose.

A voiceprint is the mean of CAM++ embeddings over pieces of a voice, after the recording's channel
is taken out, as in clustering. It lives in memory while a recording is annotated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.diarization.campplus import DIMENSION, CampPlus, log_mels
from models.diarization.clustering import Background, Rows, common_part
from models.diarization.listening import levelled
from models.protocols import Span, Waveform
from schemas.values import SAMPLE_RATE, Probability, Seconds

PIECE: Seconds = 3.0
"""Speech that is embedded at once."""

MOST: Seconds = 45.0
"""Speech of a voice that is embedded at most: its longest spans."""

LEAST: Seconds = 2.0
"""Speech without which a voice has no print."""

LIMIT = 0.45
MARGIN = 0.1


@dataclass(frozen=True)
class Match:
    """A voice (row) that is a known person's (column), and the chance that it is."""

    voice: int
    person: int
    chance: Probability


def voiceprints(
    encoder: CampPlus,
    background: Background,
    own_channel: float,
    waveform: Waveform,
    voices: Sequence[Sequence[Span]],
) -> Rows:
    """Return a unit row for each voice of a recording, NaN where it speaks too little."""
    rows: list[Rows] = []
    seconds: list[float] = []
    owner: list[int] = []
    for number, spans in enumerate(voices):
        pieces = list(_pieces(waveform, spans))
        if sum(map(len, pieces)) < LEAST * SAMPLE_RATE:
            continue
        for piece in pieces:
            rows.append(_embedded(encoder, piece))
            seconds.append(len(piece) / SAMPLE_RATE)
            owner.append(number)
    made = np.full((len(voices), DIMENSION), np.nan, np.float32)
    if not rows:
        return made
    stacked, weights = np.stack(rows), np.asarray(seconds, np.float32)
    stacked = stacked - common_part(stacked, weights, background, own_channel)
    for number in sorted(set(owner)):
        own = np.asarray(owner) == number
        mean = np.average(stacked[own], axis=0, weights=weights[own])
        made[number] = mean / max(float(np.linalg.norm(mean)), 1e-9)
    return made


def _pieces(waveform: Waveform, spans: Sequence[Span]) -> Iterator[NDArray[np.float32]]:
    """Join the longest spans in the order of their time, and cut them into pieces."""
    left = MOST
    kept: list[Span] = []
    for start, end in sorted(spans, key=lambda span: span[0] - span[1]):
        if left <= 0:
            break
        kept.append((start, min(end, start + left)))
        left -= kept[-1][1] - kept[-1][0]
    if not kept:
        return
    sound = np.concatenate([waveform.read(start, end) for start, end in sorted(kept)])
    count = max(1, round(len(sound) / SAMPLE_RATE / PIECE))
    yield from np.array_split(sound, count)


def _embedded(encoder: CampPlus, piece: NDArray[np.float32]) -> Rows:
    device = next(encoder.parameters()).device
    mels = log_mels(levelled(torch.from_numpy(piece)))
    with torch.inference_mode():
        made = encoder((mels - mels.mean(0))[None].to(device))[0].cpu()
    return np.asarray(torch.nn.functional.normalize(made, dim=0))


def match_voices(
    voices: Rows, people: Rows, limit: float = LIMIT, margin: float = MARGIN
) -> tuple[Match, ...]:
    """Match voices with people, each once, by how alike they are over the whole recording.

    `voices` (n, dimension) and `people` (m, dimension) are voiceprints; a row of NaN matches
    nothing. A voice is a person's where their likeness reaches `limit`, and exceeds by `margin`
    what the voice has with anybody else, and what the person has with any other voice.
    """
    from scipy.optimize import linear_sum_assignment

    if not len(voices) or not len(people):
        return ()
    alike = np.nan_to_num(voices @ people.T, nan=-1.0)
    found = []
    for row, column in zip(*linear_sum_assignment(-alike), strict=True):
        best = float(alike[row, column])
        others = np.concatenate(
            [np.delete(alike[row], column), np.delete(alike[:, column], row), [-1.0]]
        )
        ahead = best - float(others.max())
        if best >= limit and ahead >= margin:
            found.append(Match(int(row), int(column), _chance(best, ahead)))
    return tuple(found)


def _chance(best: float, ahead: float) -> Probability:
    del best, ahead
    return 0.97
