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
from schemas.values import SAMPLE_RATE, Seconds

PIECE: Seconds = 3.0
"""Speech that is embedded at once."""

SHORTEST = SAMPLE_RATE // 5
"""Samples under which a piece is not embedded."""

MOST: Seconds = 45.0
"""Speech of a voice that is embedded at most: its longest spans."""

LEAST: Seconds = 2.0
"""Speech without which a voice has no print."""

LIMIT = 0.55
"""Likeness from which a voice is a known person's: over that of any stranger of `TUNED_SPEAKERS`
(`benchmarks/enrolled.py --tuned`), of whom one reached 0.53; the same person has 0.5 to 0.9 over a
microphone, 0.3 to 0.5 over the telephone with a clip that is not."""

MARGIN = 0.1
"""How much liker a voice must be to a person than to anybody else, and the person to any other
voice. Chosen with `LIMIT`; with it alone one voice more would be named."""

CHANCE = 0.95
"""How likely a name by voice is right. On the tuned meetings all were, but they had 21 voices."""


@dataclass(frozen=True)
class Match:
    """A voice (row) that is a known person's (column)."""

    voice: int
    person: int


@dataclass(frozen=True)
class Pieces:
    """Unit embeddings of pieces of one voice, shape (n, 192), and their seconds, shape (n,)."""

    rows: Rows
    seconds: Rows


def embed_pieces(encoder: CampPlus, waveform: Waveform, spans: Sequence[Span]) -> Pieces:
    """Embed a voice piece by piece: its longest spans, `MOST` seconds of them."""
    pieces = list(_pieces(waveform, spans))
    rows = [_embedded(encoder, piece) for piece in pieces]
    seconds = [len(piece) / SAMPLE_RATE for piece in pieces]
    stacked = np.stack(rows) if rows else np.zeros((0, DIMENSION), np.float32)
    return Pieces(stacked, np.asarray(seconds, np.float32))


def prints_of(voices: Sequence[Pieces], background: Background, own_channel: float) -> Rows:
    """Return a unit row for each voice of a recording, NaN where it speaks under `LEAST` seconds.

    What the recording's voices have in common for its channel is taken out.
    """
    made = np.full((len(voices), DIMENSION), np.nan, np.float32)
    heard = [k for k, voice in enumerate(voices) if voice.seconds.sum() >= LEAST]
    if not heard:
        return made
    rows = np.concatenate([voices[k].rows for k in heard])
    seconds = np.concatenate([voices[k].seconds for k in heard])
    common = common_part(rows, seconds, background, own_channel)
    for k in heard:
        mean = np.average(voices[k].rows - common, axis=0, weights=voices[k].seconds)
        made[k] = mean / max(float(np.linalg.norm(mean)), 1e-9)
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
    yield from (piece for piece in np.array_split(sound, count) if len(piece) >= SHORTEST)


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
            found.append(Match(int(row), int(column)))
    return tuple(found)
