"""A DATASET folder or URL: its layout, and how one reads it."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from schemas.corrections import Correction
from schemas.emotions import EMOTIONS
from schemas.errors import SettingsError
from schemas.manifest import Manifest, read_stored
from schemas.overlay import ORIGINALS, overlaid
from schemas.tables import CORRECTIONS_SCHEMA, TABLES, Row, with_version

if TYPE_CHECKING:
    from datetime import date

    import duckdb
    import pandas
    import pyarrow
    import pyarrow.dataset

UNDATED = "undated"
MANIFESTS, QUARANTINE, PAGES = "manifests", "quarantine", "pages"
FORGOTTEN, LEASES, HANDED = "forgotten", "leases", "handed"
CORRECTED = "corrections"
"""Folders of a dataset beside those of its tables."""

_UTTERANCES = f"""
    select * replace (emotion::varchar as emotion),
           {", ".join(f"{field}::varchar as {name}" for field, name in ORIGINALS.items())},
           []::varchar[] as corrected
    from _utterances
"""  # noqa: S608 - names of our own columns
_WITH_CORRECTED = f"""
    {_UTTERANCES}
    anti join _corrected using (recording_id, utterance_index)
    union all by name select * replace (emotion::varchar as emotion) from _corrected
"""  # noqa: S608 - names of our own columns
"""The view `utterances`: as published, and the rows that reviewers corrected in their place."""

_MEANS = ", ".join(f"avg(scores.{name}) as {name}" for name in EMOTIONS)

VIEWS: dict[str, str] = {
    "words": """
        select recording_id, recording_title, meeting_date, utterance_index, speaker, speaker_name,
               emotion, word.word as word, word.start as "start", word."end" as "end",
               word.score as score
        from (select *, unnest(words) as word from utterances)
    """,
    "speakers": f"""
        select recording_id, speaker, any_value(speaker_name) as speaker_name,
               sum("end" - "start") as talk_seconds,
               sum("end" - "start") / sum(sum("end" - "start")) over (partition by recording_id)
                   as talk_share,
               count(*) as n_utterances,
               {_MEANS}
        from utterances group by recording_id, speaker
    """,  # noqa: S608 - names of our own classes
    "turns": """
        select recording_id, any_value(recording_title) as recording_title,
               any_value(meeting_date) as meeting_date, turn_index, speaker,
               any_value(speaker_name) as speaker_name, min("start") as "start",
               max("end") as "end", count(*) as n_utterances,
               string_agg(text, ' ' order by utterance_index) as text, avg(valence) as valence,
               avg(arousal) as arousal
        from (
            select *, sum(is_other) over (partition by recording_id order by utterance_index)
                as turn_index
            from (
                select *, (speaker is distinct from lag(speaker, 1, speaker) over
                    (partition by recording_id order by utterance_index))::int as is_other
                from utterances
            )
        )
        group by recording_id, turn_index, speaker
    """,
}
"""Views of `tonescribe query` that are derived from the tables."""


def table_path(table: str, day: "date | None", recording_id: str) -> str:
    """Return where a recording's rows lie; undated meetings are in the partition `undated`."""
    month = f"{day:%Y-%m}" if day else UNDATED
    return f"{table}/month={month}/{recording_id}.parquet"


def is_of_table(path: str, table: str) -> bool:
    """Tell whether a file of a dataset holds rows of a table."""
    return path.startswith(f"{table}/")


def manifest_path(recording_id: str) -> str:
    """Return where a recording's manifest lies."""
    return f"{MANIFESTS}/{recording_id}.json"


def quarantine_path(recording_id: str) -> str:
    """Return where the entry of a recording in quarantine lies."""
    return f"{QUARANTINE}/{recording_id}.json"


def forgotten_path(recording_id: str) -> str:
    """Return where it is remembered what of a recording must not come back."""
    return f"{FORGOTTEN}/{recording_id}.json"


def lease_path(key: str) -> str:
    """Return where the lease of a run on a recording lies while it works."""
    return f"{LEASES}/{key}.json"


def page_path(recording_id: str) -> str:
    """Return where a recording's review page lies."""
    return f"{PAGES}/{recording_id}.html"


