"""Diarize recordings with one track per participant: by voice activity alone."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.diarization.overhearing import STEP, remaining
from models.diarization.turns import bridge, runs, speaker_names, turns_of
from models.protocols import Diarizer, SpeakerHints, Waveform
from schemas.speech import Diarization, Turn
from schemas.values import SAMPLE_RATE, Seconds

_BLOCK: Seconds = 60.0
_SMOOTH: Seconds = 0.3

BLEED_DB = 10.0
"""A track this much quieter than another active one at the same time holds that one's bleed.

A voice reaches another participant's microphone 15 to 30 dB weaker than its own.
"""

COPY_DB = 4.0
"""Sound is bleed of which others' tracks explain all but so little."""

FAINTEST_DB, FAINT_DB = 14.0, 8.0
"""While another speaks, sound on a track that is so much softer than its own voice is bleed: single
frames, and the louder parts of stretches. Chosen on three of `TUNED_SPEAKERS` with loudspeakers 12
to 24 dB under the voices (`benchmarks/tracks.py --tuned`), between 12 and 20, 5 and 15."""

CLEAR_DB = 5.0
"""While another speaks, a voice is so much louder than the noise of its own microphone, which is
the `_NOISE` quantile of its loudness."""

_NOISE = 0.1
_LOUD = 0.8
"""Quantile of a stretch's loudness that stands for it."""

_ECHO: Seconds = 0.5
"""Bleed comes up to 0.3 s after the voice, and a room rings on."""

_ALONE: Seconds = 1.5
"""Speech while all others are silent, by which a track's own voice is known."""

_SHORTEST: Seconds = 0.1
_BRIDGE: Seconds = 0.2
"""A shorter pause does not end a turn; longer ones would fill up with the bleed that is in them."""

_EDGE: Seconds = 0.2
"""Part of a turn at either end that may be no speech: the networks find turns a little too long."""

_OVER_FLOOR_DB, _UNDER_VOICE_DB = 6.0, 30.0
"""Speech is louder than the track's own noise by so much, and softer than its voice by no more."""

_NOTHING_DB = -95.0
"""What is softer is no sound of a microphone: the track had not begun, or is muted."""


def turns_by_track(engine: Diarizer, tracks: Sequence[tuple[str | None, Waveform]]) -> Diarization:
    """Return turns of the voice activity on each track, named by the tracks' titles.

    The engine hears each track alone, told that there is one speaker. Where a track is much
    quieter than another that is active at the same time it only overhears, and is silent.
    """
    heard = [engine.diarize(waveform, SpeakerHints(exactly=1)).turns for _, waveform in tracks]
    frames = max((round(waveform.duration / STEP) for _, waveform in tracks), default=0)
    speech = np.stack([_activity(turns, frames) for turns in heard], axis=1)
    sharp = np.stack([_level(waveform, frames) for _, waveform in tracks], axis=1)
    speech = _trimmed(speech, sharp)
    left = remaining(tracks, speech)
    own = speech & (left > -COPY_DB)
    loud = _smoothed(sharp)
    clear = loud > np.quantile(loud, _NOISE, axis=0) + CLEAR_DB
    level = loud + left - _usual_levels(own, loud + left)
    active = _without_bleed(own & ~_faint(own, level, clear), level)
    loudest = np.where(active, level, -np.inf).argmax(axis=1)
    exclusive = active & (np.arange(len(tracks)) == loudest[:, None])
    order = _by_first_frame(active)
    names = speaker_names(len(order))
    sure = _dominance(active, level)
    made = [
        turns_of(track[:, order], sure[:, order], STEP, 0.0, names) for track in (active, exclusive)
    ]
    titles = {name: tracks[column][0] for name, column in zip(names, order, strict=True)}
    known = {name: title for name, title in titles.items() if title}
    return Diarization(turns=made[0], exclusive=made[1], names=known)


def _activity(turns: Sequence[Turn], frames: int) -> NDArray[np.bool_]:
    active = np.zeros(frames, bool)
    for turn in turns:
        active[round(turn.start / STEP) : round(turn.end / STEP)] = True
    return active


def _level(waveform: Waveform, frames: int) -> NDArray[np.float32]:
    """Loudness in dB of each frame, shape (frames,)."""
    hop = round(STEP * SAMPLE_RATE)
    power = np.zeros(frames, np.float32)
    for first in range(0, frames, round(_BLOCK / STEP)):
        last = min(frames, first + round(_BLOCK / STEP))
        sound = waveform.read(first * STEP, last * STEP)[: (last - first) * hop]
        power[first:last] = np.square(sound.reshape(-1, hop)).mean(axis=1)
    return np.asarray(10 * np.log10(power + 1e-10), np.float32)


