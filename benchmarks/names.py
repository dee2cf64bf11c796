"""Measure under whose name words come: `python benchmarks/names.py DATA [--report FOLDER]`.

Meetings of strangers are composed, diarized, and captioned from the truth in the ways that
captions are wrong (`VARIANTS`); what is counted are words under a right name, a wrong one and
none, and how often a name with a confidence of .9 or more is right. `--tuned` takes the meetings
that constants may be chosen on. `--keep FOLDER` keeps what the diarizer heard, which takes long.
"""

import argparse
import itertools
import json
import pickle
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from captioned import SECONDS, VARIANTS, Captioned, GivenTurn, captioned, cues_of

from schemas.settings import Settings, WeightSettings
from schemas.sidecar import Participant, Sidecar
from schemas.speech import Diarization, Transcript, Utterance, Word
from tasks.transcript.utterances import make_utterances

SEEDS = (11, 12)
TUNED_SEEDS = (1, 2)
COUNTS = range(1, 9)
SURE = 0.9


@dataclass
class Counts:
    """Words by verdict, and the words of utterances by the confidence of their names."""

    words: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    sure: list[tuple[float, bool]] = field(default_factory=list)
    utterances: list[tuple[float, bool]] = field(default_factory=list)

    def add(self, utterances: Sequence[Utterance], told: Captioned) -> None:
        """Count the words of one meeting."""
        for each in utterances:
            people = [told.truth[word.word.rstrip(".")] for word in each.words]
            for person in people:
                self.words["all"] += 1
                self.words["nameable"] += person in told.named
                if each.speaker_name is None:
                    self.words["unknown" if person in told.named else "rightly unknown"] += 1
                else:
                    right = each.speaker_name == person
                    self.words["right" if right else "wrong"] += 1
                    self.words["named"] += person in told.named
                    self.sure.append((each.speaker_confidence, right))
            if people and each.speaker_name is not None:
                share = np.mean([person == each.speaker_name for person in people])
                self.utterances.append((each.speaker_confidence, bool(share > 0.5)))

    def row(self) -> dict[str, float]:
        """Percentages of all words, and of the names given with confidence."""
        whole, nameable = max(1, self.words["all"]), max(1, self.words["nameable"])
        sure = [right for confidence, right in self.sure if confidence >= SURE]
        said = [right for confidence, right in self.utterances if confidence >= SURE]
        return {
            "right": 100 * self.words["right"] / whole,
            "wrong": 100 * self.words["wrong"] / whole,
            "named at all": 100 * self.words["named"] / nameable,
            "words named at .9": 100 * len(sure) / whole,
            "of them right": 100 * float(np.mean(sure)) if sure else float("nan"),
            "utterances at .9 right": 100 * float(np.mean(said)) if said else float("nan"),
            "calibration error": 100 * calibration_error(self.sure),
        }


def calibration_error(pairs: Sequence[tuple[float, bool]], bins: int = 10) -> float:
    """Mean distance of confidence and rightness over ten bins, weighted by their words."""
    if not pairs:
        return float("nan")
    confidence, right = (np.asarray(column, float) for column in zip(*pairs, strict=True))
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(
        sum(
            abs(float((confidence[place == k] - right[place == k]).sum())) for k in np.unique(place)
        )
        / len(pairs)
    )


@dataclass(frozen=True)
class Told:
    """A diarized meeting with its true turns."""

    name: str
    turns: tuple[GivenTurn, ...]
    diarization: Diarization


def diarized(
    data: Path, *, tuned: bool, keep: Path | None, calibrate: bool = True
) -> Iterator[Told]:
    """Yield composed meetings as the diarizer hears them; what it heard may lie in a file."""
    from attribution import Looped
    from composed import REPORTED_SPEAKERS, TUNED_SPEAKERS, meetings

    from models.diarization.embedded import EmbeddedDiarizer
    from models.protocols import SpeakerHints

    engine = EmbeddedDiarizer(WeightSettings())
    hints = SpeakerHints()
    file = keep / f"{'tuned' if tuned else 'reported'}.pkl" if keep else None
    if file and file.exists():
        with file.open("rb") as opened:
            kept = pickle.load(opened)
        for name, turns, heard in kept:
            yield Told(name, turns, engine.decide(heard, SECONDS, hints, calibrate=calibrate))
        return
    kept = []
    people, seeds = (TUNED_SPEAKERS, TUNED_SEEDS) if tuned else (REPORTED_SPEAKERS, SEEDS)
    for made in meetings(data, people, seeds, counts=COUNTS):
        heard = engine.listen(Looped(made.samples), hints)
        kept.append((made.name, made.turns, heard))
        yield Told(made.name, made.turns, engine.decide(heard, SECONDS, hints, calibrate=calibrate))
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pickle.dumps(kept))


def recognised(told: Told, *, others_named: bool) -> Captioned:
    """Words at their true times that nobody names; the sidecar knows who was there.

    With `others_named`, captions name all but one person and the sidecar knows the last one.
    """
    cues, truth = cues_of(told.turns)
    people = list(dict.fromkeys(truth.values()))
    gone = people[-1]
    words = []
    for cue in cues:
        edges = np.linspace(cue.start, cue.end, len(cue.words) + 1)
        for word, start, end in zip(cue.words, edges[:-1], edges[1:], strict=True):
            name = cue.name if others_named and cue.name != gone else None
            words.append(Word(word=word, start=float(start), end=float(end), name=name))
    words.sort(key=lambda word: (word.start, word.end))
    sidecar = Sidecar(participants=tuple(Participant(name=name) for name in people))
    transcript = Transcript(words=tuple(words), language="en", engine="truth")
    return Captioned(transcript, truth, frozenset(people), sidecar)


