"""Figures of a recogniser as lines and tables: for the terminal and for markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

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
    "n_heard": ("words heard", "{:d}"),
    "words_kept": ("words kept", "{:.3f}"),
    "precision_of_kept_words": ("precision of kept words", "{:.3f}"),
    "wer_of_kept_words": ("WER of kept words", "{:.3f}"),
    "word_ece": ("calibration error of words", "{:.3f}"),
    "audio_seconds": ("seconds of sound", "{:.1f}"),
    "realtime_factor": ("real-time factor", "{:.1f}"),
}
"""Field of `RecognitionFigures` -> its name and how it is written, in the order of telling."""

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


def to_text(found: Mapping[str, Any]) -> str:
    """What `evaluate words` found, as lines to read: all recordings, then a row for each."""
    rows = [["recording", *COLUMNS.values()], *rows_of(found["files"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    facts = f"{found['engine']} on {found['data']}, turns by {found['segments']}"
    lines = [f"{name} {value}" for name, value in named(found["all"]).items()]
    return "\n".join([facts, *lines, "", *table])


def to_tables(found: Mapping[str, Any]) -> list[str]:
    """The same as lines of markdown: a table of all recordings, and a row for each."""
    short = ["recording", *COLUMNS.values()]
    return [
        "| figure | in all |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in named(found["all"]).items()),
        "",
        f"| {' | '.join(short)} |",
        "|---" * len(short) + "|",
        *(f"| {' | '.join(row)} |" for row in rows_of(found["files"])),
    ]


def named(figures: Mapping[str, Any]) -> dict[str, str]:
    """Every figure by its name; "-" where there was nothing to measure."""
    return {name: written(figures, field) for field, (name, _) in FIGURES.items()}


def rows_of(files: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """A row of `COLUMNS` for each recording, behind its name."""
    return [
        [name, *(written(figures, field) for field in COLUMNS)] for name, figures in files.items()
    ]


def written(figures: Mapping[str, Any], field: str) -> str:
    """One figure as it is written."""
    value = figures[field]
    return "-" if value is None else FIGURES[field][1].format(value)


def wrap(cells: Sequence[str], width: int, apart: int = 1) -> list[int]:
    """Numbers of the cells that begin a line, where a line holds `width` characters."""
    begins, used = [0], 0
    for number, cell in enumerate(cells):
        if used and used + len(cell) > width:
            begins.append(number)
            used = 0
        used += len(cell) + apart
    return begins
