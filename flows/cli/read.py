"""`tonescribe show`, `query` and `export`: read a dataset."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.dataset import Dataset, open_dataset
from schemas.emotions import EMOTIONS, FACTS
from schemas.errors import SettingsError
from schemas.names import name_key
from schemas.tables import Row
from schemas.values import clock
from tasks.dataset.corrections import corrected_utterances
from tasks.dataset.export import safe_cell
from tasks.dataset.lines import printable, who

if TYPE_CHECKING:
    import duckdb
    from rich.text import Text

UNSURE = "unsure"
BAR = 8
MOST_ROWS = 1000
"""Of a longer table the beginning and the end are shown, and that there is more."""
_WIDEST = 100_000
"""Letters in a line: a wide table wraps rather than hide columns."""


def show_transcript(
    location: str, recording: str | None, speaker: str | None, emotion: str | None
) -> None:
    """Print transcripts in colour; all recordings where none is named."""
    from rich.console import Console

    if emotion not in (None, UNSURE, *EMOTIONS):
        raise SettingsError(f"There is no emotion '{emotion}'; known are {', '.join(EMOTIONS)}.")
    dataset = open_dataset(location)
    console = Console()
    found = [
        (f, corrected_utterances(dataset, f["recording_id"]))
        for f in _recordings(dataset, recording)
    ]
    if speaker is not None:
        _refuse_unknown_speaker(speaker, [row for _, rows in found for row in rows])
    for facts, rows in found:
        title = f"{facts['title']}  {clock(facts['duration'])}  {facts['recording_id']}"
        console.rule(_plain(title), align="left")
        for row in rows:
            is_theirs = speaker is None or name_key(speaker) in _names(row)
            if is_theirs and emotion in (None, row["emotion"] or UNSURE):
                console.print(_line(row), soft_wrap=not console.is_terminal)
        if speaker is None and emotion is None:
            for line in _standing_out(dataset, facts["recording_id"], rows):
                console.print(line, soft_wrap=not console.is_terminal)


def _names(row: Row) -> set[str]:
    return {name_key(name) for name in (row["speaker"], row["speaker_name"]) if name}


def _refuse_unknown_speaker(speaker: str, rows: list[Row]) -> None:
    if any(name_key(speaker) in _names(row) for row in rows):
        return
    there = ", ".join(sorted({who(row) for row in rows})) or "nobody"
    raise SettingsError(f"There is no speaker '{speaker}'; there are {there}.")


def _plain(text: str) -> "Text":
    from rich.text import Text

    return Text(printable(text))


def _line(row: Row) -> "Text":
    from rich.text import Text

    emotion, confidence = row["emotion"], row["confidence"] or 0.0
    style = FACTS[emotion].style if emotion else "dim"
    filled = round(confidence * BAR)
    bar = "█" * filled + "░" * (BAR - filled)
    verdict = f"{emotion or UNSURE:<9} {bar} {confidence:>4.0%}" if emotion else f"{UNSURE:<23}"
    said = row["text"] if row["text"] is not None else "(no words)"
    return Text.assemble(
        (f"{clock(row['start']):>7}  ", "dim"),
        (f"{who(row)[:14]:<14} ", "bold"),
        (f"{verdict}  ", style),
        printable(said),
    )


def _standing_out(dataset: Dataset, recording_id: str, rows: Sequence[Row]) -> Iterator["Text"]:
    """Yield a title and a line per finding of `insights`, by the names that the rows have now."""
    import pyarrow.dataset as ds
    from rich.text import Text

    found = dataset.arrow("insights").to_table(filter=ds.field("recording_id") == recording_id)
    names = {row.get("original_speaker", row["speaker"]): who(row) for row in rows}
    names |= {row["speaker"]: who(row) for row in rows}
    if found.num_rows:
        yield Text("\nWhat stands out, as expressed:", style="dim")
    for each in found.sort_by("insight_index").to_pylist():
        about = ", ".join(printable(names.get(label, label)) for label in each["speakers"])
        time = f"{clock(each['start']):>7}  "
        yield Text.assemble((time, "dim"), (f"{about}: ", "bold"), each["sentence"])


def _recordings(dataset: Dataset, wanted: str | None) -> list[Row]:
    every: list[Row] = dataset.arrow("recordings").to_table().to_pylist()
    every.sort(key=lambda row: (str(row["meeting_date"]), row["title"]))
    if wanted is None:
        return every
    found = [r for r in every if r["title"] == wanted or r["recording_id"].startswith(wanted)]
    if not found:
        raise SettingsError(f"There is no recording '{wanted}' in {dataset.location}.")
    return found


def run_query(location: str, sql: str, output_format: str, *, unsafe: bool = False) -> None:
    """Print the result of a query; `SettingsError` for wrong SQL or format.

    A query sees the dataset and nothing else of this machine, unless it is `unsafe`.
    """
    import duckdb

    if output_format not in ("table", "csv", "json", "parquet"):
        raise SettingsError(
            f"There is no format '{output_format}'; known are table, csv, json, parquet."
        )
    dataset = open_dataset(location)
    connection = dataset.connect()
    if not unsafe:
        _confine(connection, dataset)
    try:
        statements = connection.extract_statements(sql)
        if [s.type for s in statements] != [duckdb.StatementType.SELECT]:
            raise SettingsError("Only one query that gives rows can be run, a SELECT.")
        _print_relation(connection.sql(sql), output_format)
    except duckdb.Error as error:
        raise SettingsError(f"The query is wrong: {_query_fault(error)}") from error


def _confine(connection: "duckdb.DuckDBPyConnection", dataset: Dataset) -> None:
    """Let a connection read the dataset and no other file, and no setting change that.

    The tables are read through Arrow, so that a dataset in a bucket needs no access by DuckDB.
    """
    if dataset.is_local:
        folder = str(Path(dataset.root).resolve()).replace("'", "''")
        connection.execute(f"set allowed_directories = ['{folder}/']")
    for rule in ("enable_external_access = false", "python_enable_replacements = false"):
        connection.execute(f"set {rule}")
    connection.execute("set lock_configuration = true")


def _query_fault(error: Exception) -> str:
    """Return DuckDB's error with its suggestion."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    hints = [line for line in lines[1:] if line.startswith(("Candidate", "Did you mean"))]
    if "disabled by configuration" in lines[0]:
        hints.append("A query reads the dataset alone; --unsafe lets it read other files.")
    first = lines[0] if lines[0].endswith((".", "!", "?")) else f"{lines[0]}."
    return " ".join([first, *hints])


