"""Diarize recordings with one track per participant: by voice activity alone."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.diarization.overhearing import STEP, overheard
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

_SHORTEST: Seconds = 0.1
_BRIDGE: Seconds = 0.3


def turns_by_track(engine: Diarizer, tracks: Sequence[tuple[str | None, Waveform]]) -> Diarization:
    """Return turns of the voice activity on each track, named by the tracks' titles.

    The engine hears each track alone, told that there is one speaker. Where a track is much
    quieter than another that is active at the same time it only overhears, and is silent.
    """
    heard = [engine.diarize(waveform, SpeakerHints(exactly=1)).turns for _, waveform in tracks]
    frames = max((round(waveform.duration / STEP) for _, waveform in tracks), default=0)
    speech = np.stack([_activity(turns, frames) for turns in heard], axis=1)
    level = np.stack([_level(waveform, frames) for _, waveform in tracks], axis=1)
    active = _without_bleed(speech & ~overheard(tracks, speech, level), level)
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
    """Loudness in dB of each frame, smoothed over 0.3 s, shape (frames,)."""
    hop = round(STEP * SAMPLE_RATE)
    power = np.zeros(frames, np.float32)
    for first in range(0, frames, round(_BLOCK / STEP)):
        last = min(frames, first + round(_BLOCK / STEP))
        sound = waveform.read(first * STEP, last * STEP)[: (last - first) * hop]
        power[first:last] = np.square(sound.reshape(-1, hop)).mean(axis=1)
    width = round(_SMOOTH / STEP)
    smooth = np.convolve(power, np.ones(width) / width, mode="same")[:frames]
    return (10 * np.log10(smooth + 1e-10)).astype(np.float32)


def _without_bleed(speech: NDArray[np.bool_], level: NDArray[np.float32]) -> NDArray[np.bool_]:
    loudest = np.where(speech, level, -np.inf).max(axis=1, keepdims=True)
    active: NDArray[np.bool_] = speech & (level > loudest - BLEED_DB)
    for column in range(active.shape[1]):
        smooth = bridge(active[:, column], round(_BRIDGE / STEP)) & speech[:, column]
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