def speakers_right(told: Told, confident: list[tuple[float, bool]]) -> None:
    """Add the confidence of each word without captions, and whether its speaker is right.

    Speakers and people are matched one to one over the meeting.
    """
    from scipy.optimize import linear_sum_assignment

    plain = recognised(told, others_named=False)
    made = make_utterances(told.diarization, plain.transcript, Settings(), Sidecar())
    rows = [
        (u.speaker, plain.truth[w.word.rstrip(".")], u.speaker_confidence)
        for u in made
        for w in u.words
    ]
    speakers = sorted({speaker for speaker, _, _ in rows})
    people = sorted({person for _, person, _ in rows})
    table = np.zeros((len(speakers), len(people)))
    for speaker, person, _ in rows:
        table[speakers.index(speaker), people.index(person)] += 1
    owner = {speakers[a]: people[b] for a, b in zip(*linear_sum_assignment(-table), strict=True)}
    confident += [(sure, owner.get(speaker) == person) for speaker, person, sure in rows]


def measured(told: Sequence[Told]) -> dict[str, dict[str, float]]:
    """Return a row for each kind of captions, and one for the speakers without captions."""
    rows: dict[str, dict[str, float]] = {}
    with TemporaryDirectory() as folder:
        for number, variant in enumerate(VARIANTS):
            counts = Counts()
            for place, each in enumerate(told):
                random = np.random.default_rng([number, place])
                said = captioned(each.turns, variant, random, Path(folder))
                made = make_utterances(each.diarization, said.transcript, Settings(), said.sidecar)
                counts.add(made, said)
            rows[variant] = counts.row()
    for title, others_named in (("sidecar alone", False), ("sidecar names the last", True)):
        counts = Counts()
        for each in told:
            said = recognised(each, others_named=others_named)
            made = make_utterances(each.diarization, said.transcript, Settings(), said.sidecar)
            counts.add(made, said)
        rows[title] = counts.row()
    return rows


def confidence_rows(told: Sequence[Told]) -> dict[str, dict[str, float]]:
    """Return how sure and how right speakers are where nothing names them."""
    groups: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for each in told:
        found, true = len(each.diarization.speakers), len({who for _, _, who in each.turns})
        pairs: list[tuple[float, bool]] = []
        speakers_right(each, pairs)
        groups["all meetings"] += pairs
        if true > 1:
            groups["one speaker found of several" if found == 1 else "several found"] += pairs
        else:
            groups["one voice"] += pairs
    rows = {}
    for title, pairs in groups.items():
        sure = [right for confidence, right in pairs if confidence >= SURE]
        rows[title] = {
            "right": 100 * float(np.mean([right for _, right in pairs])),
            "mean confidence": 100 * float(np.mean([confidence for confidence, _ in pairs])),
            "at .9": 100 * len(sure) / len(pairs),
            "of them right": 100 * float(np.mean(sure)) if sure else float("nan"),
            "calibration error": 100 * calibration_error(pairs),
        }
    return rows


def words_right(told: Sequence[Told]) -> dict[str, dict[str, float]]:
    """Return how many words are the right speaker's, by the diarizer's own confidence."""
    pairs: list[tuple[float, bool]] = []
    for each in told:
        speakers_right(each, pairs)
    sure, right = np.array(pairs, float).T
    rows = {}
    for low, high in itertools.pairwise((0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 1.01)):
        chosen, over = (sure >= low) & (sure < high), sure >= low
        if chosen.any():
            rows[f"{low:.2f} to {high:.2f}"] = {
                "words": float(chosen.sum()),
                "right": 100 * float(right[chosen].mean()),
                "right from here on": 100 * float(right[over].mean()),
            }
    return rows


def table_of(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return a table in Markdown."""
    columns = list(next(iter(rows.values())))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for title, row in rows.items():
        lines.append(f"| {title} | " + " | ".join(f"{row[c]:.1f}" for c in columns) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables, and write them where a folder is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tuned", action="store_true", help="meetings that constants may see")
    parser.add_argument("--words", action="store_true", help="only count how right words are")
    parser.add_argument("--keep", type=Path, help="keep what the diarizer heard in this folder")
    parser.add_argument("--report", type=Path, help="also write report.md and measures.json there")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    told = list(
        diarized(chosen.data, tuned=chosen.tuned, keep=chosen.keep, calibrate=not chosen.words)
    )
    if chosen.words:
        print(table_of(words_right(told)))
        return
    captions, speakers = measured(told), confidence_rows(told)
    text = f"{table_of(captions)}\n\n{table_of(speakers)}\n"
    print(f"{len(told)} meetings\n\n{text}")
    if chosen.report:
        chosen.report.mkdir(parents=True, exist_ok=True)
        head = (
            "# Under whose name\n\nMade by `python benchmarks/names.py DATA --report FOLDER`.\n\n"
        )
        (chosen.report / "report.md").write_text(head + text, encoding="utf-8")
        measures = json.dumps({"captions": captions, "speakers": speakers}, indent=1) + "\n"
        (chosen.report / "measures.json").write_text(measures, encoding="utf-8")


if __name__ == "__main__":
    main()
