"""The report of a recogniser: its figures, a row per recording, reference beside hypothesis."""

import csv
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.measures.emotion import ReliabilityBin
from lab.reports.document import Drawing, Report, Section, Table
from lab.reports.drawings import draw_reliability_of
from lab.wer.alignment import HypothesisWord, Pair
from lab.wer.figures import N_WORD_BINS
from schemas.values import Json, clock

FIGURES: Mapping[str, tuple[str, str]] = {
    "n_words": ("words", "{:d}"),
    "wer": ("WER", "{:.3f}"),
    "substitutions": ("substitutions", "{:d}"),
    "insertions": ("insertions", "{:d}"),
    "deletions": ("deletions", "{:d}"),
    "cer": ("CER", "{:.3f}"),
    "cp_wer": ("cpWER", "{:.3f}"),
    "mimo_wer": ("MIMO-WER", "{:.3f}"),
    "insertions_on_silence": ("insertions on silence per hour", "{:.1f}"),
    "kept_insertions_on_silence": ("of them kept", "{:.1f}"),
    "silence_seconds": ("seconds of silence", "{:.1f}"),
    "n_heard": ("words recognised", "{:d}"),
    "words_kept": ("words kept", "{:.3f}"),
    "precision_of_kept_words": ("precision of kept words", "{:.3f}"),
    "wer_of_kept_words": ("WER of kept words", "{:.3f}"),
    "word_ece": ("calibration error of words", "{:.3f}"),
    "audio_seconds": ("seconds of sound", "{:.1f}"),
    "realtime_factor": ("real-time factor", "{:.1f}"),
}
"""Field of `RecognitionFigures` -> its name and format, in the order of a report."""

COLUMNS: Mapping[str, str] = {
    "n_words": "words",
    "wer": "WER",
    "substitutions": "sub",
    "insertions": "ins",
    "deletions": "del",
    "cer": "CER",
    "cp_wer": "cpWER",
    "mimo_wer": "MIMO",
    "insertions_on_silence": "silence/h",
    "words_kept": "kept",
    "precision_of_kept_words": "precision",
    "word_ece": "ECE",
    "realtime_factor": "speed",
}
"""The fields of a recording's row, with short names."""

_WIDTH = 96
_MISSING = "*"
_UNSURE = "..."


def report_of(
    found: Json,
    reliability: Sequence[ReliabilityBin] = (),
    aligned: Mapping[str, Sequence[str]] | None = None,
    drawn_in: Path | None = None,
) -> Report:
    """Return the report of what `evaluate words` found.

    `aligned` maps a recording to the lines of `side_by_side`. With a folder, which exists, the
    calibration of words is drawn there. Raises `SettingsError` where matplotlib is not installed.
    """
    sections = [
        Section("", tables=[_in_all(found["all"])]),
        Section("By recording", tables=[_by_recording(found["files"])]),
    ]
    if reliability and drawn_in is not None:
        path = drawn_in / "reliability.png"
        says = f"Share of right words by score: calibration error {found['all']['word_ece']:.3f}."
        draw_reliability_of(reliability, N_WORD_BINS, says, path)
        sections.append(Section("Calibration of word confidence", drawings=[Drawing(says, path)]))
    sections += [
        Section(name, lines=rows, is_detail=True) for name, rows in (aligned or {}).items()
    ]
    return Report(
        f"Words by {found['engine']} on {found['data']}",
        sections,
        found,
        {
            "turns": found["segments"],
            "words_kept": f"from a score of {found['min_word_confidence']:g}",
        },
        found.get("warnings", ()),
        "Texts went through Whisper's normaliser of their language; rates in all are of summed "
        "words.",
    )


def write_files(folder: Path, files: Mapping[str, Json]) -> None:
    """Write `files.csv`: all figures of each recording, for spreadsheets."""
    with (folder / "files.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["recording", *FIGURES])
        table.writerows([name, *map(found.get, FIGURES)] for name, found in files.items())


def side_by_side(
    pairs: Sequence[Pair], hypothesis: Sequence[HypothesisWord], threshold: float
) -> list[str]:
    """Return the reference over the hypothesis, in lines of about a hundred characters, timed.

    A missing word is `*`; an unsure one stands as `...`, as it is shown to a reader.
    """
    if not pairs:
        return ["No word in the reference, and none recognised."]
    ref = [pair.reference.text if pair.reference else _MISSING for pair in pairs]
    hyp = [_shown(pair, hypothesis, threshold) for pair in pairs]
    widths = [max(len(a), len(b)) for a, b in zip(ref, hyp, strict=True)]
    lines = []
    for first, last in itertools.pairwise([*_line_starts(widths), len(pairs)]):
        for label, row in (("ref", ref), ("hyp", hyp)):
            words = " ".join(map(str.ljust, row[first:last], widths[first:last])).rstrip()
            lines.append(f"{_time(pairs[first])} {label} {words}")
        lines.append("")
    return lines[:-1]


def _line_starts(widths: Sequence[int]) -> list[int]:
    """Return the numbers of the cells that begin a line of `_WIDTH` characters."""
    begins, used = [0], 0
    for number, width in enumerate(widths):
        if used and used + width > _WIDTH:
            begins.append(number)
            used = 0
        used += width + 1
    return begins


def _in_all(figures: Json) -> Table:
    rows = [[name, _written(figures, field)] for field, (name, _) in FIGURES.items()]
    return Table(("figure", "in all"), rows)


def _by_recording(files: Mapping[str, Json]) -> Table:
    rows = [
        [name, *(_written(figures, field) for field in COLUMNS)] for name, figures in files.items()
    ]
    return Table(("recording", *COLUMNS.values()), rows)


def _written(figures: Json, field: str) -> str:
    """Return one figure as it is written; "-" where there was nothing to measure."""
    value = figures[field]
    return "-" if value is None else FIGURES[field][1].format(value)


def _shown(pair: Pair, hypothesis: Sequence[HypothesisWord], threshold: float) -> str:
    if pair.hypothesis is None:
        return _MISSING
    return (
        pair.hypothesis.text if hypothesis[pair.hypothesis.source].is_kept(threshold) else _UNSURE
    )


def _time(pair: Pair) -> str:
    token = pair.reference or pair.hypothesis
    return clock(token.time if token else 0.0).rjust(7)
