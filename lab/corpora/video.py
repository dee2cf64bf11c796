"""Readers of acted emotional speech that was filmed: RAVDESS, CREMA-D, SAVEE, IEMOCAP.

Clips bear the name and speakers of the corpus whose sound they are, so that no split can have
an actor's face on one side and the voice on the other.
"""

import functools
import re
from collections.abc import Callable
from pathlib import Path

from lab.corpora.iemocap import read_iemocap
from lab.corpora.named_files import VIDEO_SUFFIXES, NamedCorpus, read_named
from lab.corpora.speech import CORPORA
from schemas.corpus import LabelledClip
from schemas.errors import SettingsError

VIDEO_CORPORA: dict[str, NamedCorpus] = {
    # 01-01 is picture and sound of speech; 02-01, the same without sound, and songs are left out
    "ravdess-video": CORPORA["ravdess"]._replace(
        name=re.compile(CORPORA["ravdess"].name.pattern.replace("03-01", "01-01", 1)),
        homes=("ravdess", "ravdess-video", "ravdess-video.*", "video_speech_actor*"),
        suffixes=VIDEO_SUFFIXES,
    ),
    "crema-d-video": CORPORA["crema-d"]._replace(
        homes=("crema-d", "cremad", "crema-d-video", "crema-d-video.*", "videoflash*"),
        suffixes=VIDEO_SUFFIXES,
    ),
    "savee-video": CORPORA["savee"]._replace(
        homes=("savee", "savee-video", "savee-video.*", "audiovisualclip*"),
        suffixes=VIDEO_SUFFIXES,
    ),
}
"""The table of filmed corpora that say all in their file names."""

_READERS: dict[str, Callable[[Path], list[LabelledClip]]] = {
    **{
        name: functools.partial(read_named, name=name, corpus=corpus)
        for name, corpus in VIDEO_CORPORA.items()
    },
    "iemocap-video": functools.partial(read_iemocap, medium="avi"),
}

_FILMED = "-video"


def read_video(folder: Path, name: str = "ravdess-video") -> list[LabelledClip]:
    """Read one corpus by its name, with or without `-video` at the end.

    Raises `SettingsError` where it is unknown, not found or empty.
    """
    reader = _READERS.get(name.removesuffix(_FILMED) + _FILMED)
    if reader is None:
        known = ", ".join(sorted(_READERS))
        raise SettingsError(f"There is no filmed corpus '{name}'; known are {known}.")
    return reader(folder)
