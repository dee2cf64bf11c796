"""Compose meetings of talking faces with the truth: `python benchmarks/compose_meetings.py OUT`.

Each is OUT/NAME.mp4 with NAME.truth.json beside it and its true turns in OUT/rttm/NAME.rttm. Choose
limits on `--set tuning`, report on `--set report`: they share nobody.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from lab.meetings.captions import CAPTIONS, caption
from lab.meetings.compose import compose, recipes
from lab.meetings.people import people_of
from lab.meetings.render import write_meeting
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
                path = write_meeting(made, chosen.out)
                print(f"{path.name} {time.perf_counter() - begun:.1f} s", flush=True)
    except TonescribeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
