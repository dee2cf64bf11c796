"""What people say in meetings and talks, as sentences to be spoken and to be written.

Meetings (AMI, ICSI) keep their fillers and false starts in what is spoken; what is written
leaves out `um` and `uh`, as Whisper does. Texts with digits, links or placeholders are left out:
voices read them in ways that the text does not tell.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

REPORTED_MEETINGS = frozenset({"ES2003a", "EN2003a", "EN2005a", "EN2009b"})
"""Meetings that transcription is reported on: never a word of them."""

CHOSEN_ON = frozenset({"EN2001a", "EN2001b", "EN2001d", "EN2001e", "EN2004a", "EN2006a"})
"""Meetings of the other clips: left out as well, so that what is chosen on them is not learned."""

_FILLERS = re.compile(
    r"(?<![\w'-])(?:m+-?hm+|m-hm+|mm+-mm+|u+m+|u+hm*|e+rm*|mm+|h+m+)(?![\w'-])[,.]?\s*", re.I
)
_MARKERS = re.compile(r"<[^>]*>|\{[^}]*\}")
_SPACED = (
    (re.compile(r"[’‘`]"), "'"),
    (re.compile(r"\s+([,.?!;:])"), r"\1"),
    (re.compile(r"\s*'\s*(s|t|m|d|ll|re|ve)\b", re.I), r"'\1"),
    (re.compile(r"\s+(n't\b)", re.I), r"\1"),
    (re.compile(r"[\"“”()*]"), " "),
    (re.compile(r"\s*[—–]+\s*|\s+-+\s*|-+\s+"), ", "),
    (re.compile(r"\.{2,}|…"), ","),
    (re.compile(r"([,;:])[\s,;:]*(?=[.?!,;:])"), ""),
    (re.compile(r"([.?!])[.?!]+"), r"\1"),
    (re.compile(r"(?<![A-Za-z]{2})(?<=[A-Za-z])_(?![A-Za-z]{2})"), ""),
    (re.compile(r"_"), " "),
    (re.compile(r"\b(?:OK|Ok)\b"), "Okay"),
    (re.compile(r"\bok\b"), "okay"),
    (re.compile(r"\s+"), " "),
)
_SPEAKABLE = re.compile(r"[A-Za-z][A-Za-z '\-,.?!;:&]*")
_CLOSING = re.compile(r"[.?!]$")
_LONGEST_PAUSE = 1.0
_MOST_WORDS = 42


@dataclass(frozen=True)
class Spoken:
    """`said` is what a voice says, fillers included; `written` what a transcript shows."""

    said: str
    written: str
    corpus: str


def spoken_texts(
    folder: Path, left_out: frozenset[str] = REPORTED_MEETINGS | CHOSEN_ON
) -> dict[str, list[Spoken]]:
    """Read every corpus of talk in `folder` (`text/`, `meeting/`): name -> its turns in order.

    Meetings of `left_out` are skipped in AMI. Raises `FileNotFoundError` where none is there.
    """
    import pyarrow.parquet as pq

    found: dict[str, list[Spoken]] = {}
    for corpus, (path, read) in _CORPORA.items():
        if (folder / path).is_file():
            rows = pq.read_table(folder / path).to_pylist()
            turns = (spoken(text, corpus) for text in read(rows, left_out))
            found[corpus] = [turn for turn in turns if turn is not None]
    if not found:
        raise FileNotFoundError(f"No corpus of talk is in {folder}.")
    return found


def spoken(text: str, corpus: str) -> Spoken | None:
    """Clean one turn; None for what a voice cannot say as it is written, and for long turns."""
    said = _MARKERS.sub(" ", text)
    for pattern, instead in _SPACED:
        said = pattern.sub(instead, said)
    said = said.strip(" ,;:-'")
    if not _SPEAKABLE.fullmatch(said) or len(said.split()) > _MOST_WORDS:
        return None
    written = _FILLERS.sub("", said).strip(" ,;:")
    for pattern, instead in _SPACED:
        written = pattern.sub(instead, written).strip()
    if not written or not any(letter.isalpha() for letter in written):
        return Spoken(said, "", corpus)
    written = written[0].upper() + written[1:]
    if not _CLOSING.search(written):
        written += "."
    return Spoken(said, written, corpus)


def draw(
    texts: Mapping[str, Sequence[Spoken]],
    shares: Mapping[str, float],
    random: np.random.Generator,
) -> Iterator[Spoken]:
    """Draw turns for ever: a corpus by its share, then runs of neighbouring turns of it."""
    names = [name for name in shares if texts.get(name)]
    weights = np.array([shares[name] for name in names])
    while True:
        turns = texts[str(random.choice(names, p=weights / weights.sum()))]
        start = int(random.integers(len(turns)))
        yield from turns[start : start + int(random.integers(1, 6))]


SHARES: Mapping[str, float] = {
    "ami": 0.38,
    "icsi": 0.24,
    "dailydialog": 0.14,
    "meld": 0.09,
    "emorynlp": 0.03,
    "goemotions": 0.06,
    "xed": 0.06,
}
"""How much of the speech each corpus words: mostly meetings."""


def _ami(rows: Sequence[Mapping[str, Any]], left_out: frozenset[str]) -> Iterator[str]:
    """Turns of AMI from its words with times: a speaker's words up to a pause of a second."""
    words: list[str] = []
    last: tuple[str, str] | None = None
    end = 0.0
    for row in rows:
        if row["meeting"] in left_out:
            continue
        key = row["meeting"], row["agent"]
        is_long = len(words) > 12 and words[-1][-1] in ".?!"
        if words and (key != last or row["start"] - end > _LONGEST_PAUSE or is_long):
            yield " ".join(words)
            words = []
        last, end = key, row["end"]
        if row["punc"] and words:
            words[-1] += row["word"]
        elif not row["punc"]:
            words.append(row["word"])
    if words:
        yield " ".join(words)


def _english(rows: Sequence[Mapping[str, Any]], left_out: frozenset[str]) -> Iterator[str]:
    """Every English text that is not in a meeting left out, of no test split."""
    for row in rows:
        if row.get("lang", "en") == "en" and row.get("meeting") not in left_out:
            yield row["text"]


_CORPORA = {
    "ami": ("meeting/ami_words.parquet", _ami),
    "icsi": ("text/meetings_icsi.parquet", _english),
    "dailydialog": ("text/dailydialog_en_de_it.parquet", _english),
    "meld": ("text/meld_en.parquet", _english),
    "emorynlp": ("text/emorynlp.parquet", _english),
    "goemotions": ("text/goemotions.parquet", _english),
    "xed": ("text/xed.parquet", _english),
}
"""Corpus -> its file under the data folder, and how its turns are read."""
