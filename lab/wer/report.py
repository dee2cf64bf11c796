"""The report of a recogniser: `report.md`, `measures.json`, `files.csv`, `reliability.png`."""

import csv
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.measures.emotion import ReliabilityBin
from lab.reports.drawings import _BLUE, _GRAY, _ORANGE, _figure, _save
from lab.wer.alignment import Heard, Pair
from lab.wer.figures import N_WORD_BINS
from lab.wer.tables import FIGURES, to_tables, wrap
from schemas.values import clock

_WIDTH = 96
_MISSING = "*"
_UNSURE = "..."


def write_recognition_report(
    folder: Path,
    found: Mapping[str, Any],
    reliability: Sequence[ReliabilityBin],
    aligned: Mapping[str, Sequence[str]],
) -> None:
    """Write the report into a folder, which is made.

    `found` is what the flow returns, `aligned` recording -> lines of `side_by_side`. Raises
    `SettingsError` where matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1, ensure_ascii=False)
    (folder / "measures.json").write_text(text + "\n", encoding="utf-8")
    with (folder / "files.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["recording", *FIGURES])
        table.writerows([name, *map(f.get, FIGURES)] for name, f in found["files"].items())
    if reliability:
        draw_word_reliability(reliability, found["all"]["word_ece"], folder / "reliability.png")
    lines = _markdown(found, aligned, drawn=bool(reliability))
    (folder / "report.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def side_by_side(pairs: Sequence[Pair], heard: Sequence[Heard], threshold: float) -> list[str]:
    """What was said over what was heard, in lines of about a hundred characters, with their time.

    A missing word is `*`; an unsure one stands as `...`, as it is shown to a reader.
    """
    if not pairs:
        return ["Nothing was said, and nothing heard."]
    said = [pair.told.text if pair.told else _MISSING for pair in pairs]
    seen = [_shown(pair, heard, threshold) for pair in pairs]
    widths = [max(len(a), len(b)) for a, b in zip(said, seen, strict=True)]
    cells = ["".ljust(width) for width in widths]
    begins = wrap(cells, _WIDTH)
    lines = []
    for first, last in itertools.pairwise([*begins, len(pairs)]):
        for label, row in (("said", said), ("heard", seen)):
            words = " ".join(map(str.ljust, row[first:last], widths[first:last])).rstrip()
            lines.append(f"{_time(pairs[first])} {label:5} {words}")
        lines.append("")
    return lines[:-1]


def draw_word_reliability(bins: Sequence[ReliabilityBin], ece: float, path: Path) -> None:
    """Draw how often words are right against their score; the diagonal is a perfect calibration."""
    figure, axes = _figure(f"Confidence of words: calibration error {ece:.3f}")
    low = [found.low for found in bins]
    accuracy = [found.accuracy for found in bins]
    axes.bar(low, accuracy, width=1 / N_WORD_BINS, align="edge", color=_BLUE, edgecolor="white")
    axes.plot([0, 1], [0, 1], color=_GRAY, linestyle="--", label="as sure as right")
    axes.scatter(
        [found.confidence for found in bins],
        accuracy,
        s=[20 + 400 * found.share for found in bins],
        color=_ORANGE,
        edgecolor="black",
        zorder=3,
        label="mean of a bin, larger for more words",
    )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="score", ylabel="share of words that are right")
    axes.legend(loc="upper left", fontsize=8)
    _save(figure, path)


def _markdown(
    found: Mapping[str, Any], aligned: Mapping[str, Sequence[str]], *, drawn: bool
) -> list[str]:
    lines = [f"# Words by {found['engine']} on {found['data']}", ""]
    lines += [f"**{sentence}**\n" for sentence in found.get("warnings", ())]
    lines += [
        f"Turns by {found['segments']}; words under a score of {found['min_word_confidence']:g} "
        "are not kept. All texts went through Whisper's English normaliser; rates in all are of "
        "summed words.",
        "",
        *to_tables(found),
    ]
    if drawn:
        lines += ["", "## Calibration of word confidence", "", "![reliability](reliability.png)"]
    for name, rows in aligned.items():
        lines += ["", f"## {name}", "", "```", *rows, "```"]
    return lines


def _shown(pair: Pair, heard: Sequence[Heard], threshold: float) -> str:
    if pair.heard is None:
        return _MISSING
    return pair.heard.text if heard[pair.heard.source].is_kept(threshold) else _UNSURE


def _time(pair: Pair) -> str:
    token = pair.told or pair.heard
    return clock(token.time if token else 0.0).rjust(7)
