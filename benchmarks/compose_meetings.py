"""Compose meetings of talking faces with the truth: `python benchmarks/compose_meetings.py OUT`.

Each is OUT/NAME.mp4 with NAME.truth.json beside it and its true turns in OUT/rttm/NAME.rttm; with
`--tracks` all that is in OUT/NAME, with the folder `Audio Record`. Choose limits on `--set tuning`,
report on `--set report`: they share nobody.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from lab.meetings.captions import CAPTIONS, caption
from lab.meetings.compose import compose
from lab.meetings.people import people_of
from lab.meetings.recipes import recipes
from lab.meetings.render import write_meeting
from lab.meetings.tracks import write_tracks
from schemas.errors import TonescribeError


def main() -> int:
    """Write the meetings, a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--set", dest="people", choices=("tuning", "report"), default="tuning")
    parser.add_argument("--seed", type=int, nargs="+", default=[1])
    parser.add_argument("--layouts", nargs="*", default=[], help="layout, layout+condition, side*")
    parser.add_argument(
        "--captions", nargs="*", default=[], help=f"write NAME.vtt: {', '.join(CAPTIONS)}"
    )
    parser.add_argument("--tracks", action="store_true", help="sound per participant, as Zoom's")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/meeting"))
    chosen = parser.parse_args()
    try:
        wanted = recipes(chosen.layouts)
        people = people_of(chosen.data / "video", chosen.people)
        words = chosen.data / "ami_words.parquet"
        for seed in chosen.seed:
            for recipe in wanted:
                begun = time.perf_counter()
                made = compose(recipe, people, words, chosen.people, seed, chosen.seconds)
                if chosen.captions:
                    made = replace(made, truth=caption(made.truth, chosen.captions))
                folder = chosen.out / made.name if chosen.tracks else chosen.out
                path = write_meeting(made, folder)
                if chosen.tracks:
                    write_tracks(made, folder)
                print(f"{path.name} {time.perf_counter() - begun:.1f} s", flush=True)
    except TonescribeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
