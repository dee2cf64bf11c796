"""Sort the audio tracks of a recording: copies, a mix and its parts, or one per participant."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from schemas.media import AudioStream
from schemas.values import SAMPLE_RATE

if TYPE_CHECKING:
    from soundfile import SoundFile


_BLOCK = 60 * SAMPLE_RATE
_SAME = 0.95
"""Share of a track's energy that other tracks must explain to hold nothing else."""

_MIXED_WEIGHT = 0.5
"""A mix holds its parts at about their full level; a microphone hears its neighbours weakly."""

_SILENCE_RMS = 1e-4
_DEVICE = re.compile(
    r"\b(mic|microphone|desktop|system|speakers|output|input|mix|mixed|master|main|default|"
    r"commentary|original|aux|game|browser)\b",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"(track|audio|channel|stream|speaker|participant|user|guest)?[ _#-]*\d*", re.IGNORECASE
)


@dataclass(frozen=True)
class Loudness:
    """Inner products of the tracks' samples, shape (n, n), and the length of the longest."""

    products: NDArray[np.float64]
    n_samples: int

    def is_silent(self, track: int) -> bool:
        """Whether a track's level is below -80 dB of full scale."""
        rms = np.sqrt(self.products[track, track] / max(1, self.n_samples))
        return bool(rms < _SILENCE_RMS)

    def weights(self, track: int, by: Sequence[int]) -> NDArray[np.float64]:
        """Return the weights of other tracks whose sum comes nearest to a track."""
        others, cross = self.products[np.ix_(by, by)], self.products[track, list(by)]
        return np.asarray(np.linalg.lstsq(others, cross, rcond=1e-9)[0])

    def explained(self, track: int, by: Sequence[int]) -> float:
        """Share of a track's energy that the best weighted sum of others explains, in [0, 1]."""
        cross = self.products[track, list(by)]
        return float(cross @ self.weights(track, by) / self.products[track, track])


@dataclass(frozen=True)
class SortedTracks:
    """Which tracks make the recording's sound, and which are participants (with their names)."""

    mixed: tuple[int, ...]
    participants: tuple[tuple[int, str | None], ...] = ()


def measure(paths: Sequence[Path]) -> Loudness:
    """Read 16 kHz mono WAV files side by side, block by block."""
    import soundfile

    files = [soundfile.SoundFile(str(path)) for path in paths]
    longest = max(len(file) for file in files)
    products = np.zeros((len(files), len(files)))
    for _ in range(0, longest, _BLOCK):
        blocks = np.stack([_block(file) for file in files])
        products += (blocks @ blocks.T).astype(np.float64)
    return Loudness(products, longest)


def sort_out(streams: Sequence[AudioStream], loudness: Loudness) -> SortedTracks:
    """Decide what the tracks are.

    A copy of another track counts once. A track that holds all the others is the recorder's own
    mix: it is the sound, and no participant. What is left is one per participant, unless the mix
    holds someone more, the titles name devices, or the languages differ (interpreters).
    """
    kept = _without_copies(loudness)
    whole = next((track for track in kept if _is_mix(track, kept, loudness)), None)
    if whole is None:
        return SortedTracks(tuple(kept), _participants(streams, kept, loudness))
    parts = [track for track in kept if track != whole]
    audible = [track for track in parts if not loudness.is_silent(track)]
    complete = loudness.explained(whole, audible) > _SAME
    return SortedTracks((whole,), _participants(streams, parts, loudness) if complete else ())


def _without_copies(loudness: Loudness) -> list[int]:
    kept: list[int] = []
    for track in range(len(loudness.products)):
        audible = [other for other in kept if not loudness.is_silent(other)]
        is_copy = not loudness.is_silent(track) and any(
            loudness.explained(track, [other]) > _SAME for other in audible
        )
        if not is_copy:
            kept.append(track)
    return kept


def _is_mix(track: int, kept: Sequence[int], loudness: Loudness) -> bool:
    others = [other for other in kept if other != track and not loudness.is_silent(other)]
    if not others or loudness.is_silent(track):
        return False
    return bool((loudness.weights(track, others) > _MIXED_WEIGHT).all())


def _participants(
    streams: Sequence[AudioStream], parts: Sequence[int], loudness: Loudness
) -> tuple[tuple[int, str | None], ...]:
    titles = [streams[track].title or "" for track in parts]
    languages = {streams[track].language for track in parts} - {None}
    if any(_DEVICE.search(title) for title in titles) or len(languages) > 1:
        return ()
    names = [None if _PLACEHOLDER.fullmatch(title) else title for title in titles]
    if len(set(names) - {None}) < len(names) - names.count(None):
        names = [None] * len(names)  # one name twice: which is whose is not certain
    people = [
        (track, name)
        for track, name in zip(parts, names, strict=True)
        if name or not loudness.is_silent(track)
    ]
    return tuple(people) if len(people) > 1 else ()


def mix(paths: Sequence[Path], target: Path) -> Path:
    """Add 16 kHz mono WAV files up, block by block; louder than full scale saturates."""
    import soundfile

    files = [soundfile.SoundFile(str(path)) for path in paths]
    longest = max(len(file) for file in files)
    with soundfile.SoundFile(
        str(target), "w", samplerate=SAMPLE_RATE, channels=1, subtype="PCM_16"
    ) as out:
        for start in range(0, longest, _BLOCK):
            total = np.sum([_block(file) for file in files], axis=0)
            out.write(np.clip(total, -1.0, 1.0)[: longest - start])
    return target


def _block(file: "SoundFile") -> NDArray[np.float32]:
    """Return the next block of an open sound file, filled up with silence."""
    block: NDArray[np.float32] = file.read(_BLOCK, dtype="float32", fill_value=0.0)
    return block
