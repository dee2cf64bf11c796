"""Forget a person in every recording of a dataset in which they are certain.

What stays is what stays of somebody who did not consent: times. Other people's words are theirs,
also where they speak of somebody. The manifest is written last, and what is done is safe to do
again.
"""

import io
import json
import re
from collections.abc import Iterable
from typing import Any

from schemas.consent import NOT_SHOWN, name_digest
from schemas.corrections import Correction
from schemas.dataset import (
    MANIFESTS,
    QUARANTINE,
    Dataset,
    is_of_table,
    manifest_path,
    page_path,
)
from schemas.errors import SettingsError
from schemas.manifest import Manifest, QuarantineEntry
from schemas.names import name_key
from schemas.overlay import overlaid
from schemas.tables import TABLES, Row
from tasks.dataset.corrections import remove_corrections
from tasks.dataset.forget import Forgotten, exports_of, strays
from tasks.dataset.index import remove_index
from tasks.dataset.insights import insight_rows
from tasks.dataset.manifests import all_manifests, write_manifest
from tasks.dataset.page_data import names_in_data
from tasks.dataset.quarantine import all_quarantined
from tasks.dataset.refresh import draw_page
from tasks.dataset.rows import parquet_bytes
from tasks.dataset.store import remove, write_whole
from tasks.dataset.tombstones import bury
from tasks.dataset.traces import (
    ADDRESSES,
    WORDS,
    all_files,
    is_of_layout,
    names_in,
    texts_of,
    whole_text,
)

_NAME_COLUMNS = ("speaker_name", "participant_name")
_LABEL_COLUMNS = ("speaker", "participant")
_KEPT = frozenset(
    (
        *("recording_id", "recording_title", "meeting_date", "utterance_index", "start", "end"),
        *("speaker", "speaker_confidence", "overlap_ratio", "models"),
    )
)
"""Columns of an utterance that stay of somebody who did not consent."""

_NAMING_PART = re.compile(
    r'<(?:h1|text x="-145"|p class="note"|li class="note"|span class="who)[^>]*>([^<]*)<'
    r"|<title>([^<]*) · tonescribe<"
)
"""Where the markup of a page names people, also of pages of before they carried data."""

_DATA_OF_PAGE = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)
_ABOUT_WORDS = frozenset({"asr_suspect", "no_words", "other_language", "no_face", "face_unsure"})


def forget_speaker(dataset: Dataset, name: str, *, dry_run: bool = False) -> Forgotten:
    """Show nothing more of a person by a name, in every recording in which it is certain.

    Rows of voices without a name go with them there, and of those whose name is a part of theirs:
    they could be theirs. Raises `SettingsError` where nobody has the name.
    """
    if not name_key(name):
        raise SettingsError("The name is empty; give it as 'tonescribe show' prints it.")
    manifests = [m for m in all_manifests(dataset) if _speaks_in(dataset, m, name)]
    if not manifests:
        raise SettingsError(
            f"Nobody is called '{name}' in {dataset.location}; give the name as it is shown."
        )
    ids = [manifest.recording_id for manifest in manifests]
    exports = [
        *exports_of(dataset, ids),
        *(path for path in strays(dataset) if names_in(whole_text(dataset, path), name)),
    ]
    rewritten: list[str] = []
    rows = 0
    for manifest in manifests:
        changed, count = _hide(dataset, manifest, name)
        rows += count
        rewritten += [*changed, manifest_path(manifest.recording_id)]
        rewritten += _forget_corrections(dataset, manifest, changed, name, dry_run=dry_run)
        if not dry_run:
            bury(dataset, manifest.recording_id, name)
            _write(dataset, manifest, changed, name)
    rewritten += _tidy_quarantine(dataset, name, dry_run=dry_run)
    if not dry_run:
        for path in exports:
            remove(dataset, path)
        remove_index(dataset)
    return Forgotten(
        recordings=tuple(ids),
        removed=tuple(sorted(set(exports))),
        rewritten=tuple(rewritten),
        rows=rows,
        addresses=sum(names_in(s.uri, name) for m in manifests for s in m.sources),
        mentions=_mentions(dataset, name),
    )


