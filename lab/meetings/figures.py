"""Figures of judged utterances: faces, names, and how far their confidences can be trusted."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from lab.meetings.attribution import Judged
from lab.meetings.truth import Truth
from schemas.values import Value

SURE = 0.9
"""From this confidence on a face or a name should be right."""

SHORT = 0.3
"""Seconds under which an utterance shows hardly a picture."""

_BINS = 10


class Calibration(Value):
    """Of `n` with a confidence: calibration error over ten bins, and those of .9 or more."""

    n: int
    ece: float | None
    sure: int
    sure_right: float | None


class AttributionFigures(Value):
    """Shares of utterances in [0, 1]; None where there was nothing to measure.

    `right_face`, `wrong_face` and `no_face` are of the `n` utterances whose speaker's live face is
    on the screen; `false_face` of the `n_absent` others, where it is not the speaker's live face.
    `right_name`, `wrong_name` and `unknown_name` are of words, of seconds where there are no
    captions.
    """

    n: int
    right_face: float | None
    wrong_face: float | None
    no_face: float | None
    n_absent: int
    false_face: float | None
    right_name: float | None
    wrong_name: float | None
    unknown_name: float | None
    right_speaker: float | None


def figures_of(judged: Sequence[Judged]) -> AttributionFigures:
    """Return the figures of some utterances."""
    shown = [each for each in judged if each.counts]
    absent = [each for each in judged if not each.counts]
    names = {key: sum(each.names[key] for each in judged) for key in ("right", "wrong", "unknown")}
    said = sum(names.values())
    return AttributionFigures(
        n=len(shown),
        right_face=_share(each.face == "right" for each in shown),
        wrong_face=_share(each.face == "wrong" for each in shown),
        no_face=_share(each.face == "none" for each in shown),
        n_absent=len(absent),
        false_face=_share(each.face == "wrong" for each in absent),
        right_name=names["right"] / said if said else None,
        wrong_name=names["wrong"] / said if said else None,
        unknown_name=names["unknown"] / said if said else None,
        right_speaker=_share(each.speaker_is_right for each in judged),
    )


def groups_of(
    judged: Sequence[Judged], truths: Mapping[str, Truth]
) -> dict[str, dict[str, list[Judged]]]:
    """Group utterances by layout, number of tiles, condition, and how the speaker is shown.

    By layout and tiles only meetings without a condition count.
    """
    found: dict[str, dict[str, list[Judged]]] = {
        "layout": {},
        "tiles": {},
        "condition": {},
        "speaker is": {},
    }
    for each in judged:
        truth = truths[each.meeting]
        found["speaker is"].setdefault(each.shown, []).append(each)
        if truth.conditions:
            title = f"{', '.join(truth.conditions)}"
            found["condition"].setdefault(title, []).append(each)
            continue
        found["condition"].setdefault("clean", []).append(each)
        found["layout"].setdefault(truth.layout, []).append(each)
        found["tiles"].setdefault(str(truth.n_tiles), []).append(each)
    found["tiles"] = dict(sorted(found["tiles"].items(), key=lambda item: int(item[0])))
    return found


def speaker_calibration(judged: Sequence[Judged]) -> Calibration:
    """How far `speaker_confidence` says that the voice is the right participant's."""
    return calibration([(each.speaker_confidence, each.speaker_is_right) for each in judged])


def name_calibration(judged: Sequence[Judged]) -> Calibration:
    """How far `speaker_confidence` says that the name is right, of utterances with a name."""
    return calibration(
        [
            (each.speaker_confidence, each.names["right"] > each.names["wrong"])
            for each in judged
            if each.named and each.names["right"] + each.names["wrong"] > 0
        ]
    )


def face_calibration(judged: Sequence[Judged]) -> Calibration:
    """How far a face's confidence says that it is right; none where faces have no confidence."""
    return calibration(
        [
            (each.face_confidence, each.face == "right")
            for each in judged
            if each.face != "none" and each.face_confidence is not None
        ]
    )


def calibration(pairs: Sequence[tuple[float, bool]]) -> Calibration:
    """Return the calibration of (confidence, is right) pairs (Guo et al. 2017)."""
    if not pairs:
        return Calibration(n=0, ece=None, sure=0, sure_right=None)
    confidence = np.array([pair[0] for pair in pairs])
    right = np.array([pair[1] for pair in pairs], dtype=float)
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [
        float((bins == k).mean() * abs(right[bins == k].mean() - confidence[bins == k].mean()))
        for k in np.unique(bins)
    ]
    sure = confidence >= SURE
    return Calibration(
        n=len(pairs),
        ece=sum(gaps),
        sure=int(sure.sum()),
        sure_right=float(right[sure].mean()) if sure.any() else None,
    )


CALIBRATIONS: Mapping[str, Callable[[Sequence[Judged]], Calibration]] = {
    "speaker": speaker_calibration,
    "name": name_calibration,
    "face": face_calibration,
}
"""What has a confidence -> its calibration."""


def _share(flags: Iterable[bool]) -> float | None:
    found = list(flags)
    return sum(found) / len(found) if found else None
