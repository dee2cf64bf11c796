"""Emotion in English text: the corpora, their labels in our classes, and a mix to train on.

Only rows with a single emotion of ours are kept; the official splits are kept too. MELD and
EmoryNLP are both from one television series, so EmoryNLP is neither trained on nor reported.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from schemas.corpus import LabelledClip
from schemas.emotions import Emotion
from schemas.errors import InputError

TextSplit = Literal["train", "dev", "test"]


@dataclass(frozen=True)
class TextCorpus:
    """One corpus: its table, the column of its label, and what its labels mean here.

    A label that the map does not name is dropped. `at_most` caps the training rows per class,
    where a corpus would drown the others or speaks in a narrow style.
    """

    name: str
    table: str
    labels: dict[str, Emotion]
    column: str = "label"
    at_most: dict[Emotion, int] | int | None = None
    split_in_ten: bool = False

    def cap(self, emotion: Emotion) -> int | None:
        """The most rows of this class that are trained on."""
        return self.at_most.get(emotion) if isinstance(self.at_most, dict) else self.at_most


_EKMAN: dict[str, Emotion] = {
    "neutral": "neutral",
    "joy": "happy",
    "sadness": "sad",
    "anger": "angry",
    "fear": "fearful",
    "disgust": "disgust",
    "surprise": "surprised",
}

TEXT_CORPORA: tuple[TextCorpus, ...] = (
    # Demszky et al. 2020, Reddit comments, the paper's own grouping of 27 labels
    TextCorpus("goemotions", "goemotions.parquet", _EKMAN, column="ekman"),
    # Poria et al. 2019, lines of a television series
    TextCorpus("meld", "meld_en.parquet", _EKMAN),
    # Li et al. 2017, written everyday dialogues; four of five are neutral
    TextCorpus(
        "dailydialog",
        "dailydialog_en_de_it.parquet",
        _EKMAN | {"happiness": "happy"},
        at_most={"neutral": 10_000},
    ),
    # Plaza-del-Arco et al. 2020, tweets; "others" mixes neutral with other emotions
    TextCorpus("emoevent", "emoevent.parquet", _EKMAN),
    # Öhman et al. 2020, film subtitles; anticipation and trust have no class here
    TextCorpus("xed", "xed.parquet", _EKMAN, at_most={"neutral": 4_000}, split_in_ten=True),
    # Saravia et al. 2018, tweets labelled by their hashtags
    TextCorpus("dair", "dair_emotion.parquet", _EKMAN | {"love": "happy"}, at_most=1_500),
    # Muhammad et al. 2025, BRIGHTER
    TextCorpus("brighter", "brighter_semeval25.parquet", _EKMAN),
)

_UNSHARED_WORDS = 4
"""Shorter texts ("Yeah.", "What?") are common property and no leak."""


def read_texts(folder: Path, corpus: TextCorpus, split: TextSplit) -> list[LabelledClip]:
    """Read the English rows of one split; a corpus without splits is cut in tenths by its text.

    Raises `InputError` where the table is missing or has no such columns.
    """
    import pandas as pd

    path = folder / corpus.table
    try:
        columns = ["text", corpus.column, "lang", "split"]
        rows = pd.read_parquet(path, columns=columns, filters=[("lang", "==", "en")])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is no table of labelled texts: {error}.") from error
    return [
        _clip(corpus, text, label, split)
        for text, label, named in zip(rows["text"], rows[corpus.column], rows["split"], strict=True)
        if label in corpus.labels and (_tenth(text) if corpus.split_in_ten else str(named)) == split
    ]


def _clip(corpus: TextCorpus, text: str, label: str, split: TextSplit) -> LabelledClip:
    return LabelledClip(
        corpus=corpus.name,
        text=text,
        label=label,
        emotion=corpus.labels[label],
        speaker="",
        language="en",
        published_split=None if corpus.split_in_ten else split,
    )


def _tenth(text: str) -> TextSplit:
    """A split that depends on the words alone, so that repeats fall on one side."""
    import zlib

    tenth = zlib.crc32(fingerprint(text).encode()) % 10
    return "test" if tenth == 0 else "dev" if tenth == 1 else "train"


def fingerprint(text: str) -> str:
    """The words of a text without case and punctuation."""
    return " ".join(re.findall(r"[a-z0-9]+", text.lower().replace("'", "").replace("’", "")))


def read_training_mix(folder: Path, names: Sequence[str], seed: int) -> list[LabelledClip]:
    """Read the training rows of the named corpora (empty: all), capped and without repeats.

    A text of four words or more that stands in any corpus' dev or test split is left out, so
    that no training on one corpus leaks into the figures of another.
    """
    chosen = [corpus for corpus in TEXT_CORPORA if not names or corpus.name in names]
    held_out = {
        fingerprint(clip.text or "")
        for corpus in TEXT_CORPORA
        if (folder / corpus.table).is_file()
        for split in ("dev", "test")
        for clip in read_texts(folder, corpus, split)
    }
    random = np.random.default_rng(seed)
    return [
        clip
        for corpus in chosen
        for clip in _capped(_unseen(read_texts(folder, corpus, "train"), held_out), corpus, random)
    ]


def _unseen(clips: Iterable[LabelledClip], held_out: set[str]) -> list[LabelledClip]:
    seen: set[tuple[str, str]] = set()
    kept: list[LabelledClip] = []
    for clip in clips:
        words = fingerprint(clip.text or "")
        if words.count(" ") + 1 >= _UNSHARED_WORDS and words in held_out:
            continue
        if words and (words, clip.label) not in seen:
            seen.add((words, clip.label))
            kept.append(clip)
    return kept


def _capped(
    clips: Sequence[LabelledClip], corpus: TextCorpus, random: np.random.Generator
) -> list[LabelledClip]:
    taken: dict[Emotion, int] = {}
    kept: list[LabelledClip] = []
    for row in random.permutation(len(clips)):
        clip = clips[row]
        if clip.emotion is None:
            continue
        cap = corpus.cap(clip.emotion)
        taken[clip.emotion] = taken.get(clip.emotion, 0) + 1
        if cap is None or taken[clip.emotion] <= cap:
            kept.append(clip)
    return kept