def _print_relation(relation: "duckdb.DuckDBPyRelation", output_format: str) -> None:
    if output_format == "table":
        relation.show(max_rows=MOST_ROWS, max_width=_WIDEST)
    elif output_format == "csv":
        frame = relation.df()
        texts = frame.select_dtypes(include=["object", "string"]).columns
        frame[texts] = frame[texts].map(safe_cell)
        frame.to_csv(sys.stdout, index=False)
    elif output_format == "json":
        print(relation.df().to_json(orient="records", date_format="iso", force_ascii=False))  # noqa: T201
    else:
        import pyarrow.parquet as pq

        pq.write_table(relation.to_arrow_table(), sys.stdout.buffer)


def run_export(
    location: str,
    wanted: str | None,
    output_format: str,
    output: Path | None,
    *,
    every: bool = False,
) -> None:
    """Write one transcript in another format, or `every` one into the folder `output`."""
    from tasks.dataset.export import EXPORTERS, as_bytes, file_name

    if output_format not in EXPORTERS:
        known = ", ".join(sorted(EXPORTERS))
        raise SettingsError(f"There is no format '{output_format}'; known are {known}.")
    if every == (wanted is not None):
        raise SettingsError("Name one recording to export, or give --all.")
    dataset = open_dataset(location)
    found = _recordings(dataset, wanted)
    write = EXPORTERS[output_format]
    if every:
        folder = output or Path()
        _make(folder)
        for facts in found:
            content = as_bytes(
                write(facts, corrected_utterances(dataset, facts["recording_id"]), dataset)
            )
            _write(folder / file_name(facts, output_format), content)
        sys.stderr.write(f"{len(found)} recordings exported to {folder}\n")
        return
    if len(found) > 1:
        ids = ", ".join(row["recording_id"] for row in found)
        raise SettingsError(f"'{wanted}' names several recordings: {ids}; name one by its id.")
    content = as_bytes(
        write(found[0], corrected_utterances(dataset, found[0]["recording_id"]), dataset)
    )
    if output is None:
        sys.stdout.buffer.write(content)
    else:
        _write(output, content)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}.") from error


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{folder} cannot be made: {error.strerror}.") from error
