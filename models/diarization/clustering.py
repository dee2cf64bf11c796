"""Cluster local speakers: make embeddings comparable, then join them.

A bare threshold on the distance of embeddings is brittle: a telephone line moves all voices
towards each other, a headset apart. What is not brittle is the distance after the recording's
own channel is taken out (`centred`); see docs/decisions/001.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.protocols import SpeakerHints
from schemas.values import Seconds

Rows = NDArray[np.float32]
"""Embeddings, shape (n, dimension)."""


FEW_MINUTES: Seconds = 100.0
"""Speech in the meetings on which the constants were tuned, at most."""


@dataclass(frozen=True)
class ClusteringSettings:
    """Constants, tuned on AMI trn00 trn03 trn05 trn07 and on meetings composed of acted speech."""

    own_channel: float = 0.2
    """Share of the recording's mean in what is subtracted, the rest being the background. More
    of it parts a single voice into its moods; none leaves the room's sound in every voice."""

    threshold: float = 0.72
    """Mean distance over which two clusters stay two speakers, after centring."""

    min_clean: Seconds = 0.8
    """Speech alone in its chunk that a local speaker needs to help in finding the speakers."""

    min_share: float = 0.02
    min_least: Seconds = 0.5
    min_most: Seconds = 4.0
    """A cluster is a speaker from this share of all speech on, within these bounds; the upper one
    holds for `FEW_MINUTES` of speech and grows with the square root of more: the longer a
    recording, the longer a noise, a laugh or a mood can last without being a person."""

    rivalry: float = 0.2
    """Similarity that a speaker loses for the second voice in a chunk: two voices that speak in
    the same seconds are rarely one person, but the segmentation does split one at times."""

    refinements: int = 2
    """Times that local speakers move to the nearest centroid and centroids follow."""

    margin_slope: float = 4.7
    margin_offset: float = 0.1
    """Logistic curve from the margin of similarities to the chance of being right."""


@dataclass(frozen=True)
class Background:
    """Mean embeddings of many speakers, over a good microphone and over the telephone."""

    wide: Rows
    telephone: Rows

    def at(self, mean: Rows) -> Rows:
        """Return the background between the two that is nearest to a recording's mean."""
        line = self.telephone - self.wide
        place = float(np.clip((mean - self.wide) @ line / (line @ line), 0.0, 1.0))
        return self.wide + place * line


@dataclass(frozen=True)
class Speakers:
    """Speaker of each local speaker or -1, and how sure that is; shape (chunks, local speakers)."""

    clusters: NDArray[np.int64]
    certainty: NDArray[np.float32]


class Heard(Protocol):
    """The local speakers of one segmentation network (`listening.LocalSpeakers`)."""

    @property
    def embeddings(self) -> NDArray[np.float16]:
        """Unit rows, shape (chunks, local speakers, dimension); NaN where nobody speaks."""

    @property
    def clean(self) -> NDArray[np.float32]:
        """Seconds in which each speaks alone, shape (chunks, local speakers)."""

    @property
    def step(self) -> Seconds:
        """From one chunk to the next."""

    @property
    def window(self) -> Seconds:
        """Length of a chunk."""


def find_speakers(
    heard: Sequence[Heard],
    background: Background,
    hints: SpeakerHints,
    settings: ClusteringSettings,
) -> list[Speakers]:
    """Cluster the first network's local speakers, and assign all networks' to the clusters."""
    known = [~np.isnan(each.embeddings[..., 0]) for each in heard]
    leading, spoken = heard[0], known[0]
    if not spoken.any():
        nobody = [np.full(each.shape, -1) for each in known]
        return [Speakers(one, np.zeros(one.shape, np.float32)) for one in nobody]
    rows = leading.embeddings[spoken].astype(np.float32)
    # a second is heard by as many chunks as cover it, and counts once
    seconds = leading.clean[spoken] * (leading.step / leading.window)
    weights = np.maximum(seconds, 1e-3)
    common = common_part(rows, weights, background, settings.own_channel)
    rows = _unit(rows - common)
    clear = leading.clean[spoken] >= settings.min_clean
    if not clear.any():
        clear = np.ones(len(rows), bool)
    centroids = _centroids(rows, weights, clear, hints, settings)
    return [
        _nearest(each, mask, common, centroids, settings)
        for each, mask in zip(heard, known, strict=True)
    ]


