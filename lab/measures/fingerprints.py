"""Know a sample by its content, whatever its file or its corpus is called.

A fingerprint is the first 40 bits of a SHA-256: among 100,000 of them one new sample in ten
million looks known by chance.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.corpora.samples import is_film, pictures, read_voice
from lab.corpora.sound import content
from lab.corpora.text_overlap import telling
from lab.corpora.texts import fingerprint as words_of
from models.protocols import Samples
from schemas.corpus import LabelledClip
from schemas.errors import InputError
from schemas.values import Json

_BYTES = 5

BESIDE = ".samples.json"
"""Suffix of the file beside the weights that has the fingerprints where they are many."""

LONGEST_IN_HEADER = 100_000
"""Characters of fingerprints up to which they stand in the header of the weights."""

_KEY, _ELSEWHERE = "samples", "samples_beside"


def fingerprint_of_sound(sound: Samples) -> bytes:
    """Fingerprint of mono sound at 16 kHz in [-1, 1], to 16 bits: alike as WAV and as FLAC."""
    return _hashed(np.clip(np.round(sound * 32_768), -32_768, 32_767).astype("<i2").tobytes())


def fingerprint_of_pictures(images: Iterable[NDArray[np.uint8]]) -> bytes:
    """Fingerprint of gray pictures (height, width) in their order."""
    return _hashed(*(f"{image.shape}".encode() + image.tobytes() for image in images))


def fingerprint_of_text(text: str) -> bytes | None:
    """Fingerprint of a text's words without case and punctuation; None of fewer than four words.

    Such short ones ("Yes, please.") are common property.
    """
    words = words_of(text)
    return _hashed(words.encode()) if telling(words) else None


def fingerprint(branch: str, clip: LabelledClip) -> bytes | None:
    """Fingerprint of what a branch judges of a clip; None where it has nothing for that branch.

    Of a film it is that of the file's bytes, so that a film coded anew is another one.
    """
    read = _READERS.get(branch)
    try:
        return read(clip) if read else None
    except InputError:
        return None


def store_fingerprints(weights: Path, found: Iterable[bytes | None]) -> Json:
    """Return what the header is to say of training samples; many are written beside `weights`."""
    known = sorted({own for own in found if own is not None})
    coded = base64.b64encode(b"".join(known)).decode()
    beside = weights.with_suffix(BESIDE)
    beside.unlink(missing_ok=True)
    if len(coded) <= LONGEST_IN_HEADER:
        return {_KEY: coded}
    beside.parent.mkdir(parents=True, exist_ok=True)
    beside.write_text(json.dumps({_KEY: coded}), encoding="utf-8")
    return {_ELSEWHERE: beside.name}


def trained_on(weights: Path, config: Json) -> frozenset[bytes]:
    """Return the fingerprints that weights with this header were trained on; empty without any.

    Raises `InputError` where they stand in a file beside the weights that is missing or damaged.
    """
    beside = weights.with_name(str(config.get(_ELSEWHERE, weights.name)))
    try:
        if _ELSEWHERE in config:
            config = json.loads(beside.read_text(encoding="utf-8"))
        packed = base64.b64decode(config.get(_KEY, ""))
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(
            f"{beside.name} beside {weights.name} cannot be read, so that nobody knows whether "
            "it was trained on samples of this set; copy both files."
        ) from error
    return frozenset(packed[at : at + _BYTES] for at in range(0, len(packed), _BYTES))


def fingerprints(branch: str, clips: Sequence[LabelledClip]) -> list[bytes | None]:
    """Fingerprint of each clip, in their order."""
    return [fingerprint(branch, clip) for clip in clips]


def _hashed(*parts: bytes) -> bytes:
    state = hashlib.sha256()
    for part in parts:
        state.update(part)
    return state.digest()[:_BYTES]


def _of_voice(clip: LabelledClip) -> bytes:
    return fingerprint_of_sound(read_voice(clip))


def _of_face(clip: LabelledClip) -> bytes:
    if is_film(clip):
        return _of_file(clip.source or "")
    return fingerprint_of_pictures(
        np.asarray(image.mean(axis=2), dtype=np.uint8) for _, image in pictures(clip)
    )


def _of_file(source: str) -> bytes:
    try:
        opened = content(source)
        return _hashed(Path(opened).read_bytes() if isinstance(opened, str) else opened.read())
    except (OSError, KeyError) as error:
        raise InputError(f"{source} cannot be read: {error}.") from error


def _of_text(clip: LabelledClip) -> bytes | None:
    return fingerprint_of_text(clip.text or "")


_READERS: Mapping[str, Callable[[LabelledClip], bytes | None]] = {
    "audio": _of_voice,
    "video": _of_face,
    "text": _of_text,
}
