"""Clustering of embeddings: counts, hints, long recordings."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from models.diarization.clustering import Background, ClusteringSettings, Speakers, find_speakers
from models.protocols import SpeakerHints

DIMENSION = 192
NOBODY = SpeakerHints()


@dataclass(frozen=True)
class Heard:
    embeddings: NDArray[np.float16]
    clean: NDArray[np.float32]
    step: float = 1.0
    window: float = 5.0


def voices(counts: list[int], seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Chunks of well separated voices over a common background, and whose they are."""
    rng = np.random.default_rng(seed)
    centres = 1 + 0.8 * rng.normal(size=(len(counts), DIMENSION))
    who = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    rows = centres[who] + 0.25 * rng.normal(size=(len(who), DIMENSION))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    embeddings = np.full((len(who), 3, DIMENSION), np.nan, np.float32)
    embeddings[:, 0] = rows
    return embeddings, who


def found(embeddings: NDArray[np.float32], hints: SpeakerHints = NOBODY) -> Speakers:
    even = np.full(DIMENSION, DIMENSION**-0.5, np.float32)
    background = Background(even, even + 0.01 * np.arange(DIMENSION, dtype=np.float32))
    clean = np.where(np.isnan(embeddings[..., 0]), 0, 4.0).astype(np.float32)
    heard = Heard(embeddings.astype(np.float16), clean)
    leading, other = find_speakers([heard, heard], background, hints, ClusteringSettings())
    np.testing.assert_array_equal(leading.clusters, other.clusters)
    return leading


def agreement(speakers: Speakers, who: NDArray[np.int64]) -> float:
    labels = speakers.clusters[:, 0]
    return float(
        np.mean([np.bincount(labels[who == k]).max() / (who == k).sum() for k in set(who)])
    )


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_separate_voices_are_counted(count: int) -> None:
    embeddings, who = voices([30] * count)
    speakers = found(embeddings)
    assert speakers.clusters.max() + 1 == count
    assert agreement(speakers, who) == 1.0
    assert (speakers.clusters[:, 1:] == -1).all()


def test_three_hours_are_clustered_in_groups() -> None:
    embeddings, who = voices([4000, 3000, 2000, 1000, 800])
    speakers = found(embeddings)
    assert speakers.clusters.max() + 1 == 5
    assert agreement(speakers, who) > 0.99


def test_a_cough_is_no_speaker() -> None:
    embeddings, _ = voices([100, 100, 1])
    assert found(embeddings).clusters.max() + 1 == 2


@pytest.mark.parametrize(
    ("hints", "count"),
    [
        (SpeakerHints(exactly=2), 2),
        (SpeakerHints(exactly=6), 6),
        (SpeakerHints(at_most=3), 3),
        (SpeakerHints(at_least=5), 5),
        (SpeakerHints(at_least=2, at_most=9), 4),
    ],
)
def test_hints_are_respected(hints: SpeakerHints, count: int) -> None:
    embeddings, _ = voices([30] * 4)
    assert found(embeddings, hints).clusters.max() + 1 == count


def test_no_more_speakers_than_there_are_pieces_of_speech() -> None:
    embeddings, _ = voices([2])
    assert found(embeddings, SpeakerHints(exactly=5)).clusters.max() + 1 <= 2


def test_nobody_is_nobody() -> None:
    speakers = found(np.full((3, 3, DIMENSION), np.nan, np.float32))
    assert (speakers.clusters == -1).all()


def test_certainty_falls_between_two_voices() -> None:
    embeddings, who = voices([30, 30])
    between = embeddings[who == 0][:1] + embeddings[who == 1][:1]
    between /= np.linalg.norm(between, axis=2, keepdims=True)
    speakers = found(np.concatenate([embeddings, between]))
    assert speakers.certainty[-1, 0] < speakers.certainty[:-1, 0].mean() - 0.1
    assert ((speakers.certainty >= 0) & (speakers.certainty <= 1)).all()
