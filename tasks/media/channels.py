"""Mix a track's channels to mono without losing a voice that is cancelled, halved or shifted.

Channels in opposite phase (a plug wired the wrong way round, a microphone's balanced pair) add up
to nothing. The channels are compared in windows of half a second before they are mixed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from schemas.values import SAMPLE_RATE

if TYPE_CHECKING:
    from soundfile import SoundFile


_WINDOW = SAMPLE_RATE // 2
_BLOCK = 120 * _WINDOW
_SILENT_POWER = 1e-8
"""-80 dB of full scale: a channel below it holds nothing."""

_WEAKEST = 1e-5
"""A channel 50 dB below the loudest one holds no voice, only its noise."""

_AUDIBLE_POWER = 1e-5
_AUDIBLE_SHARE = 0.01
"""A window is compared where both channels are above -50 dB, or a hundredth of their mean."""

_ALIKE = 0.5
_LEAST_OPPOSED = 2
_OFFSET = 0.005
_OFFSET_SHARE = 0.1
_HIGH_PASS_HZ = 20.0
_TAPS = 511
LFE = 3
"""Where the bass effects lie in a layout that has them (5.1, 7.1); no voice is there."""

Block = NDArray[np.float32]


@dataclass(frozen=True)
class Downmix:
    """How channels become one: the sign of each (0: left out), and which are turned by 90 degrees.

    A voice that is in phase on two channels and one that is in opposite phase both survive where
    one of the channels is turned: neither sum nor difference loses either.
    """

    signs: tuple[int, ...]
    turned: tuple[bool, ...]
    has_offset: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to do: one channel around zero."""
        return self.signs == (1,) and not self.has_offset


def downmix(source: Path, target: Path, *, has_lfe: bool = False) -> None:
    """Write the channels of a 16 kHz WAV file as one, block by block, and remove the source."""
    import soundfile

    with soundfile.SoundFile(str(source)) as file:
        plan = choose_downmix(*_compare(file), has_lfe=has_lfe)
        if not plan.is_plain:
            with soundfile.SoundFile(
                str(target), "w", samplerate=SAMPLE_RATE, channels=1, subtype="PCM_16"
            ) as out:
                for block in _mixed(file, plan):
                    out.write(np.clip(block, -1.0, 1.0))
    if plan.is_plain:
        source.replace(target)
    else:
        source.unlink()


def _compare(file: "SoundFile") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Covariances of the channels in each window, (windows, n, n), and their means (windows, n)."""
    products, means = [], []
    file.seek(0)
    while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
        padded = np.pad(block, ((0, -len(block) % _WINDOW), (0, 0)))
        windows = padded.reshape(-1, _WINDOW, block.shape[1])
        mean = windows.mean(axis=1, dtype=np.float64)
        square = np.matmul(windows.transpose(0, 2, 1), windows).astype(np.float64) / _WINDOW
        products.append(square - mean[:, :, np.newaxis] * mean[:, np.newaxis, :])
        means.append(mean)
    n = file.channels
    if not products:
        return np.zeros((0, n, n)), np.zeros((0, n))
    return np.concatenate(products), np.concatenate(means)


def choose_downmix(
    products: NDArray[np.float64], means: NDArray[np.float64], *, has_lfe: bool = False
) -> Downmix:
    """Decide from the windows' covariances, (windows, n, n), and means how to mix.

    The loudest channel stays as it is; each other one is reversed where it only ever opposes those
    mixed before, and turned where it does so at times.
    """
    n = products.shape[1]
    offset = (
        bool((np.abs(means) > _OFFSET).any(axis=1).mean() > _OFFSET_SHARE) if len(means) else False
    )
    power = np.einsum("wcc->c", products) / max(1, len(products))
    least = max(_SILENT_POWER, _WEAKEST * float(power.max(initial=0.0)))
    decibels = np.round(10 * np.log10(np.maximum(power, least)))  # alike: the first one leads
    order = [int(c) for c in np.argsort(-decibels, kind="stable") if power[c] >= least]
    order = [c for c in order if not (has_lfe and c == LFE)] or [0]
    signs, turned = [0] * n, [False] * n
    mixed: list[int] = []
    for channel in order:
        counts = [_agreement(products, signs[c], c, channel) for c in mixed if not turned[c]]
        opposed, alike = sum(o for o, _ in counts), sum(a for _, a in counts)
        signs[channel] = -1 if opposed and not alike else 1
        turned[channel] = bool(alike) and opposed >= _LEAST_OPPOSED
        mixed.append(channel)
    return Downmix(tuple(signs), tuple(turned), offset)


def _agreement(products: NDArray[np.float64], sign: int, one: int, other: int) -> tuple[int, int]:
    """Count the windows in which two channels oppose each other, and in which they agree."""
    first, second = products[:, one, one], products[:, other, other]
    audible = np.ones(len(products), bool)
    for power in (first, second):
        audible &= power > min(_AUDIBLE_POWER, _AUDIBLE_SHARE * float(power.mean()))
    scale = np.sqrt(np.maximum(first * second, 1e-30))
    correlation = sign * products[:, one, other] / scale
    opposed, alike = audible & (correlation < -_ALIKE), audible & (correlation > _ALIKE)
    return int(opposed.sum()), int(alike.sum())


def _mixed(file: "SoundFile", plan: Downmix) -> Iterator[Block]:
    from scipy import signal

    n_mixed = max(1, sum(sign != 0 for sign in plan.signs))
    weights = np.array(plan.signs, np.float32) / n_mixed
    turned = np.array(plan.turned)
    high_pass = signal.butter(2, _HIGH_PASS_HZ, "highpass", fs=SAMPLE_RATE, output="sos")
    state: NDArray[np.float32] | None = None
    for start in range(0, len(file), _BLOCK):
        stop = min(start + _BLOCK, len(file))
        around = _read(file, start - _TAPS // 2, stop + _TAPS // 2) * weights
        inner = around[_TAPS // 2 : _TAPS // 2 + stop - start]
        block = inner[:, ~turned].sum(axis=1)
        if turned.any():
            block += signal.fftconvolve(around[:, turned].sum(axis=1), _quarter_turn(), "valid")
        if plan.has_offset:
            state = signal.sosfilt_zi(high_pass) * block[0] if state is None else state
            block, state = signal.sosfilt(high_pass, block, zi=state)
        yield np.asarray(block, np.float32)


def _quarter_turn() -> Block:
    """Return a filter that shifts frequencies above 50 Hz by 90 degrees (windowed Hilbert)."""
    n = np.arange(_TAPS) - _TAPS // 2
    ideal = np.where(n % 2, 2 / (np.pi * np.where(n, n, 1)), 0.0)
    return np.asarray(ideal * np.hamming(_TAPS), np.float32)


def _read(file: "SoundFile", start: int, stop: int) -> Block:
    """Return samples between two frames, (stop - start, channels); silence outside the file."""
    first, last = max(0, start), min(len(file), stop)
    file.seek(first)
    inside = file.read(last - first, dtype="float32", always_2d=True)
    return np.pad(inside, ((first - start, stop - last), (0, 0)))
