"""Text corpora as tables: Parquet with `text, label, lang, split`, one row a text."""

from collections.abc import Collection, Iterator
from pathlib import Path

from lab.corpora.text_rows import TextRow
from schemas.errors import InputError
from schemas.values import Json

_OPTIONAL = ("dialogue_id", "utterance_id", "speaker", "turn1", "turn2")


def table_rows(path: Path, corpus: str, languages: Collection[str]) -> Iterator[TextRow]:
    """Read a table's rows in some languages, in its order.

    Raises `InputError` where it is no Parquet table or has no such columns.
    """
    import pandas as pd
    import pyarrow.parquet as pq

    try:
        present = set(pq.read_schema(path).names)
        columns = ["text", "label", "lang", "split", *(c for c in _OPTIONAL if c in present)]
        found = pd.read_parquet(path, columns=columns, filters=[("lang", "in", list(languages))])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is no table of labelled texts: {error}.") from error
    found = found.dropna(subset=["text", "label"])
    for row in found.astype({"split": str, "lang": str}).to_dict("records"):
        yield _row(corpus, {str(column): value for column, value in row.items()})


def _row(corpus: str, row: Json) -> TextRow:
    dialogue, turn = row.get("dialogue_id"), row.get("utterance_id")
    if dialogue is not None and not str(dialogue).startswith(row["split"]):
        dialogue = f"{row['split']}_{dialogue}"
    return TextRow(
        text=row["text"],
        labels=tuple(str(row["label"]).split(",")),
        language=row["lang"],
        split=row["split"],
        speaker=str(row.get("speaker") or _turn_taker(corpus, turn)),
        dialogue=None if dialogue is None else str(dialogue),
        turn=None if turn is None else int(turn),
        context=(("A", row["turn1"]), ("B", row["turn2"])) if "turn1" in row else (),
    )


def _turn_taker(corpus: str, turn: int | None) -> str:
    """Two people take turns in DailyDialog, and the first speaks last in EmoContext."""
    if corpus == "emocontext":
        return "A"
    return "" if turn is None else "AB"[int(turn) % 2]
