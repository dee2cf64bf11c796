"""Layouts of text corpora as published, and their readers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.corpora import text_comments, text_dialogues
from lab.corpora.text_rows import TextRow


@dataclass(frozen=True)
class Layout:
    """A pattern of files by which a corpus is known, and the reader of its folder."""

    known_by: str
    read: Callable[[Path], Iterator[TextRow]]


LAYOUTS: dict[str, Layout] = {
    "goemotions": Layout("emotions.txt", text_comments.read_goemotions),
    "meld": Layout("**/train_sent_emo.csv", text_dialogues.read_meld),
    "mmeld": Layout("**/*.csv", text_dialogues.read_mmeld),
    "emorynlp": Layout("**/emo*n*.[jc]s*", text_dialogues.read_emorynlp),
    "dailydialog": Layout("**/dialogues_*.txt", text_dialogues.read_dailydialog),
    "emoevent": Layout("**/e[ns]/*.tsv", text_comments.read_emoevent),
    "xed": Layout("AnnotatedData", text_comments.read_xed),
    "brighter": Layout("**/track_a", text_comments.read_brighter),
    "multiemotions": Layout("**/MultiEmotions-It.tsv", text_comments.read_multiemotions),
    "dair": Layout("*.txt", text_comments.read_dair),
    "emocontext": Layout("*.txt", text_dialogues.read_emocontext),
    "imdb": Layout("**/neg", text_comments.read_imdb),
}
"""Corpus -> its published layout, in the folder named like the corpus."""


def original_folder(folder: Path, corpus: str) -> Path | None:
    """Return a corpus' folder as published, `folder/corpus` or one of that name, or None."""
    place = folder if folder.name == corpus else folder / corpus
    return place if any(place.glob(LAYOUTS[corpus].known_by)) else None
