"""Count what is found where nothing happens: `python benchmarks/insights.py [--report FOLDER]`.

Meetings of an hour in which every utterance is drawn alike, whoever speaks and whenever: most are
neutral, some strongly expressed. Any change or hotspot in them is false, and listeners react by
chance. Departures are no errors, since rare strong expressions are there: their number says how
long the list gets. Then one speaker's second half is drawn more negatively, to count the changes
that are found.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.reporting import Report
from schemas.emotions import EMOTIONS, FACTS
from schemas.tables import Row
from tasks.dataset.insights import insight_rows

SPEAKERS, UTTERANCES, MEETINGS = 4, 600, 100
EXPRESSIVE, REACTING = 0.12, 0.03
SHIFTS = (0.1, 0.2, 0.3)
"""Share of neutral utterances that become sad or angry in one speaker's second half."""


def meeting(random: np.random.Generator, shift: float = 0.0) -> tuple[list[Row], list[Row]]:
    """Draw the utterances and reactions of an hour."""
    rows, reactions, clock = [], [], 0.0
    for index in range(UTTERANCES):
        speaker = int(random.integers(SPEAKERS))
        is_expressive = random.random() < EXPRESSIVE
        is_shifted = speaker == 0 and index > UTTERANCES / 2 and random.random() < shift
        if is_shifted or is_expressive:
            emotion = ("sad", "angry")[index % 2] if is_shifted else EMOTIONS[random.integers(1, 7)]
        else:
            emotion = "neutral"
        scores = random.dirichlet(np.ones(len(EMOTIONS))) * 0.4
        scores[EMOTIONS.index(emotion)] += 0.6
        start = clock + float(random.exponential(0.8)) - 0.3
        clock = start + 1.0 + float(random.exponential(4.0))
        valence, arousal = (
            float(sum(s * getattr(FACTS[e], side) for s, e in zip(scores, EMOTIONS, strict=True)))
            for side in ("valence", "arousal")
        )
        rows.append(
            {
                "recording_id": "0" * 16,
                "meeting_date": None,
                "utterance_index": index,
                "start": max(0.0, start),
                "end": clock,
                "speaker": f"SPEAKER_{speaker:02}",
                "speaker_name": None,
                "overlap_ratio": float(random.random() < 0.15) * 0.3,
                "emotion": emotion,
                "valence": valence,
                "arousal": arousal,
                "flags": [],
            }
        )
        reactions += [
            {
                "participant": f"SPEAKER_{other:02}",
                "participant_name": None,
                "utterance_index": index,
                "emotion": "happy",
                "confidence": 0.7,
            }
            for other in range(SPEAKERS)
            if other != speaker and random.random() < REACTING
        ]
    return rows, reactions


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meetings", type=int, default=MEETINGS)
    parser.add_argument("--report", type=Path)
    chosen = parser.parse_args()
    command = "python benchmarks/insights.py --report docs/reports/insights"
    report = Report(chosen.report, "report", "What is found where nothing happens", command)
    random = np.random.default_rng(0)
    found: Counter[str] = Counter()
    hours = 0.0
    for _ in range(chosen.meetings):
        rows, reactions = meeting(random)
        hours += rows[-1]["end"] / 3600
        found.update(row["kind"] for row in insight_rows(rows, reactions))
    report.say(f"{chosen.meetings} drawn meetings of {SPEAKERS} people, {hours:.0f} hours.")
    report.say()
    report.say("| | an hour |")
    report.say("|---|---|")
    for kind in ("change", "hotspot", "reaction", "departure"):
        report.say(f"| {kind} | {found[kind] / hours:.2f} |")
    report.say()
    report.say("One of the four becomes more negative after half of the time:")
    report.say()
    report.say("| neutral utterances that become sad or angry | found | of another speaker |")
    report.say("|---|---|---|")
    for shift in SHIFTS:
        hits = others = 0
        for _ in range(chosen.meetings):
            rows, _ = meeting(random, shift)
            changes = [row for row in insight_rows(rows, []) if row["kind"] == "change"]
            hits += any(row["speakers"] == ["SPEAKER_00"] and row["score"] < 0 for row in changes)
            others += any(row["speakers"] != ["SPEAKER_00"] for row in changes)
        share, false = hits / chosen.meetings, others / chosen.meetings
        report.say(f"| {shift:.0%} | {share:.0%} | {false:.0%} |")
    report.write()


if __name__ == "__main__":
    main()
