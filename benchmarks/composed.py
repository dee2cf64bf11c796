"""Compose meetings of 2 to 8 voices whose turns, pauses and overlaps are those of real meetings.

Who speaks when comes from AMI's manual words: a stretch of two minutes of a meeting, its turns
dealt out among as many voices as wanted. What is said are clips of acted speech. A number makes
a meeting, always the same one; nothing is kept on disk.
"""

import csv
import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from lab.acoustics.conditions import telephone
from lab.acoustics.rooms import REVERBERATION, shoebox
from lab.meetings.timing import draw_turns

Sound = NDArray[np.float32]
GivenTurn = tuple[float, float, str]
"""Start, end in seconds, and who speaks."""

RATE = 16_000
SECONDS = 120.0
COUNTS = range(2, 9)
CONDITIONS = ("clean", "telephone", "room")
CALM = frozenset(("neutral", "calm", "boredom", "sad", "sadness", "happy", "happiness", "joy"))
"""What people sound like in a meeting; all moods, acted, change with every sentence here."""

TUNED_SPEAKERS = {"ravdess": slice(0, 12), "nemo": slice(0, 5), "emovo": slice(0, 3)}
"""Whom constants may be chosen on, by the order of their names."""
REPORTED_SPEAKERS = {
    "ravdess": slice(12, None),
    "nemo": slice(5, None),
    "emovo": slice(3, None),
    "emodb": slice(0, None),
}
"""Whom nothing was chosen on, and who are in no background."""

_LEAST_SPEECH = 4.0
"""Seconds that each voice speaks at least: two minutes of meeting with less are not taken."""
LOUD = 0.05
_GAINS_DB = (-6.0, 0.0)
NOISE_DB = -38.0


@dataclass(frozen=True)
class Meeting:
    """A composed meeting: mono sound at 16 kHz, the turns in it, and each voice alone by name."""

    name: str
    samples: Sound
    turns: tuple[GivenTurn, ...]
    tracks: Mapping[str, Sound]

    @property
    def speakers(self) -> int:
        """How many voices speak."""
        return len({who for _, _, who in self.turns})


def meetings(
    data: Path,
    chosen: Mapping[str, slice],
    seeds: Sequence[int],
    *,
    calm: bool = True,
    counts: Sequence[int] = COUNTS,
    conditions: Sequence[str] = CONDITIONS,
    clips: slice = slice(None),
    seconds: float = SECONDS,
) -> Iterator[Meeting]:
    """Yield a meeting of so many seconds for each count of voices, condition and seed.

    `clips` are those of each person that serve, in their order.
    """
    voices = {
        corpus: {who: said[clips] for who, said in people.items()}
        for corpus, people in voices_of(data, chosen, calm=calm).items()
    }
    for count in counts:
        for seed in seeds:
            for number, condition in enumerate(conditions):
                random = np.random.default_rng([count, seed, number])
                name = f"{count} voices, {condition}, {seed}"
                yield _compose(name, count, condition, voices, data, random, seconds)


