"""Emotion in text: the corpora, and their labelled texts in our classes.

A corpus is read from the layout that its authors publish or from a table of
`text, label, lang, split`. The official splits are kept; a corpus without one is cut in tenths
by its words. The previous utterances of a dialogue are a text's context.
"""

import itertools
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lab.corpora.labels import emotions_of
from lab.corpora.text_layouts import LAYOUTS, original_folder
from lab.corpora.text_rows import TextRow
from lab.corpora.text_tables import table_rows
from schemas.corpus import LabelledClip
from schemas.emotions import Emotion
from schemas.errors import InputError

TextSplit = Literal["train", "dev", "test"]

CONTEXT_UTTERANCES = 3
"""Previous utterances of a dialogue that a text is given."""


@dataclass(frozen=True)
class TextCorpus:
    """One corpus: its table, its languages, and how its training rows are capped per class.

    `at_most` holds back a corpus that would drown the others or speaks in a narrow style. Corpora
    of one `series` number their dialogues alike.
    """

    name: str
    table: str
    languages: tuple[str, ...] = ("en",)
    at_most: dict[Emotion, int] | int | None = None
    series: str | None = None

    def cap(self, emotion: Emotion) -> int | None:
        """Return the most rows of this class and a language that are trained on."""
        return self.at_most.get(emotion) if isinstance(self.at_most, dict) else self.at_most


TEXT_CORPORA: tuple[TextCorpus, ...] = (
    # Demszky et al. 2020, Reddit comments; several emotions to a text
    TextCorpus("goemotions", "goemotions.parquet", at_most={"neutral": 9_000}),
    # Poria et al. 2019, lines of a television series
    TextCorpus("meld", "meld_en.parquet", series="friends"),
    # Ghosh et al. 2023, the same lines in the official subtitles of other languages
    TextCorpus("mmeld", "mmeld_fr_es.parquet", ("fr", "es"), series="friends"),
    # Zahiri and Choi 2018, the same series
    TextCorpus("emorynlp", "emorynlp.parquet"),
    # Li et al. 2017, written everyday dialogues, translated by Liu et al. 2022; mostly neutral
    TextCorpus(
        "dailydialog",
        "dailydialog_en_de_it.parquet",
        ("en", "de", "it"),
        at_most={"neutral": 5_000, "happy": 4_000},
    ),
    # Plaza-del-Arco et al. 2020, tweets
    TextCorpus("emoevent", "emoevent.parquet", ("en", "es"), at_most={"neutral": 3_000}),
    # Öhman et al. 2020, film subtitles; several emotions to a line
    TextCorpus(
        "xed",
        "xed.parquet",
        ("en", "de", "fr", "it", "es"),
        at_most={"neutral": 3_000},
    ),
    # Muhammad et al. 2025, comments and posts; several emotions to a text
    TextCorpus("brighter", "brighter_semeval25.parquet", ("en", "de", "es")),
    # Sprugnoli 2020, comments on videos; several emotions to a text
    TextCorpus("multiemotions", "multiemotions_it.parquet", ("it",)),
    # Saravia et al. 2018, tweets labelled by their hashtags
    TextCorpus("dair", "dair_emotion.parquet", at_most=800),
    # Chatterjee et al. 2019, three turns of chat
    TextCorpus("emocontext", "emocontext.parquet", at_most=800),
    # Maas et al. 2011, reviews; good or bad alone
    TextCorpus("imdb", "imdb.parquet"),
)


def corpus_named(name: str) -> TextCorpus:
    """Return the corpus of that name; `InputError` where there is none."""
    for corpus in TEXT_CORPORA:
        if corpus.name == name:
            return corpus
    names = ", ".join(corpus.name for corpus in TEXT_CORPORA)
    raise InputError(f"There is no text corpus '{name}'; known are {names}.")


def is_there(folder: Path, corpus: TextCorpus) -> bool:
    """Whether the corpus lies in the folder, as a table or as its authors publish it."""
    return (folder / corpus.table).is_file() or original_folder(folder, corpus.name) is not None


def read_texts(
    folder: Path, corpus: TextCorpus, split: TextSplit, languages: Collection[str] = ("en",)
) -> list[LabelledClip]:
    """Read the rows of one split in some languages, those with no emotion of ours included.

    A clip's `emotion` is None where it has none or several; `emotions` are all of them. Raises
    `InputError` where the corpus is not in the folder or cannot be read.
    """
    original = original_folder(folder, corpus.name)
    rows: Iterator[TextRow]
    if (folder / corpus.table).is_file():
        rows = table_rows(folder / corpus.table, corpus.name, languages)
    elif original is not None:
        rows = LAYOUTS[corpus.name].read(original)
    else:
        raise InputError(
            f"There is no corpus {corpus.name} in {folder}; put {corpus.table} there, or its "
            f"files as published into {folder / corpus.name}."
        )
    chosen = [row for row in rows if row.language in languages and _split(row) == split]
    return [
        _clip(corpus, row, context)
        for run in _dialogues(chosen)
        for row, context in _with_context(run)
    ]


def _dialogues(rows: Sequence[TextRow]) -> Iterator[list[TextRow]]:
    for key, run in itertools.groupby(rows, lambda row: (row.language, row.dialogue)):
        if key[1] is None:
            yield from ([row] for row in run)
        else:
            yield sorted(run, key=lambda row: row.turn or 0)


def _with_context(
    run: Sequence[TextRow],
) -> Iterator[tuple[TextRow, tuple[tuple[str, str], ...]]]:
    for place, row in enumerate(run):
        before = run[max(0, place - CONTEXT_UTTERANCES) : place]
        yield row, row.context or tuple((said.speaker, said.text) for said in before)


def _clip(corpus: TextCorpus, row: TextRow, context: tuple[tuple[str, str], ...]) -> LabelledClip:
    emotions = emotions_of(corpus.name, row.labels)
    dialogue = None
    if row.dialogue is not None:
        dialogue = f"{corpus.series or corpus.name}/{row.dialogue}"
    return LabelledClip(
        corpus=corpus.name,
        text=row.text,
        label=",".join(row.labels),
        emotion=emotions[0] if len(emotions) == 1 else None,
        emotions=emotions,
        speaker=row.speaker,
        language=row.language,
        published_split=None if row.split == "none" else row.split,
        dialogue=dialogue,
        turn=row.turn,
        context=context,
    )


def _split(row: TextRow) -> str:
    """Return the published split, else one that depends on the words alone, or on the dialogue.

    So repeats fall on one side.
    """
    if row.split != "none":
        return row.split
    tenth = zlib.crc32((row.dialogue or fingerprint(row.text)).encode()) % 10
    return "test" if tenth == 0 else "dev" if tenth == 1 else "train"


def fingerprint(text: str) -> str:
    """Return the words of a text without case and punctuation."""
    return " ".join(re.findall(r"[^\W_]+", text.lower().replace("'", "").replace("’", "")))
