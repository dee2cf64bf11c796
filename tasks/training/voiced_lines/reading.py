"""Reads old games' files: numbers in a fixed order, and the sound of lines."""

import io
import math
from typing import Literal

import numpy as np

from models.protocols import Samples
from schemas.errors import InputError
from schemas.values import SAMPLE_RATE, Hertz

_BYTE_ZERO, _BYTE_SCALE = 128.0, 128.0


class Reader:
    """Takes numbers and bytes from `data`, one after another from `at` on.

    Raises `InputError`, in which `file` is named, where the data ends too early.
    """

    def __init__(
        self, data: bytes, file: str, at: int = 0, order: Literal["big", "little"] = "big"
    ) -> None:
        self._data = data
        self._file = file
        self._order = order
        self.at = at

    def take(self, n_bytes: int) -> bytes:
        """The next bytes, exactly so many."""
        taken = self._data[self.at : self.at + n_bytes]
        if len(taken) < n_bytes or self.at < 0:
            raise InputError(f"{self._file} ends too early: the file is cut off or damaged.")
        self.at += n_bytes
        return taken

    def unsigned(self, n_bytes: int) -> int:
        """The next number, at least 0."""
        return int.from_bytes(self.take(n_bytes), self._order)

    def signed(self, n_bytes: int = 2) -> int:
        """The next number in two's complement."""
        return int.from_bytes(self.take(n_bytes), self._order, signed=True)


def decode(data: bytes, layout: str, source: str) -> Samples:
    """Decode MP3, Ogg Vorbis or FLAC (`layout`: mp3, ogg, flac) to mono at 16 kHz.

    Raises `InputError` that names `source` where it cannot be decoded.
    """
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    try:
        with av.open(io.BytesIO(data), "r", format=layout) as container:
            frames = [
                out.to_ndarray()[0]
                for frame in (*container.decode(audio=0), None)
                for out in resampler.resample(frame)
            ]
    except (av.FFmpegError, IndexError) as error:
        raise InputError(f"{source} cannot be decoded as {layout}: {error}.") from error
    return np.concatenate(frames or [np.zeros(0)]).astype(np.float32)


def from_bytes(data: bytes, rate: Hertz) -> Samples:
    """Sound of unsigned bytes at `rate` as mono at 16 kHz in [-1, 1]."""
    from scipy.signal import resample_poly

    samples = (np.frombuffer(data, np.uint8) - _BYTE_ZERO) / _BYTE_SCALE
    if not len(samples):
        return np.zeros(0, np.float32)
    common = math.gcd(SAMPLE_RATE, int(rate))
    clear = resample_poly(samples, SAMPLE_RATE // common, int(rate) // common)
    return np.asarray(np.clip(clear, -1, 1), np.float32)