def traces_of_speaker(dataset: Dataset, name: str) -> list[str]:
    """Return the files that hold a name otherwise than in an address or in what others said."""
    found = []
    for path in all_files(dataset):
        texts: Iterable[str]
        if is_of_layout(path):
            texts = (t for f, t in texts_of(dataset, path) if f not in ADDRESSES | WORDS)
        elif path.startswith((f"{MANIFESTS}/", f"{QUARANTINE}/")):
            texts = [_without_addresses(dataset, path)]
        elif path.endswith(".html"):
            texts = _names_of_page(whole_text(dataset, path))
        else:
            texts = (text for _, text in texts_of(dataset, path))
        if any(names_in(text, name) for text in texts):
            found.append(path)
    return found


def _read(dataset: Dataset, path: str) -> list[Row]:
    content = dataset.read_bytes(path)
    return _parsed(content) if content else []


def _parsed(content: bytes) -> list[Row]:
    import pyarrow.parquet as pq

    rows: list[Row] = pq.read_table(io.BytesIO(content)).to_pylist()
    return rows


def _tables_of(manifest: Manifest) -> dict[str, str]:
    """Return the table of each file of rows."""
    return {f: table for f in manifest.files for table in TABLES if is_of_table(f, table)}


def _speaks_in(dataset: Dataset, manifest: Manifest, name: str) -> bool:
    return bool(_named_by_corrections(dataset, manifest, name)) or any(
        name_key(str(row.get(column) or "")) == name_key(name)
        for path in _tables_of(manifest)
        for row in _read(dataset, path)
        for column in _NAME_COLUMNS
    )


def _named_by_corrections(dataset: Dataset, manifest: Manifest, name: str) -> set[str]:
    """Return the published labels of those to whom reviewers gave a name."""
    corrections = dataset.corrections(manifest.recording_id)
    if not corrections:
        return set()
    rows = [
        row
        for path, table in _tables_of(manifest).items()
        if table == "utterances"
        for row in _read(dataset, path)
    ]
    return {
        str(row["original_speaker"])
        for row in overlaid(rows, corrections)[0]
        if name_key(row["speaker_name"] or "") == name_key(name)
    }


def _could_be(row: Row, name: str, labels: set[str]) -> bool:
    """Whether a row could be of somebody: by name, by a part of it, or without any name."""
    names = [row[column] for column in _NAME_COLUMNS if column in row]
    if any(row.get(column) in labels for column in _LABEL_COLUMNS):
        return True
    if not names:
        return False
    wanted = set(name_key(name).split())
    return any(
        other is None
        or set(name_key(other).split()) <= wanted
        or wanted <= set(name_key(other).split())
        for other in names
    )


def _hide(dataset: Dataset, manifest: Manifest, name: str) -> tuple[dict[str, bytes], int]:
    """Return the new content of a recording's tables, and how many rows are not shown now.

    Utterances stay with their times; rows of every other table that are of that person go.
    """
    tables = _tables_of(manifest)
    rows = {path: _read(dataset, path) for path in tables}
    labels = _named_by_corrections(dataset, manifest, name) | {
        str(row["speaker"])
        for found in rows.values()
        for row in found
        if name_key(str(row.get("speaker_name") or "")) == name_key(name)
    }
    changed: dict[str, bytes] = {}
    left: dict[str, list[Row]] = {}
    count = 0
    for path, table in tables.items():
        made: list[Row] = []
        for row in rows[path]:
            row = _untitled(row, name, manifest.recording_id)
            if not _could_be(row, name, labels):
                made.append(row)
            elif table == "utterances":
                count += "no_consent" not in row["flags"]
                made.append(_not_shown(row))
            else:
                count += 1
        left[table] = made
        changed[path] = parquet_bytes(table, made)
    for path, table in tables.items():
        if table == "insights":  # made of the others
            found = insight_rows(left["utterances"], left["reactions"])
            changed[path] = parquet_bytes(table, found)
    return changed, count