class Dataset:
    """A DATASET behind fsspec; every path below is relative to its root.

    What is written to a private one on a disk nobody but its owner can read.
    """

    def __init__(self, location: str, *, create: bool = False, is_private: bool = False) -> None:
        import fsspec

        try:
            self.fs, self.root = fsspec.core.url_to_fs(location)
        except (ImportError, ValueError) as error:
            raise SettingsError(f"The dataset {location} cannot be opened: {error}.") from error
        self.location = location
        self.is_private = is_private
        self.is_local = "file" in self.fs.protocol
        if not create and not self.fs.exists(self.root):
            raise SettingsError(f"There is no dataset at {location}; run 'tonescribe annotate'.")

    def path(self, *parts: str) -> str:
        """Return the full path of a file inside the dataset."""
        return str(PurePosixPath(self.root, *parts))

    def prepare(self) -> None:
        """Make sure that one can write here, before any work; `SettingsError` where not."""
        probe = self.path(".writable")
        try:
            is_new = not self.fs.exists(self.root)
            self.fs.makedirs(self.root, exist_ok=True)
            if is_new and self.is_local and self.is_private:
                Path(self.root).chmod(0o700)
            self.fs.pipe_file(probe, b"")
            self.fs.rm_file(probe)
        except OSError as error:
            raise SettingsError(
                f"The dataset {self.location} cannot be written: {error.strerror or error}."
            ) from error

    def read_bytes(self, *parts: str) -> bytes | None:
        """Return a file's content, or None where there is no such file."""
        try:
            return bytes(self.fs.cat_file(self.path(*parts)))
        except FileNotFoundError:
            return None

    def list(self, folder: str, suffix: str) -> Iterator[str]:
        """Yield the paths inside a folder, relative to the root, in order."""
        top = self.path(folder)
        if not self.fs.exists(top):
            return
        for name in sorted(self.fs.find(top)):
            if name.endswith(suffix) and not PurePosixPath(name).name.startswith("."):
                yield str(PurePosixPath(name).relative_to(self.root))

    def arrow(self, table: str) -> "pyarrow.dataset.Dataset":
        """Open one table as a pyarrow dataset with the contract's schema."""
        import pyarrow.dataset as ds

        files = [self.path(name) for name in self._published(table)]
        if not files:
            return ds.dataset(with_version(TABLES[table]).empty_table())
        return ds.dataset(files, filesystem=self.fs, schema=TABLES[table], format="parquet")

    def _published(self, table: str) -> Iterator[str]:
        """Yield the files of a table that count.

        Those of a recording without a manifest are not published. Of a recording with several, as
        after a change of its month, the manifest says which.
        """
        manifests = {PurePosixPath(name).stem for name in self.list(MANIFESTS, ".json")}
        files: dict[str, list[str]] = {}
        for name in self.list(table, ".parquet"):
            files.setdefault(PurePosixPath(name).stem, []).append(name)
        for recording_id, names in files.items():
            if recording_id not in manifests:
                continue
            if len(names) > 1:
                content = self.read_bytes(manifest_path(recording_id)) or b"{}"
                listed = read_stored(Manifest, content, manifest_path(recording_id)).files
                names = [name for name in names if name in listed]
            yield from names

    def corrections(self, recording_id: str | None = None) -> tuple[Correction, ...]:
        """Return the corrections of all recordings or of one, in the order they were made."""
        import pyarrow.parquet as pq

        folder = f"{CORRECTED}/{recording_id}" if recording_id else CORRECTED
        contents = (self.read_bytes(name) for name in self.list(folder, ".parquet"))
        made = (
            Correction.from_row(row)
            for content in contents
            if content is not None
            for row in pq.read_table(io.BytesIO(content)).to_pylist()
        )
        every = {each.id: each for each in made}
        return tuple(sorted(every.values(), key=lambda each: each.when))

    def _corrected(self, corrections: Sequence[Correction]) -> "pyarrow.Table":
        """Return the utterances that corrections change, with what was published beside it."""
        import pyarrow as pa
        import pyarrow.dataset as ds

        of: dict[str, list[Correction]] = {}
        for each in corrections:
            of.setdefault(each.recording, []).append(each)
        wanted = ds.field("recording_id").isin(list(of))
        table = self.arrow("utterances").to_table(filter=wanted).sort_by("utterance_index")
        rows: dict[str, list[Row]] = {recording_id: [] for recording_id in of}
        for row in table.to_pylist():
            rows[row["recording_id"]].append(row)
        made = [
            row
            for recording_id, found in rows.items()
            for row in overlaid(found, of[recording_id])[0]
            if row["corrected"]
        ]
        schema = TABLES["utterances"]
        for name in ORIGINALS.values():
            schema = schema.append(pa.field(name, pa.string()))
        return pa.Table.from_pylist(
            made, schema=schema.append(pa.field("corrected", pa.list_(pa.string())))
        )

    @staticmethod
    def _as_table(corrections: Sequence[Correction]) -> "pyarrow.Table":
        import pyarrow as pa

        return pa.Table.from_pylist([c.as_row() for c in corrections], schema=CORRECTIONS_SCHEMA)

    def connect(self) -> "duckdb.DuckDBPyConnection":
        """Return a DuckDB connection with the tables and views of the contract."""
        import duckdb

        # DuckDB would fetch an extension from its server that a query needs
        connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        connection.register("_utterances", self.arrow("utterances"))
        corrections = self.corrections()
        connection.register("corrections", self._as_table(corrections))
        if corrections:
            connection.register("_corrected", self._corrected(corrections))
        utterances = _WITH_CORRECTED if corrections else _UTTERANCES
        connection.execute(f"create view utterances as {utterances}")
        for table in TABLES.keys() - {"utterances"}:
            connection.register(f"_{table}", self.arrow(table))
            connection.table(f"_{table}").create_view(table)
        for name, query in VIEWS.items():
            connection.execute(f"create view {name} as {query}")
        return connection

    def relation(self, table: str) -> "duckdb.DuckDBPyRelation":
        """Return a table or view as a DuckDB relation."""
        return self.connect().table(table)

    def pandas(self, table: str) -> "pandas.DataFrame":
        """Return a table or view as a pandas frame."""
        frame: pandas.DataFrame = self.relation(table).df()
        return frame


def open_dataset(location: str) -> Dataset:
    """Open a DATASET for reading; `SettingsError` where there is none."""
    return Dataset(location)
