"""Take in what reviewers correct: one file more per recording and intake, never one less.

Files lie in `corrections/RECORDING/`: all of a recording's are found and forgotten together.
"""

import io
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

from schemas.corrections import Correction
from schemas.dataset import CORRECTED, Dataset
from schemas.errors import InputError
from schemas.overlay import overlaid
from schemas.tables import CORRECTIONS_SCHEMA, Row, with_version
from schemas.values import Value
from tasks.dataset.manifests import read_manifest
from tasks.dataset.store import remove, write_whole
from tasks.dataset.tombstones import is_forgotten


class TakenIn(Value):
    """What became of the corrections of one recording.

    `added` are new, `known` were there; `lost` are ids of those whose utterance is not there any
    more: they are kept. `refused` says why none was taken.
    """

    recording_id: str
    added: int = 0
    known: int = 0
    lost: tuple[str, ...] = ()
    refused: str | None = None


def take_in(dataset: Dataset, corrections: Sequence[Correction]) -> tuple[TakenIn, ...]:
    """Add corrections to a dataset; those that are there already are not added again."""
    of: dict[str, list[Correction]] = {}
    for each in corrections:
        of.setdefault(each.recording, []).append(each)
    return tuple(_take_in(dataset, recording_id, made) for recording_id, made in of.items())


def _take_in(dataset: Dataset, recording_id: str, made: Sequence[Correction]) -> TakenIn:
    if is_forgotten(dataset, recording_id):
        return TakenIn(recording_id=recording_id, refused="It was forgotten on request.")
    if read_manifest(dataset, recording_id) is None:
        return TakenIn(recording_id=recording_id, refused="The dataset does not have it.")
    before = {each.id for each in dataset.corrections(recording_id)}
    new = {each.id: each for each in made if each.id not in before}
    if new:
        ordered = sorted(new.values(), key=lambda each: each.when)
        name = f"{ordered[0].when:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}.parquet"
        write_whole(dataset, f"{CORRECTED}/{recording_id}/{name}", _as_bytes(ordered))
    _, lost = overlaid(utterances_of(dataset, recording_id), dataset.corrections(recording_id))
    known = len({each.id for each in made}) - len(new)
    return TakenIn(recording_id=recording_id, added=len(new), known=known, lost=tuple(lost))


def undoing(dataset: Dataset, wanted: str, who: str, when: datetime) -> Correction:
    """Return the correction that undoes another one; `wanted` is 8 or more digits of its id.

    Raises `InputError` where there is none, or several.
    """
    found = [each for each in dataset.corrections() if each.id.startswith(wanted)]
    if len(wanted) < _FEWEST_DIGITS or len(found) != 1:
        raise InputError(
            f"There is no single correction '{wanted}' in {dataset.location}; "
            "'tonescribe correct DATASET --list' prints their ids."
        )
    given = found[0].model_dump() | {"old": found[0].new, "new": found[0].old}
    facts = {"id": secrets.token_hex(16), "who": who, "when": when, "undoes": found[0].id}
    return Correction(**given | facts | {"note": None})


_FEWEST_DIGITS = 8


def utterances_of(dataset: Dataset, recording_id: str) -> list[Row]:
    """Return the published utterances of a recording, in order."""
    import pyarrow.dataset as ds

    table = dataset.arrow("utterances").to_table(filter=ds.field("recording_id") == recording_id)
    rows: list[Row] = table.sort_by("utterance_index").to_pylist()
    return rows


def corrected_utterances(dataset: Dataset, recording_id: str) -> list[Row]:
    """Return the utterances of a recording in order, as corrected."""
    rows = utterances_of(dataset, recording_id)
    corrections = dataset.corrections(recording_id)
    return overlaid(rows, corrections)[0] if corrections else rows


def remove_corrections(
    dataset: Dataset, recording_id: str, is_gone: Callable[[Correction], bool], *, dry_run: bool
) -> list[str]:
    """Take corrections out for good, because somebody is forgotten; return the files concerned."""
    import pyarrow.parquet as pq

    concerned = []
    for name in list(dataset.list(f"{CORRECTED}/{recording_id}", ".parquet")):
        content = dataset.read_bytes(name) or b""
        made = [Correction.from_row(r) for r in pq.read_table(io.BytesIO(content)).to_pylist()]
        kept = [each for each in made if not is_gone(each)]
        if len(kept) == len(made):
            continue
        concerned.append(name)
        if dry_run:
            continue
        if kept:
            write_whole(dataset, name, _as_bytes(kept))
        else:
            remove(dataset, name)
    return concerned


def _as_bytes(corrections: Sequence[Correction]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [each.as_row() for each in corrections]
    buffer = io.BytesIO()
    table = pa.Table.from_pylist(rows, schema=with_version(CORRECTIONS_SCHEMA))
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
