"""Measure who is said to speak: `python benchmarks/attribution.py DATA [--report FOLDER]`.

DATA holds `meeting/` with AMI clips, `reference_pyannote.rttm` and `reference.ctm`, and `speech/`
with the corpora that meetings are composed of. Error rates have no collar and score overlap; a
word of a composed meeting is 0.3 s of a turn. The constants were chosen on TUNED and on composed
meetings of other speakers; what is reported is REPORTED, the sample inside pyannote.audio's
wheel, and composed meetings of speakers whom nothing was chosen on.
"""

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from composed import CONDITIONS, COUNTS, REPORTED_SPEAKERS, meetings
from numpy.typing import NDArray

from models.diarization.clustering import ClusteringSettings
from models.diarization.embedded import EmbeddedDiarizer
from models.protocols import SpeakerHints
from schemas.settings import WeightSettings
from schemas.speech import Diarization, Word
from schemas.values import SAMPLE_RATE
from tasks.transcript.attribution import attribute

TUNED = ("trn00_EN2001a", "trn03_EN2001e", "trn05_EN2004a", "trn07_EN2006a")
REPORTED = ("dev00_ES2003a", "trn04_EN2003a", "trn06_EN2005a", "trn09_EN2009b")
SENSITIVITY = (0.8, 0.9, 1.0, 1.1, 1.2)
SEEDS = (11, 12)
WORD = 0.3
PARTS = ("missed detection", "false alarm", "confusion")