def _forget_corrections(
    dataset: Dataset, manifest: Manifest, changed: dict[str, bytes], name: str, *, dry_run: bool
) -> list[str]:
    """Take out corrections that hold a name, or are about what is not shown now."""
    path = next(f for f, table in _tables_of(manifest).items() if table == "utterances")
    rows = [row for row in _parsed(changed[path]) if "no_consent" in row["flags"]]
    hidden = {row["utterance_index"] for row in rows}
    labels = {row["speaker"] for row in rows}

    def is_gone(each: Correction) -> bool:
        texts = (each.who, each.old, each.new, each.note, each.speaker)
        is_named = any(names_in(text, name) for text in texts if text)
        return is_named or each.utterance in hidden or each.speaker in labels

    return remove_corrections(dataset, manifest.recording_id, is_gone, dry_run=dry_run)


def _untitled(row: Row, name: str, recording_id: str) -> Row:
    """Return a row whose title is no longer somebody's name."""
    titles = {
        column: recording_id
        for column in ("title", "recording_title")
        if names_in(str(row.get(column) or ""), name)
    }
    return row | titles


def _not_shown(row: Row) -> Row:
    """Keep the times of somebody who did not consent, and nothing else."""
    flags = {*row["flags"]} - _ABOUT_WORDS | {"no_consent"}
    hidden: dict[str, Any] = {
        column.name: None for column in TABLES["utterances"] if column.name not in _KEPT
    }
    stated = {
        "speaker_name": NOT_SHOWN,
        "text": NOT_SHOWN,
        "words": [],
        "face_coverage": 0.0,
        "flags": sorted(flags),
    }
    return row | hidden | stated


def _write(dataset: Dataset, manifest: Manifest, changed: dict[str, bytes], name: str) -> None:
    """Write a recording's tables, its page from them, and its manifest last."""
    digests = {path: write_whole(dataset, path, content) for path, content in changed.items()}
    digest = name_digest(manifest.recording_id, name)
    sources = tuple(
        source.model_copy(
            update={
                "restrictions": source.restrictions.model_copy(
                    update={"refused": tuple(sorted({*source.restrictions.refused, digest}))}
                )
            }
        )
        for source in manifest.sources
    )
    is_named = names_in(manifest.title, name)
    note = manifest.purpose_note
    update: dict[str, Any] = {
        "title": manifest.recording_id if is_named else manifest.title,
        "purpose_note": None if note and names_in(note, name) else note,
        "sources": sources,
    }
    page = draw_page(dataset, manifest, lambda text: names_in(text, name))
    path = page_path(manifest.recording_id)
    files = manifest.files | digests | {path: write_whole(dataset, path, page)}
    notes = tuple(note for note in manifest.notes or () if not names_in(note, name))
    write_manifest(dataset, manifest.model_copy(update=update | {"files": files, "notes": notes}))


def _tidy_quarantine(dataset: Dataset, name: str, *, dry_run: bool) -> list[str]:
    """Take a name out of the sentences in quarantine; return the entries that held it."""
    found = []
    for entry in all_quarantined(dataset):
        path = f"{QUARANTINE}/{entry.recording_id}.json"
        if not names_in(entry.sentence, name):
            continue
        found.append(path)
        if not dry_run:
            tidy = entry.model_copy(update={"sentence": f"It failed in the stage {entry.stage}."})
            write_whole(dataset, path, tidy.model_dump_json(indent=2).encode())
    return found


def _mentions(dataset: Dataset, name: str) -> int:
    """Count other people's utterances that hold a name."""
    column = dataset.arrow("utterances").to_table(["text"]).to_pylist()
    return sum(names_in(row["text"] or "", name) for row in column)


def _without_addresses(dataset: Dataset, path: str) -> str:
    content = dataset.read_bytes(path) or b""
    kind = Manifest if path.startswith(f"{MANIFESTS}/") else QuarantineEntry
    stored = kind.model_validate_json(content)
    bare = tuple(source.model_copy(update={"uri": ""}) for source in stored.sources)
    return str(stored.model_copy(update={"sources": bare}).model_dump_json())


def _names_of_page(page: str) -> list[str]:
    """Return the parts of a page that name people: its title, notes, speakers and listeners."""
    named = [text for found in _NAMING_PART.findall(page) for text in found]
    for data in _DATA_OF_PAGE.findall(page):
        named += names_in_data(json.loads(data))
    return named
