"""Look closer at the utterances in which it is in doubt whose face speaks.

A second pass over just those moments, at the rate that an active-speaker network learned from.
The faces are where the first pass saw them; nothing is searched again.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.faces.evidence import Evidence
from models.faces.speaking import Choice
from models.protocols import CloserLook, FaceBox, TalkingClip, Waveform
from schemas.errors import InputError
from schemas.media import MediaInfo
from schemas.speech import Utterance
from schemas.values import Seconds
from tasks.emotion.cast import Cast
from tasks.media.frames import Picture, Span, merge_spans, sampled_pictures

_RATE = 25.0
"""Pictures a second."""

_AROUND: Seconds = 0.3
"""What is shown before and after an utterance."""

_LONGEST: Seconds = 10.0
"""Of a longer utterance its first seconds are looked at."""

_MOST_PEOPLE = 3
"""The likeliest people of an utterance that are looked at; 300 KB a second each."""

_NEAR: Seconds = 0.1
_FOLLOWED: Seconds = 0.4
"""A box is one seen so near in time, or lies between two of one track no further apart."""

_LEAST_PICTURES = 5
_SOUND_BEYOND: Seconds = 0.1


@dataclass(frozen=True)
class Doubtful:
    """One utterance in doubt, in the time of the sound, and the rows of its people in `Evidence`.

    Only what lies between `start` and `end` is asked about.
    """

    start: Seconds
    end: Seconds
    rows: tuple[int, ...]


def find_doubtful(
    utterances: Sequence[Utterance],
    evidence: Evidence,
    choices: Sequence[Choice],
    log_odds: NDArray[np.float64],
    doubt: tuple[float, float],
) -> list[Doubtful]:
    """Return the utterances whose likeliest person is neither surely the speaker nor surely not.

    Whoever did not consent is not looked at again.
    """
    found = []
    for index, (utterance, choice) in enumerate(zip(utterances, choices, strict=True)):
        if doubt[0] < choice.confidence < doubt[1] and "no_consent" not in utterance.flags:
            rows = np.flatnonzero(evidence.turns == index)
            likeliest = rows[np.argsort(-log_odds[rows], kind="stable")][:_MOST_PEOPLE]
            end = min(utterance.end, utterance.start + _LONGEST)
            found.append(Doubtful(utterance.start, end, tuple(likeliest.tolist())))
    return found


def look_closer(
    video_path: str,
    info: MediaInfo,
    doubtful: Sequence[Doubtful],
    evidence: Evidence,
    cast: Cast,
    waveform: Waveform,
    delay: Seconds,
    engine: CloserLook,
) -> NDArray[np.float64]:
    """Return log-odds to add to those of the evidence's pairs, shape (n,); 0.0 of all others.

    One sequential pass over the moments in doubt; as many clips lie in memory as utterances
    overlap.
    """
    more = np.zeros(len(evidence.turns))
    waiting = sorted((_Shot(each, delay) for each in doubtful), key=lambda shot: shot.span)
    open_shots: list[_Shot] = []
    spans = merge_spans([shot.span for shot in waiting], 0.0)
    for picture in _pictures(video_path, info, spans):
        while waiting and waiting[0].span[0] <= picture.time + 1e-6:
            shot = waiting.pop(0)
            shot.follow(cast, evidence)
            open_shots.append(shot)
        for shot in [shot for shot in open_shots if shot.span[1] < picture.time - 1e-6]:
            open_shots.remove(shot)
            more += shot.judged(len(more), waveform, engine)
        for shot in open_shots:
            shot.see(picture, engine)
    for shot in open_shots:
        more += shot.judged(len(more), waveform, engine)
    return more


def _pictures(video_path: str, info: MediaInfo, spans: Sequence[Span]) -> Iterator[Picture]:
    # the first pass has read what can be read
    with contextlib.suppress(InputError):
        yield from sampled_pictures(video_path, info, spans, _RATE)


@dataclass
class _Run:
    """Crops of one person in pictures that follow one another."""

    start: Seconds
    crops: list[NDArray[np.uint8]] = field(default_factory=list)


class _Shot:
    """The pictures of one utterance in doubt, as they come; its times are those of the picture."""

    def __init__(self, asked: Doubtful, delay: Seconds) -> None:
        self._asked, self._delay = asked, delay
        start, end = asked.start - delay, asked.end - delay
        self.span: Span = (max(0.0, start - _AROUND), max(0.0, end + _AROUND))
        self._paths: dict[int, _Path] = {}
        self._runs: dict[int, list[_Run]] = {row: [] for row in asked.rows}
        self._seen_before: set[int] = set()

    def follow(self, cast: Cast, evidence: Evidence) -> None:
        """Find where the people of the utterance are seen."""
        self._paths = {
            row: _Path(cast.sightings(int(evidence.people[row]), *self.span))
            for row in self._asked.rows
        }

    def see(self, picture: Picture, engine: CloserLook) -> None:
        """Cut the crops of one picture."""
        seen: set[int] = set()
        for row, path in self._paths.items():
            box = path.box_at(picture.time)
            if box is None:
                continue
            runs = self._runs[row]
            if row not in self._seen_before or picture.leap:
                runs.append(_Run(picture.time))
            runs[-1].crops.append(engine.crop(picture.gray, box))
            seen.add(row)
        self._seen_before = seen

    def judged(self, n_pairs: int, waveform: Waveform, engine: CloserLook) -> NDArray[np.float64]:
        """Return the log-odds that were found of its people, 0.0 of all others."""
        more = np.zeros(n_pairs)
        for row, runs in self._runs.items():
            long = [run for run in runs if len(run.crops) >= _LEAST_PICTURES]
            more[row] = engine.look([self._clip(run, waveform) for run in long])
        return more

    def _clip(self, run: _Run, waveform: Waveform) -> TalkingClip:
        start = run.start + self._delay
        times = start + np.arange(len(run.crops)) / _RATE
        sound = waveform.read(start, start + len(times) / _RATE + _SOUND_BEYOND)
        inside = (times >= self._asked.start - 1e-6) & (times <= self._asked.end + 1e-6)
        return TalkingClip(np.stack(run.crops), sound, inside)


class _Path:
    """Where a person is at any time: boxes of `SIGHTING` rows, and between two of one track."""

    def __init__(self, sightings: NDArray[np.void]) -> None:
        self._times = sightings["time"].astype(np.float64)
        self._boxes = sightings["box"].astype(np.float64)
        self._tracks = sightings["track"]

    def box_at(self, time: Seconds) -> FaceBox | None:
        """Return the box at a time; None where the person is not seen."""
        after = int(np.searchsorted(self._times, time))
        before = max(0, after - 1)
        if not 0 <= before < len(self._times):
            return None
        after = min(after, len(self._times) - 1)
        start, end = self._times[before], self._times[after]
        if self._tracks[before] == self._tracks[after] and 0 < end - start <= _FOLLOWED:
            share = float(np.clip((time - start) / (end - start), 0.0, 1.0))
            return _box((1 - share) * self._boxes[before] + share * self._boxes[after])
        nearest = before if abs(time - start) <= abs(end - time) else after
        return _box(self._boxes[nearest]) if abs(self._times[nearest] - time) <= _NEAR else None


def _box(place: NDArray[np.float64]) -> FaceBox:
    x, y, width, height = (float(value) for value in place)
    return FaceBox(x, y, width, height, 1.0)
