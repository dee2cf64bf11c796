"""Reads a labelled clip's sound, from a file or from inside an archive."""

import io
from pathlib import Path

import numpy as np

from lab.corpora.archives import MEMBER, read_member
from models.protocols import Samples
from schemas.errors import InputError
from schemas.values import SAMPLE_RATE


def read_sound(source: str) -> Samples:
    """Decode a path or `archive.tar::member` to mono at 16 kHz.

    Raises `InputError` where there is no such file or no sound in it.
    """
    import av

    try:
        with av.open(content(source)) as container:
            pieces = _decode(container)
    except (OSError, KeyError, IndexError, av.FFmpegError) as error:
        raise InputError(f"{source} cannot be read as sound: {error}") from error
    if not pieces:
        raise InputError(f"{source} holds no sound.")
    return np.concatenate(pieces)


def content(source: str) -> str | io.BytesIO:
    """Return what can be opened: the path, or the bytes of `archive.tar::member`."""
    if MEMBER not in source:
        return source
    archive, member = source.rsplit(MEMBER, 1)
    return io.BytesIO(read_member(Path(archive), member))


def _decode(container: "av.container.InputContainer") -> list[Samples]:  # type: ignore[name-defined]  # noqa: F821
    from av import AudioResampler

    resampler = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    frames = [
        out for frame in (*container.decode(audio=0), None) for out in resampler.resample(frame)
    ]
    return [np.asarray(frame.to_ndarray()[0], dtype=np.float32) for frame in frames]
