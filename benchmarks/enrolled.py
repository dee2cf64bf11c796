"""Measure names by enrolled voices: `python benchmarks/enrolled.py DATA [--report FOLDER]`.

Meetings are composed of half of each person's clips, diarized, and their voices compared with clips
of 5, 10 and 30 seconds made of the other half. In each of `DRAWS` some of the people of the meeting
are enrolled, and others who are not there; whoever is not enrolled must not be named. `--tuned`
takes the people whom the limits were chosen on, and prints what other limits would give.
"""

import argparse
import json
import warnings
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from attribution import Looped, ami
from composed import (
    CONDITIONS,
    LOUD,
    NOISE_DB,
    REPORTED_SPEAKERS,
    TUNED_SPEAKERS,
    Meeting,
    Sound,
    _say,
    markdown_table,
    meetings,
    voices_of,
)

from models.checkpoint import load_weights, shipped
from models.diarization.clustering import Background, ClusteringSettings
from models.diarization.embedded import EmbeddedDiarizer
from models.diarization.voiceprints import (
    LIMIT,
    MARGIN,
    Pieces,
    embed_pieces,
    match_voices,
    prints_of,
)
from models.protocols import Span, SpeakerHints
from schemas.settings import WeightSettings
from schemas.values import SAMPLE_RATE
from tasks.transcript.enrolled_voices import alone

LENGTHS = (5, 10, 30)
COUNTS, TUNED_COUNTS = (3,), (3, 5)
SEEDS, TUNED_SEEDS = (31,), (1,)
LIMITS, MARGINS = (0.4, 0.45, 0.5, 0.55, 0.6), (0.0, 0.1, 0.2)
DRAWS = 8
OTHERS = 4
"""People who are enrolled and not there."""

ABSENT = 10
"""People who are in no meeting, of whom they are drawn."""

VERDICTS = ("right", "wrong", "unknown", "stranger named", "stranger unknown")


@dataclass(frozen=True)
class Voice:
    """A diarized voice: whose most of it is, and its pieces."""

    person: str | None
    pieces: Pieces


@dataclass(frozen=True)
class Kept:
    """What takes long: voices of each meeting, and clips by person and length."""

    meetings: tuple[tuple[str, tuple[str, ...], tuple[Voice, ...]], ...]
    clips: Mapping[tuple[str, int], Pieces]


def heard(
    data: Path, people: Mapping[str, slice], seeds: Sequence[int], counts: Sequence[int] = COUNTS
) -> Kept:
    """Compose, diarize and embed meetings and clips of some people."""
    engine = EmbeddedDiarizer(WeightSettings())
    assert engine.encoder is not None
    found = []
    for made in meetings(data, people, seeds, counts=counts, clips=slice(0, None, 2)):
        found.append((made.name, tuple(made.tracks), voices_in(engine, made)))
        print(made.name, flush=True)
    there = {who for _, speakers, _ in found for who in speakers}
    clips = {}
    for name, said in _pool(data, people, there):
        for length in LENGTHS:
            random = np.random.default_rng([length, zlib.crc32(name.encode())])
            sound = _say(said[1::2], length, random)
            noise = random.normal(size=len(sound)).astype(np.float32)
            sound = sound + np.float32(LOUD * 10 ** (NOISE_DB / 20)) * noise
            whole = [(0.0, len(sound) / SAMPLE_RATE)]
            clips[name, length] = embed_pieces(engine.encoder, Looped(sound), whole)
    return Kept(tuple(found), clips)


def _pool(
    data: Path, people: Mapping[str, slice], there: Collection[str]
) -> Iterator[tuple[str, Sequence[Sound]]]:
    """Yield the clips of everybody in the meetings, and of `ABSENT` others."""
    left = ABSENT
    for corpus, speakers in voices_of(data, people, calm=True).items():
        for who, said in speakers.items():
            name = f"{corpus} {who}"
            left -= name not in there
            if name in there or left >= 0:
                yield name, said


def voices_in(engine: EmbeddedDiarizer, meeting: Meeting) -> tuple[Voice, ...]:
    """Diarize a meeting and embed its voices."""
    assert engine.encoder is not None
    sound = Looped(meeting.samples)
    spans = alone(engine.diarize(sound, SpeakerHints()))
    return tuple(
        Voice(owner(meeting.turns, own), embed_pieces(engine.encoder, sound, own))
        for own in spans.values()
    )


def owner(turns: Sequence[tuple[float, float, str]], spans: Sequence[Span]) -> str | None:
    """Return who speaks most of the time in some spans."""
    seconds: dict[str, float] = defaultdict(float)
    for start, end, who in turns:
        seconds[who] += sum(max(0.0, min(end, b) - max(start, a)) for a, b in spans)
    return max(seconds, key=lambda who: seconds[who], default=None)


