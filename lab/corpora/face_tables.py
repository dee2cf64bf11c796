"""FER2013's faces as its copies have them: a Parquet, Kaggle's CSV, or folders of pictures."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from lab.corpora.labels import FER2013_LABELS, WORDS
from schemas.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Usage = Literal["Training", "PublicTest", "PrivateTest"]

SIDE = 48
"""Height and width of a face, in pixels."""

TABLES = ("fer2013.parquet", "fer2013.csv", "icml_face_data.csv")
"""Names of the tables, the one with votes first."""

_VOTES_TABLE = "fer2013new.csv"
_VOTE_COLUMNS = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)

_PARTS: dict[str, Usage] = {
    "training": "Training",
    "train": "Training",
    "publictest": "PublicTest",
    "validation": "PublicTest",
    "val": "PublicTest",
    "privatetest": "PrivateTest",
    "test": "PrivateTest",
}
"""What a folder of a part is called, in small letters."""


Picture = bytes | Path | str


class FaceRows(NamedTuple):
    """All rows of a copy: pictures, FER2013's own label numbers, official parts, FERPlus' votes.

    A picture is a file's bytes or path, or the 48 x 48 numbers as a CSV has them; votes are ten
    or None.
    """

    images: Sequence[Picture]
    labels: Sequence[int]
    usages: Sequence[str]
    votes: Sequence[Sequence[int] | None]


def face_table(table: Path) -> Path:
    """Return the table in a folder that holds one, else what was given.

    Raises `InputError` where nothing is there.
    """
    if table.is_dir():
        places = [home / name for home in (table, table / "fer2013") for name in TABLES]
        return next((place for place in places if place.is_file()), table)
    if not table.is_file():
        raise InputError(f"{table} is no table of FER2013 faces: there is no such file.")
    return table


def face_rows(table: Path, votes: Path | None = None) -> FaceRows:
    """Read all rows of a copy of FER2013; raises `InputError` where it is none."""
    found = face_table(table)
    read = _READERS.get("" if found.is_dir() else found.suffix.lower())
    if read is None:
        raise InputError(f"{found} is no table of FER2013 faces: it is neither CSV nor Parquet.")
    return read(found, votes)


@functools.lru_cache(maxsize=1)
def cached_rows(table: Path) -> FaceRows:
    """Return the rows of a table, kept while its pictures are read one by one."""
    return face_rows(table)


def picture(image: Picture) -> NDArray[np.uint8]:
    """Decode one picture of `FaceRows` to gray (48, 48).

    Raises `InputError` for what is no picture.
    """
    import cv2

    if isinstance(image, str):
        return _from_numbers(image)
    content = image.read_bytes() if isinstance(image, Path) else image
    # OpenCV fails on an empty buffer
    decoded = cv2.imdecode(np.frombuffer(content or b"\0", np.uint8), cv2.IMREAD_GRAYSCALE)
    if decoded is None:
        name = image if isinstance(image, Path) else "A face of FER2013"
        raise InputError(f"{name} is no readable picture; fetch the faces anew.")
    if decoded.shape != (SIDE, SIDE):
        decoded = cv2.resize(decoded, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(decoded, dtype=np.uint8)


def _from_numbers(text: str) -> NDArray[np.uint8]:
    try:
        values = np.array(text.split(), dtype=np.uint8)
        return values.reshape(SIDE, SIDE)
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"A face of FER2013 starts with {text[:20]!r} and is not {SIDE} x {SIDE} numbers "
            "up to 255; fetch the table anew."
        ) from error


def _from_parquet(table: Path, votes: Path | None) -> FaceRows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if votes is not None:
        raise InputError(f"{table} has the votes of FERPlus already; leave {votes} out.")
    try:
        rows = pq.read_table(table, columns=["image", "label", "usage", "ferplus_votes"])
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise InputError(f"{table} is no table of FER2013 faces: {error}.") from error
    columns = [rows[name].to_pylist() for name in rows.column_names]
    return FaceRows(*columns)


def _from_csv(table: Path, votes: Path | None) -> FaceRows:
    rows = _csv(table, ("emotion", "pixels", "Usage"))
    labels = [int(label) for label in rows["emotion"]]
    if not set(labels) <= set(range(len(FER2013_LABELS))):
        raise InputError(f"{table} has labels that are not 0 to 6; fetch it anew.")
    beside = table.parent / _VOTES_TABLE
    voted = votes or (beside if beside.is_file() else None)
    usages = [str(usage) for usage in rows["Usage"]]
    counts = [None] * len(rows) if voted is None else _votes(voted, usages)
    return FaceRows([str(pixels) for pixels in rows["pixels"]], labels, usages, counts)


def _votes(table: Path, usages: Sequence[str]) -> list[list[int]]:
    """FERPlus says which face a vote is for by the order of the rows alone."""
    rows = _csv(table, ("Usage", *_VOTE_COLUMNS))
    if [str(usage) for usage in rows["Usage"]] != list(usages):
        raise InputError(
            f"{table} has {len(rows)} rows that do not follow the {len(usages)} faces; "
            "give the votes that belong to this copy of FER2013."
        )
    return cast("list[list[int]]", rows[list(_VOTE_COLUMNS)].astype(int).to_numpy().tolist())


def _csv(table: Path, columns: Sequence[str]) -> "pd.DataFrame":
    import pandas as pd

    try:
        # one copy has a space before each name
        rows = pd.read_csv(table, skipinitialspace=True)
        rows.columns = rows.columns.str.strip()
        return rows[list(columns)]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{table} is no table of FER2013 faces: {error}.") from error


def _from_folder(folder: Path, votes: Path | None) -> FaceRows:
    if votes is not None:
        raise InputError(f"Pictures in {folder} have no order that {votes} could follow.")
    files = [
        (path, FER2013_LABELS.index(WORDS[path.parent.name.lower()]), usage)
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in {".jpg", ".jpeg", ".png"}
        and path.parent.name.lower() in WORDS
        and (usage := _PARTS.get(path.parent.parent.name.lower()))
    ]
    if not files:
        raise InputError(
            f"{folder} is no copy of FER2013: it holds none of {', '.join(TABLES)} "
            "and no pictures as train/angry/1.jpg."
        )
    return FaceRows(
        [path for path, _, _ in files],
        [label for _, label, _ in files],
        [usage for _, _, usage in files],
        [None] * len(files),
    )


_READERS: dict[str, Callable[[Path, Path | None], FaceRows]] = {
    ".parquet": _from_parquet,
    ".csv": _from_csv,
    "": _from_folder,
}
