"""Lay corrections over the rows of a recording; what the models said stays beside them.

The page does the same in the browser (`tasks/dataset/review_page/script/03-corrections.js`).
"""

from collections.abc import Sequence

from schemas.corrections import Correction, standing
from schemas.tables import Row

ORIGINALS = {
    "speaker": "original_speaker",
    "speaker_name": "original_speaker_name",
    "text": "original_text",
    "emotion": "original_emotion",
}
"""What can be corrected -> the column that keeps what was published."""

_LEAST_OVERLAP = 0.5
"""Share of a corrected utterance's time that an utterance must hold to be taken for it, where a
recording was cut anew."""


def overlaid(rows: Sequence[Row], corrections: Sequence[Correction]) -> tuple[list[Row], list[str]]:
    """Return a recording's utterances as corrected, and the ids of corrections that found none.

    Every row has the columns of `ORIGINALS` more and `corrected`, the names of those that differ.
    Merging two speakers counts for all that either says, before and after. A corrected emotion has
    no confidence. Of somebody who did not consent nothing is corrected.
    """
    made = [row | {name: row[field] for field, name in ORIGINALS.items()} for row in rows]
    names: dict[str, str | None] = {}
    merged: dict[str, str] = {}
    lost: list[str] = []
    for each in standing(tuple(corrections)):
        if each.utterance is not None:
            found = _found(made, each)
            if found is None:
                lost.append(each.id)
            elif "no_consent" not in found["flags"]:
                found[each.field] = each.new
        elif each.field == "speaker_name" and each.speaker:
            names[each.speaker] = each.new
        elif each.speaker and each.new:
            merged[each.speaker] = each.new
    known = _names_of(made)
    for row in made:
        if "no_consent" in row["flags"]:
            row["corrected"] = []
            continue
        row["speaker"] = _last(row["speaker"], merged)
        is_moved = row["speaker"] != row["original_speaker"]
        own = known.get(row["speaker"]) if is_moved else row["speaker_name"]
        row["speaker_name"] = names.get(row["speaker"], own)
        row["corrected"] = [field for field, name in ORIGINALS.items() if row[field] != row[name]]
        if "emotion" in row["corrected"]:
            row["confidence"] = None
    return made, lost


def _found(rows: Sequence[Row], correction: Correction) -> Row | None:
    """Return the utterance that a correction is about, by its number and its time."""
    start, end = correction.start, correction.end
    same = next((r for r in rows if r["utterance_index"] == correction.utterance), None)
    if start is None or end is None or end <= start:
        return same

    def share(row: Row) -> float:
        return float((min(row["end"], end) - max(row["start"], start)) / (end - start))

    if same is not None and share(same) >= _LEAST_OVERLAP:
        return same
    best = max(rows, key=share, default=None)
    return best if best is not None and share(best) >= _LEAST_OVERLAP else None


def _names_of(rows: Sequence[Row]) -> dict[str, str]:
    """Return the published name of each label that has one."""
    return {
        row["original_speaker"]: row["original_speaker_name"]
        for row in reversed(rows)
        if row["original_speaker_name"] and "no_consent" not in row["flags"]
    }


def _last(label: str, merged: dict[str, str]) -> str:
    """Follow merged labels to the last one; a circle ends where it began."""
    seen = {label}
    while label in merged and merged[label] not in seen:
        label = merged[label]
        seen.add(label)
    return label