def judged(
    kept: Kept,
    background: Background,
    length: int,
    limit: float,
    margin: float,
    only: str = "",
) -> dict[str, float]:
    """Return percentages of voices by verdict, of the enrolled and of strangers, and counts."""
    channel = ClusteringSettings().own_channel
    counts: dict[str, int] = dict.fromkeys(VERDICTS, 0)
    everybody = sorted({who for who, _ in kept.clips})
    prints = {
        who: prints_of([kept.clips[who, length]], background, channel)[0] for who in everybody
    }
    for number, (name, people, voices) in enumerate(kept.meetings):
        if only not in name:
            continue
        rows = prints_of([voice.pieces for voice in voices], background, channel)
        for draw in range(DRAWS):
            random = np.random.default_rng([number, draw])
            there = [who for who in people if random.random() < 0.5]
            absent = [who for who in everybody if who not in people]
            more = [absent[k] for k in random.permutation(len(absent))[:OTHERS]]
            enrolled = [*there, *more]
            found = match_voices(rows, np.stack([prints[w] for w in enrolled]), limit, margin)
            named = {match.voice: enrolled[match.person] for match in found}
            for place, voice in enumerate(voices):
                counts[verdict(voice.person, named.get(place), enrolled)] += 1
    known = sum(counts[kind] for kind in VERDICTS[:3])
    strangers = sum(counts[kind] for kind in VERDICTS[3:])
    given = counts["right"] + counts["wrong"] + counts["stranger named"]
    return {
        **{kind: 100 * counts[kind] / max(1, known) for kind in VERDICTS[:3]},
        "stranger named": 100 * counts["stranger named"] / max(1, strangers),
        "names right": 100 * counts["right"] / max(1, given),
        "voices": known + strangers,
    }


def verdict(person: str | None, name: str | None, enrolled: Sequence[str]) -> str:
    """Return what a voice's name is worth."""
    if person not in enrolled:
        return "stranger unknown" if name is None else "stranger named"
    return "unknown" if name is None else "right" if name == person else "wrong"


def real_meetings(data: Path) -> list[str]:
    """Compare AMI's only people who speak in two clips with their voice in the other one."""
    engine = EmbeddedDiarizer(WeightSettings())
    assert engine.encoder is not None
    spans: dict[str, dict[str, list[Span]]] = {}
    sounds = {}
    for clip in ami(data / "meeting"):
        own: dict[str, list[Span]] = defaultdict(list)
        for word in clip.words:
            own[str(word.name)].append((word.start, word.end))
        spans[clip.name], sounds[clip.name] = own, clip.sound
    lines = []
    prints = {}
    for name, own in spans.items():
        people = [who for who in own if sum(b - a for a, b in own[who]) >= 2.5]
        pieces = [embed_pieces(engine.encoder, sounds[name], own[who]) for who in people]
        rows = engine.prints(pieces)
        prints |= {(name, who): row for who, row in zip(people, rows, strict=True)}
    for (a, one), x in prints.items():
        for (b, other), y in prints.items():
            if a < b:
                lines.append(f"{'same' if one == other else 'other'} {float(x @ y):.2f} {a} {b}")
    return sorted(lines, reverse=True)


def main() -> None:
    """Print the tables, and write them where a folder is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tuned", action="store_true", help="people whom limits may be chosen on")
    parser.add_argument("--real", action="store_true", help="likeness of AMI's people alone")
    parser.add_argument("--report", type=Path, help="write enrolled.md and enrolled.json there")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    if chosen.real:
        print("\n".join(real_meetings(chosen.data)))
        return
    people, seeds = (TUNED_SPEAKERS, TUNED_SEEDS) if chosen.tuned else (REPORTED_SPEAKERS, SEEDS)
    rows = measured(
        heard(chosen.data, people, seeds, TUNED_COUNTS if chosen.tuned else COUNTS),
        others=chosen.tuned,
    )
    print("\n".join(markdown_table(rows)))
    if chosen.report:
        write_report(rows, chosen.report)


def measured(kept: Kept, *, others: bool) -> dict[str, dict[str, float]]:
    """Return a row for each length of clips and each condition; `others` adds other limits."""
    state, _ = load_weights(shipped("diarizer"))
    background = Background(state["wide"].numpy(), state["telephone"].numpy())
    rows = {f"{n} s": judged(kept, background, n, LIMIT, MARGIN) for n in LENGTHS}
    for condition in CONDITIONS:
        rows[f"10 s, {condition}"] = judged(kept, background, 10, LIMIT, MARGIN, condition)
    for limit in LIMITS if others else ():
        for margin in MARGINS:
            rows[f"{limit:.2f} {margin:.2f}"] = judged(kept, background, 10, limit, margin)
    return rows


def write_report(rows: Mapping[str, Mapping[str, float]], folder: Path) -> None:
    """Write the table and its figures."""
    folder.mkdir(parents=True, exist_ok=True)
    head = "# Names by enrolled voices\n\nMade by `python benchmarks/enrolled.py DATA --report "
    text = f"{head}FOLDER`.\n\n{_PROTOCOL}\n\n" + "\n".join(markdown_table(rows)) + "\n"
    (folder / "enrolled.md").write_text(text, encoding="utf-8")
    (folder / "enrolled.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


_PROTOCOL = (
    "Diarized voices of three composed meetings of two minutes, of three people each whom nothing "
    "was chosen on, by length of the clips. Right, wrong, unknown: percent of the voices of "
    "enrolled people. Stranger named: percent of the voices of people who are not enrolled. Names "
    "right: percent of all names given. Each meeting with eight sets of enrolled people: half of "
    "those who are there, and four who are not. Clips and meetings share no recording, but "
    "microphones."
)


if __name__ == "__main__":
    main()