def _compose(
    name: str,
    count: int,
    condition: str,
    voices: Mapping[str, Mapping[str, Sequence[Sound]]],
    data: Path,
    random: np.random.Generator,
    seconds: float,
) -> Meeting:
    able = [corpus for corpus in voices if len(voices[corpus]) >= count]
    corpora = [str(random.choice(able))]
    if random.random() < 0.3 or count > max(map(len, voices.values())):
        corpora = list(voices)
    people = [(c, who) for c in corpora for who in voices[c]]
    chosen = [people[k] for k in random.permutation(len(people))[:count]]
    words = data / "meeting" / "ami_words.parquet"
    dealt = draw_turns(words, seconds, count, _LEAST_SPEECH, random)
    turns = [(turn.start, turn.end, voice) for turn, voice in dealt]
    total = round(seconds * RATE)
    mixed = np.zeros(total + RATE, np.float32)
    responses = _responses(count, random) if condition == "room" else None
    given: list[GivenTurn] = []
    tracks: dict[str, Sound] = {}
    for each, (corpus, who) in enumerate(chosen):
        track = np.zeros(total + RATE, np.float32)
        gain = 10 ** (random.uniform(*_GAINS_DB) / 20)
        for start, end, whose in turns:
            if whose != each:
                continue
            said = _say(voices[corpus][who], end - start, random)
            first = round(start * RATE)
            track[first : first + len(said)] += gain * said
            given.append((start, start + len(said) / RATE, f"{corpus} {who}"))
        if responses is not None:
            from scipy.signal import fftconvolve

            track = fftconvolve(track, responses[each])[: len(track)].astype(np.float32)
        mixed += track
        tracks[f"{corpus} {who}"] = track[:total]
    noise = random.normal(size=len(mixed)).astype(np.float32)
    mixed = mixed[:total] + (LOUD * 10 ** (NOISE_DB / 20) * noise)[:total]
    if condition == "telephone":
        mixed = telephone(mixed, random)
    mixed *= 0.5 / max(1e-6, float(np.abs(mixed).max()))
    return Meeting(name, mixed, tuple(sorted(given)), tracks)


def _say(clips: Sequence[Sound], seconds: float, random: np.random.Generator) -> Sound:
    """Join clips of one voice to a turn of that length."""
    wanted = max(1, round(seconds * RATE))
    parts: list[Sound] = []
    while sum(map(len, parts)) < wanted:
        parts.append(clips[int(random.integers(len(clips)))])
    said = np.concatenate(parts)[:wanted]
    fade = min(len(said) // 2, RATE // 100)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    said[:fade] *= ramp
    said[len(said) - fade :] *= ramp[::-1]
    return said


def _responses(count: int, random: np.random.Generator) -> list[Sound]:
    room = random.uniform((4.0, 3.5, 2.5), (7.0, 5.5, 3.2))
    microphone = random.uniform(0.7, room - 0.7)
    talkers = [random.uniform(0.7, room - 0.7) for _ in range(count)]
    return [shoebox(room, talker, microphone, REVERBERATION) for talker in talkers]


def voices_of(
    data: Path, chosen: Mapping[str, slice], *, calm: bool
) -> dict[str, dict[str, list[Sound]]]:
    """Clips of each chosen speaker by corpus, without silence around, all equally loud."""
    return _voices(data / "speech", tuple((c, s.start, s.stop) for c, s in chosen.items()), calm)


@cache
def _voices(
    folder: Path, chosen: tuple[tuple[str, int | None, int | None], ...], calm: bool
) -> dict[str, dict[str, list[Sound]]]:
    found: dict[str, dict[str, list[Sound]]] = {}
    for corpus, first, last in chosen:
        with (folder / f"{corpus}.csv").open() as file:
            rows = list(csv.DictReader(file))
        speakers = sorted({row["speaker"] for row in rows})[first:last]
        said = [row for row in rows if not calm or row["emotion"] in CALM]
        files = {Path(row["file"]).stem: row["speaker"] for row in said}
        found[corpus] = {who: [] for who in speakers}
        with tarfile.open(folder / f"{corpus}.tar") as tar:
            for member in tar:
                who = files.get(Path(member.name).stem)
                content = tar.extractfile(member)
                if who in found[corpus] and content is not None:
                    found[corpus][who].append(_trimmed(content.read()))
    return found


def _trimmed(content: bytes) -> Sound:
    sound, _ = soundfile.read(io.BytesIO(content), dtype="float32")
    power = np.convolve(np.square(sound), np.ones(400) / 400, mode="same")
    loud = np.flatnonzero(power > power.max() * 1e-3)
    speech = sound[loud[0] : loud[-1] + 1]
    return np.asarray(speech * (LOUD / np.sqrt(np.square(speech).mean())), np.float32)


def markdown_table(rows: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return a table in Markdown."""
    columns = list(next(iter(rows.values())))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for title, row in rows.items():
        lines.append(f"| {title} | " + " | ".join(f"{value:.1f}" for value in row.values()) + " |")
    return lines