class Looped:
    """A recording said again and again up to a duration, read in windows."""

    sample_rate = SAMPLE_RATE

    def __init__(self, samples: NDArray[np.float32], duration: float | None = None) -> None:
        self._samples = samples
        self.duration = duration or len(samples) / SAMPLE_RATE

    def read(self, start: float, end: float) -> NDArray[np.float32]:
        """Return samples between two times; silence outside."""
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
    """Print the tables, and write them where a folder is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--report", type=Path, help="also write report.md and measures.json there")
    parser.add_argument("--long", action="store_true", help="speed and memory of 10 min and 3 h")
    parser.add_argument("--sensitivity", action="store_true", help="move every constant by 20 %%")
    parser.add_argument("--seconds", type=float, help="only diarize this long, print speed, memory")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    if chosen.seconds:
        print(speed(sample().sound, chosen.seconds))
        return
    engine = EmbeddedDiarizer(WeightSettings())
    clips = {clip.name: clip for clip in [*ami(chosen.data / "meeting"), sample()]}
    table = [heading()]
    measures: dict[str, dict[str, float]] = {}
    groups = {"AMI clips, tuned on": TUNED, "AMI clips": REPORTED, "telephone talk": ("sample",)}
    for title, names in groups.items():
        scored = [Scored.of(clips[name], engine.diarize(clips[name].sound, SpeakerHints()))
                  for name in names]  # fmt: skip
        add_rows(table, measures, {title: scored} | ({} if len(scored) == 1 else by_clip(scored)))
    for calm, title in ((True, "composed"), (False, "composed, all moods")):
        scored = [
            Scored.of(clip, engine.diarize(clip.sound, SpeakerHints()))
            for clip in composed_clips(chosen.data, calm=calm)
        ]
        add_rows(table, measures, composed_groups(title, scored))
    print("\n".join(table))
    if chosen.report:
        write_report(chosen.report, table, measures)
    if chosen.sensitivity:
        print_sensitivity(clips, engine)
    if chosen.long:
        for seconds in (600, 10_800):
            argv = [sys.executable, __file__, str(chosen.data), "--seconds", str(seconds)]
            subprocess.run(argv, check=True)


@dataclass(frozen=True)
class Scored:
    """A diarized clip: seconds of error by kind, words, and how many speakers there are."""

    clip: Clip
    parts: Mapping[str, float]
    right: int
    found: int

    @classmethod
    def of(cls, clip: Clip, made: Diarization) -> "Scored":
        """Score what was made of a clip."""
        right = right_words(clip, made) if clip.words else 0
        return cls(clip, error(clip, made), right, len(made.speakers))

    @property
    def known(self) -> int:
        """How many people speak in it."""
        return len({speaker for _, _, speaker in self.clip.turns})


def composed_clips(data: Path, *, calm: bool) -> Iterator[Clip]:
    """Meetings of 1 to 8 speakers whom nothing was chosen on, each turn cut into words."""
    counts = (1, *COUNTS)
    for made in meetings(data, REPORTED_SPEAKERS, SEEDS, calm=calm, counts=counts):
        words = [
            Word(word="x", start=round(at, 3), end=round(at + WORD, 3), name=who)
            for start, end, who in made.turns
            for at in np.arange(start, end - WORD, WORD)
        ]
        yield Clip(made.name, Looped(made.samples), list(made.turns), words)


def composed_groups(title: str, scored: Sequence[Scored]) -> dict[str, list[Scored]]:
    """All meetings of several voices, those of one, and by condition and number of voices."""
    several = [each for each in scored if each.known > 1]
    groups = {f"{title}, 2-8 voices": several}
    for condition in CONDITIONS:
        groups[f"- {title}, {condition}"] = [e for e in several if condition in e.clip.name]
    for low, high in ((1, 1), (2, 4), (5, 8)):
        chosen = [each for each in scored if low <= each.known <= high]
        groups[f"- {title}, {low}-{high} voices" if low < high else f"- {title}, one voice"] = (
            chosen
        )
    return groups


def by_clip(scored: Sequence[Scored]) -> dict[str, list[Scored]]:
    """Group each clip alone."""
    return {f"- {each.clip.name}": [each] for each in scored}


def heading() -> str:
    """Return the head of the table."""
    columns = ("", "DER", "missed", "invented", "confused", "count right", "words right")
    return "| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|"


def add_rows(
    table: list[str],
    measures: dict[str, dict[str, float]],
    groups: Mapping[str, Sequence[Scored]],
) -> None:
    """Add a row for each group, in percent of its speech, recordings and words."""
    for title, scored in groups.items():
        total = sum(each.parts["total"] for each in scored)
        parts = {key: 100 * sum(e.parts[key] for e in scored) / total for key in PARTS}
        words = sum(len(each.clip.words) for each in scored)
        row = {"DER": sum(parts.values()), **parts}
        row["count right"] = 100 * float(np.mean([e.found == e.known for e in scored]))
        if words:
            row["words right"] = 100 * sum(each.right for each in scored) / words
        measures[title.removeprefix("- ")] = {key: round(value, 2) for key, value in row.items()}
        cells = [f"{value:.1f}" for value in row.values()] + ([] if words else [""])
        table.append(f"| {title} | " + " | ".join(cells) + " |")


def write_report(
    folder: Path, table: Sequence[str], measures: Mapping[str, Mapping[str, float]]
) -> None:
    """Write the table and its figures."""
    folder.mkdir(parents=True, exist_ok=True)
    head = "# Who speaks when\n\nMade by `python benchmarks/attribution.py DATA --report FOLDER`.\n"
    protocol = (
        "No collar, overlap scored, percent of the speech. Composed meetings: two minutes of acted "
        "speech of speakers whom nothing was chosen on, their turns dealt from AMI's meetings.\n"
    )
    (folder / "report.md").write_text("\n".join([head, protocol, *table, ""]), encoding="utf-8")
    text = json.dumps(measures, indent=1) + "\n"
    (folder / "measures.json").write_text(text, encoding="utf-8")


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


def print_sensitivity(clips: Mapping[str, Clip], engine: EmbeddedDiarizer) -> None:
    """Print the error rate of each group with one constant at a time made smaller or larger."""
    usual = ClusteringSettings()
    groups = {"tuned on": TUNED, "reported": REPORTED, "sample": ("sample",)}
    heard = {n: engine.listen(clips[n].sound, SpeakerHints())
             for names in groups.values() for n in names}  # fmt: skip
    constants = ("threshold", "own_channel", "min_clean", "min_share", "min_least")
    print(f"\n{'DER with constant times':24} " + " ".join(f"{f:>7}" for f in SENSITIVITY))
    for constant in constants:
        for title, names in groups.items():
            row = []
            for factor in SENSITIVITY:
                moved = replace(usual, **{constant: getattr(usual, constant) * factor})
                other = EmbeddedDiarizer(WeightSettings(), moved)
                hints = SpeakerHints()
                made = [
                    error(clips[n], other.decide(heard[n], clips[n].sound.duration, hints))
                    for n in names
                ]
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
