"""Measure turns by participants' tracks: `python benchmarks/tracks.py DATA [--report FOLDER]`.

Meetings of a minute are composed of voices alone, with turns, answers and overlaps drawn from
AMI. Each voice is on a track of its own, which is then made worse in the ways of `CONDITIONS`, put
on the recording's time line as a track of Zoom's would be, and turned into turns. Error rates have
no collar and score overlap; a track's turns are the person's whose name it has, nobody is matched.
`--tuned` takes the people that constants may be chosen on.
"""

import argparse
import json
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
from attribution import Looped
from composed import REPORTED_SPEAKERS, TUNED_SPEAKERS, Meeting, Sound, markdown_table, meetings

from lab.acoustics.augmentation import colored_noise
from lab.acoustics.rooms import in_a_room
from lab.meetings.tracks import on_own_clock
from models.diarization.embedded import EmbeddedDiarizer
from schemas.settings import WeightSettings
from schemas.speech import Diarization
from schemas.values import SAMPLE_RATE
from tasks.media.participants import on_time
from tasks.media.split import WavFile
from tasks.transcript.track_turns import turns_by_track

COUNTS, SECONDS = (3,), 60.0
SEEDS, TUNED_SEEDS = (21, 22, 23), (2, 3)
FRAME = 0.005
"""Seconds in which errors are counted."""

FLOOR_DB = -65.0
"""Noise of any microphone, against full scale."""

LATEST, DRIFT = 20.0, 60e-6
LOUDSPEAKER_DB, NEIGHBOUR_DB = (-24.0, -12.0), (-18.0, -9.0)
"""How much softer others are on a track: from its loudspeaker, and in the same room."""

ECHO, NEAR = (0.1, 0.3), (0.003, 0.01)
"""Seconds by which others come later there."""

_AUDIBLE = 1e-4
GAINS_DB = (-26.0, 0.0)
NOISE_DB = (-25.0, -10.0)
"""Steady noise of a microphone, against its voice's level."""

Tracks = dict[str, Sound]
Change = Callable[[Tracks, np.random.Generator], Tracks]


def plain(tracks: Tracks, random: np.random.Generator) -> Tracks:
    """Return tracks with the noise of any microphone."""
    return {
        who: sound + _decibels(FLOOR_DB) * random.normal(size=len(sound)).astype(np.float32)
        for who, sound in tracks.items()
    }


def late(tracks: Tracks, random: np.random.Generator) -> Tracks:
    """Begin tracks late, before their person first speaks, and let their clocks drift."""
    made = {}
    for who, sound in tracks.items():
        first = int(np.argmax(np.abs(sound) > _AUDIBLE)) / SAMPLE_RATE
        begin = random.uniform(0, min(LATEST, first))
        made[who] = on_own_clock(sound, begin, random.normal(0, DRIFT))
    return made


def loudspeaker(tracks: Tracks, random: np.random.Generator) -> Tracks:
    """Let each microphone hear all others from a loudspeaker, late and through its room."""
    return _with_bleed(tracks, LOUDSPEAKER_DB, ECHO, random)


def one_room(tracks: Tracks, random: np.random.Generator) -> Tracks:
    """Put everybody into one room, each with a microphone of their own."""
    return _with_bleed(tracks, NEIGHBOUR_DB, NEAR, random)


def loudness(tracks: Tracks, random: np.random.Generator) -> Tracks:
    """Record each track at a level of its own."""
    return {who: sound * _decibels(random.uniform(*GAINS_DB)) for who, sound in tracks.items()}


def noise(tracks: Tracks, random: np.random.Generator) -> Tracks:
    """Add steady noise to each track."""
    made = {}
    for who, sound in tracks.items():
        level = _voice_level(sound) * _decibels(random.uniform(*NOISE_DB))
        tilt = random.uniform(0.2, 1.0)
        made[who] = sound + level * colored_noise(len(sound), random, tilt)
    return made


CONDITIONS: Mapping[str, Sequence[Change]] = {
    "plain": (),
    "late and drifting": (late,),
    "loudspeakers": (loudspeaker,),
    "one room": (one_room,),
    "different loudness": (loudness,),
    "noise": (noise,),
    "all but one room": (loudspeaker, noise, loudness, late),
}
"""What is done to the tracks of a meeting, in order."""


def _decibels(level: float) -> np.float32:
    return np.float32(10 ** (level / 20))


def _voice_level(sound: Sound) -> float:
    return float(np.sqrt(np.square(sound[np.abs(sound) > _AUDIBLE]).mean()))