def _nearest(
    heard: Heard,
    spoken: NDArray[np.bool_],
    common: Rows,
    centroids: Rows,
    settings: ClusteringSettings,
) -> Speakers:
    similar = np.full((*spoken.shape, len(centroids)), -np.inf, np.float32)
    rows = _unit(heard.embeddings[spoken].astype(np.float32) - common)
    similar[spoken] = rows @ centroids.T
    if len(centroids) > 1:
        _let_compete(similar, heard.clean, spoken, settings.rivalry)
    clusters = np.full(spoken.shape, -1)
    sure = np.zeros(spoken.shape, np.float32)
    if spoken.any():
        clusters[spoken] = similar[spoken].argmax(axis=1)
        sure[spoken] = _certainty(similar[spoken], settings)
    return Speakers(clusters, sure)


def _let_compete(
    similar: Rows, clean: NDArray[np.float32], spoken: NDArray[np.bool_], rivalry: float
) -> None:
    """Lower, in place, the similarity to a speaker whom a clearer voice of the chunk is nearer to.

    `similar` has shape (chunks, local speakers, speakers).
    """
    for chunk in np.flatnonzero(spoken.sum(axis=1) > 1):
        there = np.flatnonzero(spoken[chunk])
        taken: set[int] = set()
        for local in there[np.argsort(-clean[chunk, there], kind="stable")]:
            similar[chunk, local, list(taken)] -= rivalry
            taken.add(int(similar[chunk, local].argmax()))


def common_part(rows: Rows, weights: Rows, background: Background, own_channel: float) -> Rows:
    """Return what unit embeddings have in common for their channel, to be subtracted.

    It is the background's mean, moved towards the telephone's as far as this recording lies
    there, and partly the recording's own mean.
    """
    mean = np.average(rows, axis=0, weights=weights).astype(np.float32)
    return np.asarray((1 - own_channel) * background.at(mean) + own_channel * mean, np.float32)


def _centroids(
    rows: Rows,
    weights: Rows,
    clear: NDArray[np.bool_],
    hints: SpeakerHints,
    settings: ClusteringSettings,
) -> Rows:
    """Return a unit centroid for each speaker."""
    least = _least(float(weights.sum()), settings)
    merging = Merging(*_condensed(rows[clear], weights[clear]))
    centroids = merging.centroids(merging.cut(settings.threshold, least, hints), least, hints)
    for _ in range(settings.refinements):
        nearest = (rows[clear] @ centroids.T).argmax(axis=1)
        # A centroid that lost all its rows stays where it was.
        moved = [
            np.average(rows[clear][nearest == k], axis=0, weights=weights[clear][nearest == k])
            if (nearest == k).any()
            else centroids[k]
            for k in range(len(centroids))
        ]
        centroids = _unit(np.stack(moved).astype(np.float32))
    return centroids


def _least(speech: Seconds, settings: ClusteringSettings) -> Seconds:
    """Return the seconds from which on a cluster is a speaker, in so much speech."""
    most = settings.min_most * max(1.0, speech / FEW_MINUTES) ** 0.5
    return float(np.clip(settings.min_share * speech, settings.min_least, most))


