"""A contact sheet: the crops that were used for each speaker of each meeting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.meetings.attribution import Judged

_CROPS = 8
"""Crops per speaker, evenly over the utterances that were given a face."""

_SIDE = 48
_EDGE = 3
_LABEL = 230
_ROWS = 60
"""Rows of a column of the sheet."""

_GREEN, _RED, _GRAY = (80, 190, 60), (50, 50, 220), (150, 150, 150)


@dataclass(frozen=True)
class SheetRow:
    """A speaker of a meeting: crops (48, 48) gray with the colour of their edge."""

    label: str
    crops: Sequence[tuple[NDArray[np.uint8], tuple[int, int, int]]]


def sheet_rows(
    judged: Sequence[Judged], crops: Mapping[int, NDArray[np.uint8]], meeting: str
) -> list[SheetRow]:
    """Return a row per speaker; `crops` maps an utterance to one of its crops."""
    rows = []
    for speaker in sorted({each.speaker for each in judged}):
        given = [each for each in judged if each.speaker == speaker and each.index in crops]
        places = np.linspace(0, len(given) - 1, _CROPS).astype(int).tolist()
        picked = [given[k] for k in dict.fromkeys(places)] if given else []
        owners = [each.participant for each in judged if each.speaker == speaker]
        owner = max(set(owners), key=owners.count)
        rows.append(
            SheetRow(
                f"{meeting} {speaker.removeprefix('SPEAKER_')}={owner}",
                [(crops[each.index], _colour(each)) for each in picked],
            )
        )
    return rows


def draw_sheet(rows: Sequence[SheetRow], path: Path) -> None:
    """Write the sheet as PNG."""
    import cv2

    cell, wide = _SIDE + 2 * _EDGE, _LABEL + _CROPS * (_SIDE + 2 * _EDGE)
    columns = max(1, -(-len(rows) // _ROWS))
    tall = min(max(1, len(rows)), _ROWS) * cell
    sheet = np.full((tall, columns * wide, 3), 255, np.uint8)
    for number, row in enumerate(rows):
        left, top = number // _ROWS * wide, number % _ROWS * cell
        where = (left + 4, top + cell // 2 + 4)
        cv2.putText(
            sheet, row.label, where, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA
        )
        for at, (crop, colour) in enumerate(row.crops):
            x = left + _LABEL + at * cell
            sheet[top : top + cell, x : x + cell] = colour
            inside = slice(top + _EDGE, top + _EDGE + _SIDE)
            small = cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
            sheet[inside, x + _EDGE : x + _EDGE + _SIDE] = small[..., None]
    cv2.imwrite(str(path), sheet)


def _colour(judged: Judged) -> tuple[int, int, int]:
    if judged.face_kind == "nothing":
        return _GRAY
    return _GREEN if judged.face == "right" else _RED
