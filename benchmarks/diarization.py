"""Measure the embedded diarizer: `python benchmarks/diarization.py DATA [--long] [--sensitivity]`.

DATA holds `meeting/` with AMI clips, `reference_pyannote.rttm` and `reference.ctm`. Error rates
have no collar and score overlap. The constants were tuned on TUNED; what is reported is REPORTED
and the sample inside pyannote.audio's wheel, which nothing was tuned on.
"""

import argparse
import importlib.util
import resource
import subprocess
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from models.protocols import SpeakerHints
from models.voices.attribution import attribute
from models.voices.clustering import ClusteringSettings
from models.voices.embedded import EmbeddedDiarizer
from schemas.settings import WeightSettings
from schemas.speech import Diarization, Word
from schemas.values import SAMPLE_RATE

TUNED = ("trn00_EN2001a", "trn03_EN2001e", "trn05_EN2004a", "trn07_EN2006a")
REPORTED = ("dev00_ES2003a", "trn04_EN2003a", "trn06_EN2005a", "trn09_EN2009b")
SENSITIVITY = (0.8, 0.9, 1.0, 1.1, 1.2)


class Looped:
    """A recording said again and again up to a duration, read in windows."""

    sample_rate = SAMPLE_RATE

    def __init__(self, samples: NDArray[np.float32], duration: float | None = None) -> None:
        self._samples = samples
        self.duration = duration or len(samples) / SAMPLE_RATE

    def read(self, start: float, end: float) -> NDArray[np.float32]:
        """Samples between two times; silence outside."""
        place = np.arange(round(start * SAMPLE_RATE), round(end * SAMPLE_RATE))
        inside = (place >= 0) & (place < round(self.duration * SAMPLE_RATE))
        return np.where(inside, self._samples[place % len(self._samples)], 0).astype(np.float32)


@dataclass(frozen=True)
class Clip:
    """A clip with its reference turns (start, end, speaker) and words (with the speaker's name)."""

    name: str
    sound: Looped
    turns: list[tuple[float, float, str]]
    words: list[Word]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--long", action="store_true", help="speed and memory of 10 min and 3 h")
    parser.add_argument("--sensitivity", action="store_true", help="move every constant by 20 %%")
    parser.add_argument("--seconds", type=float, help="only diarize this long, print speed, memory")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    clips = {clip.name: clip for clip in [*ami(chosen.data / "meeting"), sample()]}
    if chosen.seconds:
        print(speed(clips["sample"].sound, chosen.seconds))
        return
    engine = EmbeddedDiarizer(WeightSettings())
    groups = {"tuned on": TUNED, "reported": REPORTED, "sample": ("sample",)}
    heard = {name: engine.listen(clips[name].sound, SpeakerHints())
             for names in groups.values() for name in names}  # fmt: skip
    for title, names in groups.items():
        scored = {name: decided(engine, clips[name], heard[name]) for name in names}
        print_table(title, clips, scored)
    if chosen.sensitivity:
        print_sensitivity(clips, heard, groups)
    if chosen.long:
        for seconds in (600, 10_800):
            argv = [sys.executable, __file__, str(chosen.data), "--seconds", str(seconds)]
            subprocess.run(argv, check=True)


def decided(engine: EmbeddedDiarizer, clip: Clip, heard: object) -> Diarization:
    """Diarize a clip that was listened to before."""
    return engine.decide(heard, clip.sound.duration, SpeakerHints())  # type: ignore[arg-type]


def ami(folder: Path) -> list[Clip]:
    """Read the AMI clips."""
    turns, words = defaultdict(list), defaultdict(list)
    for line in (folder / "reference_pyannote.rttm").read_text().splitlines():
        fields = line.split()
        start = float(fields[3])
        turns[fields[1]].append((start, start + float(fields[4]), fields[7]))
    for line in (folder / "reference.ctm").read_text().splitlines():
        name, _, start, seconds, text, speaker = line.split()[:6]
        begin = float(start)
        word = Word(word=text, start=begin, end=begin + float(seconds), name=speaker)
        words[name].append(word)
    return [
        Clip(path.stem, read(path), turns[path.stem], words[path.stem])
        for path in sorted(folder.glob("*.flac"))
    ]


def sample() -> Clip:
    """Read the telephone talk inside pyannote.audio's wheel."""
    spec = importlib.util.find_spec("pyannote.audio")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "sample"
    rows = [line.split() for line in (folder / "sample.rttm").read_text().splitlines()]
    turns = [(float(r[3]), float(r[3]) + float(r[4]), r[7]) for r in rows if r]
    return Clip("sample", read(folder / "sample.wav"), turns, [])