def _with_bleed(
    tracks: Tracks,
    decibels: tuple[float, float],
    delays: tuple[float, float],
    random: np.random.Generator,
) -> Tracks:
    made = {}
    for who, sound in tracks.items():
        heard = sound.copy()
        for other, voice in tracks.items():
            if other == who:
                continue
            lag = round(random.uniform(*delays) * SAMPLE_RATE)
            copy = in_a_room(voice[: len(voice) - lag], random)
            scale = _voice_level(voice) / max(_voice_level(copy), 1e-6)
            heard[lag:] += copy * np.float32(scale) * _decibels(random.uniform(*decibels))
        made[who] = heard
    return made


def diarized(
    engine: EmbeddedDiarizer, meeting: Meeting, changes: Sequence[Change], seed: int, folder: Path
) -> Diarization:
    """Make the tracks of a meeting worse, put them on its time line, return the turns."""
    random = np.random.default_rng([seed, len(meeting.tracks)])
    tracks = dict(meeting.tracks)
    for change in changes:
        tracks = change(tracks, random)
    files = []
    for number, (who, sound) in enumerate(plain(tracks, random).items()):
        path = folder / f"track-{number}.wav"
        soundfile.write(path, np.clip(sound, -1, 1), SAMPLE_RATE, subtype="PCM_16")
        files.append((who, WavFile(str(path))))
    placed = on_time(files, Looped(meeting.samples), folder)
    return turns_by_track(engine, [(each.name, WavFile(each.path)) for each in placed])


def errors(meeting: Meeting, made: Diarization) -> dict[str, float]:
    """Seconds that are missed, invented and another's, and of all speech; nobody is matched."""
    people = list(meeting.tracks)
    frames = round(len(meeting.samples) / SAMPLE_RATE / FRAME)
    true, found = np.zeros((2, frames, len(people)), bool)
    for start, end, who in meeting.turns:
        true[round(start / FRAME) : round(end / FRAME), people.index(who)] = True
    for turn in made.turns:
        who = made.names[turn.speaker]
        found[round(turn.start / FRAME) : round(turn.end / FRAME), people.index(who)] = True
    wanted, given, right = true.sum(axis=1), found.sum(axis=1), (true & found).sum(axis=1)
    return {
        "missed": FRAME * float(np.maximum(wanted - given, 0).sum()),
        "invented": FRAME * float(np.maximum(given - wanted, 0).sum()),
        "confused": FRAME * float((np.minimum(wanted, given) - right).sum()),
        "speech": FRAME * float(wanted.sum()),
    }


def table_of(parts: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """Return a row of percentages of the speech for each condition."""
    rows = {}
    for title, each in parts.items():
        speech = sum(one["speech"] for one in each)
        row = {
            kind: round(100 * sum(one[kind] for one in each) / speech, 2)
            for kind in ("missed", "invented", "confused")
        }
        rows[title] = {"DER": round(sum(row.values()), 2), **row, "meetings": len(each)}
    return rows


def main() -> None:
    """Print the table, and write it where a folder is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tuned", action="store_true", help="people whom constants may see")
    parser.add_argument("--only", nargs="+", choices=[*CONDITIONS], default=[*CONDITIONS])
    parser.add_argument("--report", type=Path, help="also write tracks.md and tracks.json there")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    people, seeds = (TUNED_SPEAKERS, TUNED_SEEDS) if chosen.tuned else (REPORTED_SPEAKERS, SEEDS)
    engine = EmbeddedDiarizer(WeightSettings())
    parts: dict[str, list[dict[str, float]]] = defaultdict(list)
    composed = (
        (seed, meeting)
        for seed in seeds
        for meeting in meetings(
            chosen.data, people, (seed,), counts=COUNTS, conditions=("clean",), seconds=SECONDS
        )
    )
    for seed, meeting in composed:
        for title in chosen.only:
            with tempfile.TemporaryDirectory() as folder:
                made = diarized(engine, meeting, CONDITIONS[title], seed, Path(folder))
            parts[title].append(errors(meeting, made))
    rows = table_of(parts)
    lines = markdown_table(rows)
    print("\n".join(lines))
    if chosen.report:
        write_report(rows, lines, chosen.report)


def write_report(
    rows: Mapping[str, Mapping[str, float]], lines: Sequence[str], folder: Path
) -> None:
    """Write the table and its figures."""
    folder.mkdir(parents=True, exist_ok=True)
    head = "# Turns by participants' tracks\n\nMade by `python benchmarks/tracks.py DATA "
    text = f"{head}--report FOLDER`.\n\n{_PROTOCOL}\n\n" + "\n".join(lines) + "\n"
    (folder / "tracks.md").write_text(text, encoding="utf-8")
    (folder / "tracks.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


_PROTOCOL = (
    "Percent of the speech, no collar, overlap scored, names by the tracks. Minutes of three "
    "people whom nothing was chosen on, turns dealt from AMI's meetings."
)


if __name__ == "__main__":
    main()
