"""Write the dataset and the cache of `before_the_move` anew: `python -m tests.material.earlier`."""

import os
import shutil
from pathlib import Path

from tests.flows.conftest import SYNTHETIC
from tests.material.meetings import make_meeting

HOME = Path(__file__).parent / "before_the_move"


def main() -> None:
    os.environ |= {f"TONESCRIBE_ENGINES__{job}": name for job, name in SYNTHETIC.items()}
    os.environ |= {"TONESCRIBE_PURPOSE": "tests", "TONESCRIBE_CACHE": str(HOME / "cache")}
    from flows.batch import plan_batch, run_batch, run_plainly
    from flows.options import AnnotateOptions

    shutil.rmtree(HOME, ignore_errors=True)
    (HOME / "recordings").mkdir(parents=True)
    make_meeting(HOME / "recordings" / "weekly.mp4", size=(160, 90), fps=5.0)
    options = AnnotateOptions(source=str(HOME / "recordings"), out=str(HOME / "dataset"))
    run_batch(plan_batch(options), run_plainly)


if __name__ == "__main__":
    main()