def read(path: Path) -> Looped:
    """Read a short file."""
    samples, _ = soundfile.read(path, dtype="float32")
    return Looped(samples)


def error(clip: Clip, made: Diarization) -> Mapping[str, float]:
    """Diarization error rate and its parts, in seconds but for the rate."""
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    reference, hypothesis = Annotation(), Annotation()
    for number, (start, end, speaker) in enumerate(clip.turns):
        reference[Segment(start, end), number] = speaker
    for number, turn in enumerate(made.turns):
        hypothesis[Segment(turn.start, turn.end), number] = turn.speaker
    metric = DiarizationErrorRate(collar=0.0, skip_overlap=False)
    whole = Timeline([Segment(0, clip.sound.duration)])
    return dict(metric(reference, hypothesis, uem=whole, detailed=True))


def right_words(clip: Clip, made: Diarization) -> int:
    """Count words given to the right speaker under the best one-to-one mapping of speakers."""
    from scipy.optimize import linear_sum_assignment

    unnamed = [word.model_copy(update={"name": None}) for word in clip.words]
    given = [item.speaker for item in attribute(unnamed, made.exclusive, {}).words]
    names = sorted({str(word.name) for word in clip.words})
    speakers = sorted(set(given))
    table = np.zeros((len(names), len(speakers)))
    for word, speaker in zip(clip.words, given, strict=True):
        table[names.index(str(word.name)), speakers.index(speaker)] += 1
    return int(table[linear_sum_assignment(-table)].sum())


def print_table(title: str, clips: Mapping[str, Clip], scored: Mapping[str, Diarization]) -> None:
    """Print the error of each clip and of all together."""
    print(f"\n{title:16} {'DER':>6} {'miss':>6} {'false':>6} {'conf':>6}  speakers  words right")
    sums: dict[str, float] = defaultdict(float)
    for name, made in scored.items():
        clip = clips[name]
        parts = error(clip, made)
        right, total = right_words(clip, made) if clip.words else 0, len(clip.words)
        for key in ("missed detection", "false alarm", "confusion", "total"):
            sums[key] += parts[key]
        sums["right"] += right
        sums["words"] += total
        known = len({speaker for _, _, speaker in clip.turns})
        line = rates(parts)
        print(f"{name:16} {line}  {len(made.speakers)} of {known}    {right}/{total}")
    share = 100 * sums["right"] / sums["words"] if sums["words"] else float("nan")
    print(f"{'all':16} {rates(sums)}            {share:.1f} %")


def rates(parts: Mapping[str, float]) -> str:
    """Format the parts of the error as percentages of the speech."""
    keys = ("missed detection", "false alarm", "confusion")
    values = [sum(parts[key] for key in keys), *(parts[key] for key in keys)]
    return " ".join(f"{100 * value / parts['total']:6.1f}" for value in values)


def print_sensitivity(
    clips: Mapping[str, Clip], heard: Mapping[str, object], groups: Mapping[str, tuple[str, ...]]
) -> None:
    """Print the error rate of each group with one constant at a time made smaller or larger."""
    usual = ClusteringSettings()
    constants = ("threshold", "own_channel", "min_clean", "min_share", "min_least")
    print(f"\n{'DER with constant times':24} " + " ".join(f"{f:>7}" for f in SENSITIVITY))
    for constant in constants:
        for title, names in groups.items():
            row = []
            for factor in SENSITIVITY:
                moved = replace(usual, **{constant: getattr(usual, constant) * factor})
                engine = EmbeddedDiarizer(WeightSettings(), moved)
                made = [error(clips[n], decided(engine, clips[n], heard[n])) for n in names]
                wrong = sum(p["diarization error rate"] * p["total"] for p in made)
                row.append(100 * wrong / sum(p["total"] for p in made))
            print(f"{constant:13} {title:10} " + " ".join(f"{value:7.1f}" for value in row))


def speed(sound: Looped, seconds: float) -> str:
    """Diarize a recording of that length once; print its speed and the process's peak memory."""
    long = Looped(sound.read(0, sound.duration), seconds)
    engine = EmbeddedDiarizer(WeightSettings())
    began, used = time.perf_counter(), time.process_time()
    made = engine.diarize(long, SpeakerHints())
    wall, core = time.perf_counter() - began, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"{seconds:7.0f} s: {seconds / wall:.0f} times real time, "
        f"{seconds / core:.0f} per core, peak {peak:.0f} MB, "
        f"{len(made.turns)} turns of {len(made.speakers)} speakers"
    )


if __name__ == "__main__":
    main()
