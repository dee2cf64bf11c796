"""Fit whose face is the speaker's: `python benchmarks/fit_speaking.py FOLDER`.

FOLDER holds composed meetings of the tuning set (`benchmarks/compose_meetings.py`). Writes
`models/weights/active_speaker.json`.
"""

import argparse
from pathlib import Path

from lab.meetings.speaking import fit_speaking, label_meetings, write_weights
from models.faces.speaking import SHIPPED_SPEAKING
from schemas.settings import Settings


def main() -> None:
    """Watch the meetings, fit, write, say what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=SHIPPED_SPEAKING)
    chosen = parser.parse_args()
    meetings = label_meetings(chosen.folder, Settings(purpose="evaluation"))
    weights = fit_speaking(meetings)
    write_weights(weights, chosen.out, meetings)
    print(f"{chosen.out}: {weights}")


if __name__ == "__main__":
    main()
