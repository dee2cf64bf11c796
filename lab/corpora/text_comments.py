"""Comments, tweets, subtitles and reviews as their authors publish them: no dialogues."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from lab.corpora.text_rows import TextRow, delimited, split_of
from schemas.errors import InputError

_PLUTCHIK = {
    "1": "anger",
    "2": "anticipation",
    "3": "disgust",
    "4": "fear",
    "5": "joy",
    "6": "sadness",
    "7": "surprise",
    "8": "trust",
}

_EKMAN_COLUMNS = ("anger", "disgust", "fear", "joy", "sadness", "surprise")
_PLUTCHIK_COLUMNS = tuple(_PLUTCHIK.values())

_BRIGHTER_LANGUAGES = {"deu": "de", "eng": "en", "esp": "es"}


def read_goemotions(folder: Path) -> Iterator[TextRow]:
    """`train.tsv dev.tsv test.tsv` (text, label numbers, id) and `emotions.txt`, their names."""
    listed = folder / "emotions.txt"
    if not listed.is_file():
        raise InputError(f"{listed} is missing; it names the labels of GoEmotions.")
    names = listed.read_text(encoding="utf-8").split()
    for split in ("train", "dev", "test"):
        path = folder / f"{split}.tsv"
        for row in delimited(path, "\t", quoted=False, names=("text", "labels", "id")):
            labels = tuple(names[int(number)] for number in row["labels"].split(","))
            yield TextRow(row["text"], labels, "en", split)


def read_xed(folder: Path) -> Iterator[TextRow]:
    """`AnnotatedData/en-annotated.tsv`, `neu_en.txt` and `Projections/xx-projections.tsv`."""
    columns = ("text", "labels")
    places = {"en": folder / "AnnotatedData" / "en-annotated.tsv"}
    places |= {
        language: folder / "Projections" / f"{language}-projections.tsv"
        for language in ("de", "fr", "it", "es")
    }
    for language, path in places.items():
        for row in delimited(path, "\t", False, columns) if path.is_file() else ():
            numbers = [number.strip() for number in row["labels"].split(",")]
            if all(number in _PLUTCHIK for number in numbers):
                labels = tuple(_PLUTCHIK[number] for number in numbers)
                yield TextRow(row["text"], labels, language)
    neutral = folder / "AnnotatedData" / "neu_en.txt"
    for row in delimited(neutral, "\t", False, ("label", "text")) if neutral.is_file() else ():
        yield TextRow(row["text"], ("neutral",), "en")


def read_emoevent(folder: Path) -> Iterator[TextRow]:
    """`splits/en|es/train|dev|test.tsv`: id, event, tweet, offensive, emotion."""
    base = folder / "splits" if (folder / "splits").is_dir() else folder
    for path in sorted(base.glob("e[ns]/*.tsv")):
        for row in delimited(path, "\t"):
            yield TextRow(row["tweet"], (row["emotion"],), path.parent.name, split_of(path))


def read_brighter(folder: Path) -> Iterator[TextRow]:
    """`track_a/train|dev|test/deu|eng|esp.csv`: id, text, one column of 0 or 1 per emotion."""
    for path in sorted(folder.glob("**/track_a/*/*.csv")):
        language = _BRIGHTER_LANGUAGES.get(path.stem[:3])
        if language is None:
            continue
        for row in delimited(path, ","):
            marks = [row[name] for name in _EKMAN_COLUMNS if name in row]
            # the test was published first with its labels empty
            if any(marks):
                labels = _marked(row, _EKMAN_COLUMNS) or ("neutral",)
                yield TextRow(row["text"], labels, language, split_of(path))


def read_multiemotions(folder: Path) -> Iterator[TextRow]:
    """`MultiEmotions-It.tsv`: comment, UNRELATED, NEUT, one column per emotion of Plutchik."""
    for path in sorted(folder.glob("**/MultiEmotions-It.tsv")):
        for row in delimited(path, "\t"):
            labels = _marked(row, ("unrelated", *_PLUTCHIK_COLUMNS))
            if not labels and row.get("neut") == "1":
                labels = ("neutral",)
            if labels:
                yield TextRow(row["comment"], labels, "it")


def read_dair(folder: Path) -> Iterator[TextRow]:
    """`train.txt val.txt test.txt`, one `text;label` a line."""
    for name in ("train", "val", "test"):
        path = folder / f"{name}.txt"
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
            text, separator, label = line.rpartition(";")
            if separator:
                yield TextRow(text, (label.strip(),), "en", split_of(path))


def read_imdb(folder: Path) -> Iterator[TextRow]:
    """`train|test/pos|neg/*.txt`, one review a file; a valence, none of the emotions."""
    base = folder / "aclImdb" if (folder / "aclImdb").is_dir() else folder
    for split in ("train", "test"):
        for kind, label in (("pos", "positive"), ("neg", "negative")):
            for path in sorted((base / split / kind).glob("*.txt")):
                text = path.read_text(encoding="utf-8").replace("<br />", " ")
                yield TextRow(" ".join(text.split()), (label,), "en", split)


def _marked(row: Mapping[str, str], columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in columns if row.get(name) not in (None, "", "0", "0.0"))