def _smoothed(level: NDArray[np.float32]) -> NDArray[np.float32]:
    """Smooth loudness in dB, shape (frames, tracks), over 0.3 s of power."""
    width = round(_SMOOTH / STEP)
    power = 10 ** (level / 10)
    smooth = [np.convolve(column, np.ones(width) / width, mode="same") for column in power.T]
    decibels = 10 * np.log10(np.stack(smooth, axis=1)[: len(level)] + 1e-10)
    return np.asarray(decibels, np.float32)


def _trimmed(speech: NDArray[np.bool_], level: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Take off the ends of turns what is no louder than the track's noise."""
    trimmed = speech.copy()
    most = round(_EDGE / STEP)
    for column in range(speech.shape[1]):
        own, loud = speech[:, column], level[:, column]
        noise = loud[~own & (loud > _NOTHING_DB)]
        if not own.any() or not len(noise):
            continue
        floor = float(np.median(noise)) + _OVER_FLOOR_DB
        least = max(floor, float(np.quantile(loud[own], 0.9)) - _UNDER_VOICE_DB)
        for first, last in runs(own):
            voiced = np.flatnonzero(loud[first:last] > least)
            if len(voiced):
                trimmed[first : first + min(most, int(voiced[0])), column] = False
                trimmed[last - min(most, last - first - 1 - int(voiced[-1])) : last, column] = False
    return trimmed


def _near_others(own: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return for each track where any other speaks, or did just before, shape (frames, tracks)."""
    width = round(_ECHO / STEP)
    heard = np.stack([np.convolve(column, np.ones(width))[: len(own)] > 0 for column in own.T], 1)
    return np.stack([np.delete(heard, k, 1).any(axis=1) for k in range(own.shape[1])], axis=1)


def _usual_levels(own: NDArray[np.bool_], level: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how loud each track's own voice is in dB: where nobody else speaks, shape (tracks,).

    Where there is too little of that, the loudest tenth of the track is taken for its voice.
    """
    alone = own & ~_near_others(own)
    usual = [
        np.median(loud[mask]) if mask.sum() * STEP >= _ALONE else _loudest_tenth(loud[voice])
        for mask, voice, loud in zip(alone.T, own.T, level.T, strict=True)
    ]
    return np.array(usual, np.float32)


def _loudest_tenth(level: NDArray[np.float32]) -> float:
    return float(np.quantile(level, 0.9)) if len(level) else 0.0


def _faint(
    own: NDArray[np.bool_], level: NDArray[np.float32], clear: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return what is far softer than the track's own voice while another one speaks.

    Single frames by `FAINTEST_DB` and where they are not `clear` of the track's noise, stretches
    as a whole by `FAINT_DB`; `level` is relative to the track's own voice.
    """
    near = _near_others(own)
    faint = near & ((level < -FAINTEST_DB) | ~clear)
    for column in range(own.shape[1]):
        for first, last in runs(own[:, column] & ~faint[:, column]):
            part = slice(first, last), column
            if near[part].mean() > 0.5 and np.quantile(level[part], _LOUD) < -FAINT_DB:
                faint[part] = True
    return faint


def _without_bleed(speech: NDArray[np.bool_], level: NDArray[np.float32]) -> NDArray[np.bool_]:
    loudest = np.where(speech, level, -np.inf).max(axis=1, keepdims=True)
    active: NDArray[np.bool_] = speech & (level > loudest - BLEED_DB)
    for column in range(active.shape[1]):
        smooth = bridge(active[:, column], round(_BRIDGE / STEP))
        for first, last in runs(smooth):
            if (last - first) * STEP < _SHORTEST:
                smooth[first:last] = False
        active[:, column] = smooth
    return active


def _dominance(active: NDArray[np.bool_], level: NDArray[np.float32]) -> NDArray[np.float32]:
    """Certainty that the voice is the track's own: its share of the power on active tracks."""
    power = np.where(active, 10 ** (level / 10), 0)
    total = power.sum(axis=1, keepdims=True)
    share = np.divide(power, total, out=np.zeros_like(power), where=total > 0)
    return np.asarray(share, np.float32)


def _by_first_frame(active: NDArray[np.bool_]) -> list[int]:
    seen = [column for column in range(active.shape[1]) if active[:, column].any()]
    return sorted(seen, key=lambda column: int(active[:, column].argmax()))
