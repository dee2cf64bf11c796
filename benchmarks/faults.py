"""Try faults and count what they leave: `python benchmarks/faults.py [--n 60] [--seed 0]`.

Each fault strikes a run of synthetic engines over one short meeting in a child process; the same
command follows. Prints one line per kind of fault and the sum: rows lost, rows doubled, temporary
files and processes left, utterances that a reader saw without their recording, stages done again.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.flows.conftest import SYNTHETIC
from tests.material.faults import FAULTS, Bench, Outcome, ended, start_child
from tests.material.meetings import make_meeting
from tests.material.runs import annotate_plainly

TWO_RUNS = "two runs at once"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    os.environ["TONESCRIBE_PURPOSE"] = "evaluation"
    os.environ.update({f"TONESCRIBE_ENGINES__{job}": name for job, name in SYNTHETIC.items()})
    top = Path(tempfile.mkdtemp(prefix="faults-"))
    recordings = top / "recordings"
    recordings.mkdir()
    make_meeting(recordings / "weekly.mp4")
    os.environ["TONESCRIBE_CACHE"] = str(top / "cache")
    annotate_plainly(recordings, top / "undisturbed")
    names = [*(fault.name for fault in FAULTS), *[TWO_RUNS] * 5]
    order = random.Random(chosen.seed).sample(names, len(names))
    tried = [order[number % len(order)] for number in range(chosen.n)]
    found: defaultdict[str, list[Outcome]] = defaultdict(list)
    for number, name in enumerate(tried):
        bench = Bench(top / f"{number}", recordings, top / "undisturbed")
        outcome = attempt(bench, name)
        kind = " ".join(word for word in name.split() if not word.isdigit())
        found[kind].append(outcome)
        if not outcome.is_clean:
            print(f"{name}: {outcome} {bench.temporaries()}", flush=True)
        shutil.rmtree(top / f"{number}")
    print(f"{'fault':36} tried  lost doubled temporary loose repeated")
    for kind, outcomes in sorted(found.items()):
        print(f"{kind:36} {figures(outcomes)}")
    print(f"{'all':36} {figures([o for outcomes in found.values() for o in outcomes])}")
    shutil.rmtree(top)


def attempt(bench: Bench, name: str) -> Outcome:
    """Let one fault strike."""
    if name != TWO_RUNS:
        return bench.suffer(next(fault for fault in FAULTS if fault.name == name))
    children = [start_child(bench.run) for _ in range(2)]
    assert [ended(child) for child in children] == [0, 0]
    outcome = Outcome()
    bench.check(outcome)
    return outcome


def figures(outcomes: list[Outcome]) -> str:
    """Format one line of the table."""
    sums = [
        len(outcomes),
        sum(o.lost for o in outcomes),
        sum(o.doubled for o in outcomes),
        sum(o.temporaries for o in outcomes),
        sum(o.loose for o in outcomes),
        sum(len(o.repeated) for o in outcomes),
    ]
    widths = (5, 5, 7, 9, 5, 8)
    return " ".join(f"{value:{width}}" for value, width in zip(sums, widths, strict=True))


if __name__ == "__main__":
    main()