def _certainty(similar: Rows, settings: ClusteringSettings) -> Rows:
    """Chance that the best speaker is the right one, from its margin over the second.

    A speaker alone must be nearer than a stranger, who has similarity 0 after centring.
    """
    ordered = np.sort(np.concatenate([similar, np.zeros((len(similar), 1))], axis=1), axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    logit = settings.margin_slope * (margin - settings.margin_offset)
    return np.asarray(1 / (1 + np.exp(-logit)), np.float32)


_DIRECT = 600
"""Rows that are joined one by one; more are first condensed in groups of this many."""

_TIGHT = 0.4
"""Mean distance under which rows of one group surely are one speaker."""


def _condensed(rows: Rows, weights: Rows) -> tuple[Rows, Rows]:
    """Condense many rows into weighted means, so that hours do not need hours squared."""
    if len(rows) <= _DIRECT:
        return rows, weights
    from scipy.cluster.hierarchy import fcluster, linkage

    means: list[Rows] = []
    sizes: list[float] = []
    for first in range(0, len(rows), _DIRECT):
        group, own = rows[first : first + _DIRECT], weights[first : first + _DIRECT]
        labels = [1]
        if len(group) > 1:
            labels = fcluster(linkage(group, "average", metric="cosine"), _TIGHT, "distance")
        for label in np.unique(labels):
            chosen = np.asarray(labels) == label
            means.append(np.average(group[chosen], axis=0, weights=own[chosen]))
            sizes.append(float(own[chosen].sum()))
    return np.stack(means).astype(np.float32), np.asarray(sizes, np.float32)


class Merging:
    """Average linkage over weighted points: the order in which they join, nearest first.

    The mean distance of two groups of unit vectors is one minus the product of their means, so
    that groups are kept as means (not unit) and weights.
    """

    def __init__(self, points: Rows, weights: Rows) -> None:
        self.points, self.weights = points, weights
        self.pairs: list[tuple[int, int]] = []
        self.heights: list[float] = []
        self._merge_all()

    def _merge_all(self) -> None:
        means, weights = self.points.copy(), self.weights.copy()
        distance = 1 - means @ means.T
        np.fill_diagonal(distance, np.inf)
        for _ in range(len(means) - 1):
            kept, gone = sorted(divmod(int(distance.argmin()), len(means)))
            self.pairs.append((kept, gone))
            self.heights.append(float(distance[kept, gone]))
            total = weights[kept] + weights[gone]
            means[kept] = (weights[kept] * means[kept] + weights[gone] * means[gone]) / total
            weights[kept] = total
            distance[gone, :] = distance[:, gone] = np.inf
            row = 1 - means @ means[kept]
            alive = np.isfinite(distance[kept])
            distance[kept, alive] = distance[alive, kept] = row[alive]

    def cut(self, threshold: float, least: Seconds, hints: SpeakerHints) -> int:
        """Return how many merges to do: up to the threshold, or as near as the hints allow."""
        free = int(np.searchsorted(np.maximum.accumulate(self.heights or [0.0]), threshold))
        free = min(free, len(self.pairs))
        low, high = hints.exactly or hints.at_least or 1, hints.exactly or hints.at_most or 10**6
        for size in (least, 0.0):
            counts = self._counts(size)
            off = np.maximum(low - counts, 0) + np.maximum(counts - high, 0)
            if off.min() == 0 or size == 0.0:
                best = np.flatnonzero(off == off.min())
                return int(best[np.abs(best - free).argmin()])
        raise AssertionError("the loop ends with size 0")

    def _counts(self, least: Seconds) -> NDArray[np.int64]:
        """Return the number of clusters of at least that size after 0, 1, 2, … merges."""
        sizes = self.weights.copy()
        count = int((sizes >= least).sum())
        counts = [count]
        for kept, gone in self.pairs:
            before = int(sizes[kept] >= least) + int(sizes[gone] >= least)
            sizes[kept] += sizes[gone]
            count += int(sizes[kept] >= least) - before
            counts.append(count)
        return np.maximum(counts, 1)

    def centroids(self, merges: int, least: Seconds, hints: SpeakerHints) -> Rows:
        """Return unit centroids of the clusters that are large enough, the largest first.

        Too small ones are no speakers, unless the hints demand that many.
        """
        means, sizes = self.points.copy(), self.weights.copy()
        alive = np.ones(len(means), bool)
        for kept, gone in self.pairs[:merges]:
            total = sizes[kept] + sizes[gone]
            means[kept] = (sizes[kept] * means[kept] + sizes[gone] * means[gone]) / total
            sizes[kept] = total
            alive[gone] = False
        order = [i for i in np.argsort(-sizes, kind="stable") if alive[i]]
        wanted = max(1, hints.exactly or hints.at_least or 1, int((sizes[order] >= least).sum()))
        most = hints.exactly or hints.at_most or len(order)
        return _unit(means[order[: min(wanted, most)]])


def _unit(rows: Rows) -> Rows:
    norm = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(norm, 1e-9), np.float32)
