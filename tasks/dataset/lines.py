"""Texts of a transcript as one line that no format takes for anything else."""

from schemas.tables import Row


def printable(text: str) -> str:
    """Return a text on one line without control characters, which a terminal would obey."""
    kept = (c if c.isprintable() else " " for c in text)
    return " ".join("".join(kept).split())


def as_words(row: Row) -> str:
    """Return the text of an utterance; `…` where it has no words."""
    return printable(row["text"] or "…")


def who(row: Row) -> str:
    """Return the name of the speaker, else the label."""
    return printable(row["speaker_name"] or row["speaker"])
