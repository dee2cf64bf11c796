"""The report of `evaluate attribution`: faces by layout, names, calibration, contact sheet."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.reports.document import Drawing, Report, Section, Table
from schemas.values import Json

_COLUMNS: Mapping[str, str] = {
    "n": "utterances",
    "right_face": "right face",
    "wrong_face": "wrong face",
    "no_face": "no face",
    "n_absent": "speaker not shown",
    "false_face": "given a false face",
    "right_speaker": "right speaker",
    "right_name": "right name",
    "wrong_name": "wrong name",
    "unknown_name": "unknown",
}
_TITLES: Mapping[str, str] = {
    "layout": "By layout, without conditions",
    "tiles": "By number of tiles, without conditions",
    "condition": "By condition",
    "speaker is": "By how the speaker is shown",
    "meeting": "By meeting",
}
_CAPTION = (
    "Percent. Right, wrong and no face are of utterances whose speaker's live face is on the "
    "screen for half of them at least; a false face is of all others. Names are of words, of "
    "seconds where there are no captions; no name and the name of a room are unknown."
)
_FOOTER = (
    "Listeners of composed meetings are the same people silent, played forth and back: nobody "
    "swallows, laughs or talks to somebody beside them, and what they do repeats. Of a gallery's "
    "tiles, those beyond the people of the set are the same people mirrored, in other colours."
)


def report_of(found: Json, sheet: Path | None = None) -> Report:
    """Return the report of what `evaluate attribution` found, with its contact sheet."""
    sections = [Section("", tables=[_table("", {"in all": found["all"]}, _CAPTION)])]
    sections += [
        Section(_TITLES[kind], tables=[_table(kind, found["by"][kind])])
        for kind in _TITLES
        if kind in found["by"]
    ]
    sections.append(Section("Calibration", tables=[_calibration(found["calibration"])]))
    if sheet is not None:
        says = "Crops used per speaker: green are right, red wrong, gray ones have no true face."
        sections.append(Section("Contact sheet", drawings=[Drawing(says, sheet)]))
    return Report(
        f"Faces and names on {found['data']}",
        sections,
        found,
        {
            "turns": found["turns"],
            "meetings": found["meetings"],
            "people": ", ".join(found["people"]),
            "engines": ", ".join(found["engines"]),
        },
        found.get("warnings", ()),
        _FOOTER,
    )


def _table(kind: str, rows: Mapping[str, Json], caption: str = "") -> Table:
    names = any(row["right_name"] or row["wrong_name"] for row in rows.values())
    fields = [field for field in _COLUMNS if names or not field.endswith("_name")]
    cells = [[title, *(_cell(row[field]) for field in fields)] for title, row in rows.items()]
    return Table((kind, *(_COLUMNS[field] for field in fields)), cells, caption)


def _calibration(rows: Mapping[str, Json]) -> Table:
    cells = [
        [title, str(row["n"]), _number(row["ece"]), str(row["sure"]), _cell(row["sure_right"])]
        for title, row in rows.items()
    ]
    columns: Sequence[str] = ("confidence of", "n", "ECE", "of .9 or more", "of them right")
    return Table(columns, cells)


def _cell(value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{100 * value:.1f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
