"""Captions of a composed meeting, good or sloppy, as WebVTT."""

import zlib
from collections.abc import Collection

import numpy as np

from lab.meetings.truth import TrueCue, TrueTurn, Truth
from schemas.errors import SettingsError
from schemas.values import Seconds, to_grid

CAPTIONS = ("exact", "sloppy", "missing-name", "room")
"""`sloppy`: cues begin and end .7 s off; `missing-name`: one person's cues name nobody; `room`:
two people share one name. They may be joined, but `exact`."""

ROOM = "Meeting Room 4"

_OFF: Seconds = 0.7
_LEAST_CUE: Seconds = 0.3
_MOST_CUE: Seconds = 5.0


def caption(truth: Truth, kinds: Collection[str]) -> Truth:
    """Return the truth with cues of its turns; turns without words have none.

    Raises `SettingsError` for a kind that is not known.
    """
    unknown = sorted(set(kinds) - set(CAPTIONS))
    if unknown:
        raise SettingsError(f"Captions are {', '.join(CAPTIONS)}, not '{unknown[0]}'.")
    random = np.random.default_rng([truth.seed, zlib.crc32(truth.layout.encode())])
    speakers = [who for who in truth.participants if who.speaks]
    tags: dict[str, str | None] = {who.id: who.name for who in speakers}
    order = [speakers[int(k)].id for k in random.permutation(len(speakers))]
    if "missing-name" in kinds:
        tags[order[0]] = None
    if "room" in kinds:
        tags |= dict.fromkeys(order[-2:], ROOM)
    cues = [cue for turn in truth.turns for cue in _cues(turn)]
    if "sloppy" in kinds:
        cues = [_moved(cue, truth.duration, random) for cue in cues]
    cues.sort(key=lambda cue: (cue.start, cue.end))
    return truth.model_copy(
        update={"captions": tuple(sorted(kinds)), "tags": tags, "cues": tuple(cues)}
    )


def as_vtt(truth: Truth) -> str:
    """Write the cues as WebVTT with `<v Name>`."""
    parts = ["WEBVTT\n"]
    for cue in truth.cues:
        tag = truth.tags.get(cue.participant)
        voice = "" if tag is None else f"<v {tag}>"
        parts.append(f"{_clock(cue.start)} --> {_clock(cue.end)}\n{voice}{cue.text}\n")
    return "\n".join(parts)


def _cues(turn: TrueTurn) -> list[TrueCue]:
    """Cut a turn into cues of some seconds, between words."""
    cues: list[TrueCue] = []
    words = [word for word in turn.words if word.text.strip("<> ") and word.text[0] != "<"]
    while words:
        fit = [word for word in words if word.end - words[0].start <= _MOST_CUE] or words[:1]
        words = words[len(fit) :]
        end = max(fit[-1].end, fit[0].start + _LEAST_CUE)
        text = " ".join(word.text for word in fit)
        cues.append(
            TrueCue(
                start=to_grid(fit[0].start),
                end=to_grid(end),
                participant=turn.participant,
                text=text,
            )
        )
    return cues


def _moved(cue: TrueCue, duration: Seconds, random: np.random.Generator) -> TrueCue:
    start, end = (float(t + random.normal(0, _OFF)) for t in (cue.start, cue.end))
    start = min(max(0.0, start), duration - _LEAST_CUE)
    end = max(min(end, duration), start + _LEAST_CUE)
    return cue.model_copy(update={"start": to_grid(start), "end": to_grid(end)})


def _clock(seconds: Seconds) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{thousandths:03d}"
