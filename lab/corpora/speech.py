"""Readers of emotional speech: acted corpora that say all in their file names, and IEMOCAP."""

import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.corpora.archives import MEMBER as MEMBER
from lab.corpora.archives import archive_members as archive_members
from lab.corpora.archives import stem as stem
from lab.corpora.crema_d import read_consensus
from lab.corpora.iemocap import read_iemocap
from lab.corpora.name_codes import NAME_CODES
from lab.corpora.named_files import NamedCorpus, read_named, sources
from schemas.corpus import LabelledClip
from schemas.errors import SettingsError

_NEMO_EMOTION = "|".join(NAME_CODES["nemo"])
_EMOVO_EMOTION = "|".join(NAME_CODES["emovo"])

CORPORA: dict[str, NamedCorpus] = {
    # modality-vocal-emotion-intensity-statement-repetition-actor; 03-01 is sound of speech
    "ravdess": NamedCorpus(
        "ravdess",
        "en",
        re.compile(
            r"03-01-(?P<emotion>0[1-8])-(?P<intensity>\d\d)-(?P<sentence>\d\d)-\d\d-(?P<speaker>\d\d)"
        ),
        ("ravdess", "ravdess.tar", "ravdess.zip", "audio_speech_actors_01-24*"),
    ),
    # speaker, text, emotion, version
    "emodb": NamedCorpus(
        "emodb",
        "de",
        re.compile(r"(?P<speaker>\d\d)(?P<sentence>[ab]\d\d)(?P<emotion>[WLEAFTN])[a-z]"),
        ("emodb", "emodb.tar", "emodb.zip", "emo-db", "emo-db.zip"),
    ),
    "emovo": NamedCorpus(
        "emovo",
        "it",
        re.compile(rf"(?P<emotion>{_EMOVO_EMOTION})-(?P<speaker>[mf]\d)-(?P<sentence>[a-z]+\d?)"),
        ("emovo", "emovo.tar", "emovo.zip"),
    ),
    "nemo": NamedCorpus(
        "nemo",
        "pl",
        re.compile(rf"(?P<speaker>[A-Z]{{2}}\d)_(?P<emotion>{_NEMO_EMOTION})_(?P<sentence>\d+)"),
        ("nemo", "nemo.tar", "nemo.zip"),
    ),
    # DC/a01 or DC_a01; the number counts within an emotion and does not name the wording, so
    # that no sentence is known
    "savee": NamedCorpus(
        "savee",
        "en",
        re.compile(r"(?P<speaker>DC|JE|JK|KL)[/_](?P<emotion>sa|su|[adfhn])\d\d"),
        ("savee", "savee.tar", "savee.zip", "audiodata", "audiodata.zip"),
    ),
    # actor, sentence, emotion, level; one file is known to end in _X
    "crema-d": NamedCorpus(
        "crema-d",
        "en",
        re.compile(
            r"(?P<speaker>1\d{3})_(?P<sentence>[A-Z]{3})_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)"
            r"_(?P<intensity>LO|MD|HI|XX?)"
        ),
        ("crema-d", "cremad", "crema-d.tar", "crema-d.zip", "crema-d-master*", "audiowav*"),
    ),
    # speaker, word, emotion; one of the older woman's files is named OA
    "tess": NamedCorpus(
        "tess",
        "en",
        re.compile(
            r"(?P<speaker>OAF?|YAF)_(?P<sentence>[a-z]+)"
            r"_(?P<emotion>angry|disgust|fear|happy|neutral|ps|sad)"
        ),
        ("tess", "tess.tar", "tess.zip", "tess toronto emotional speech set*"),
    ),
}
"""The table of corpora, smallest thing to extend."""

SUNG: dict[str, NamedCorpus] = {
    # as in the speech; 03-02 is sound of song
    "ravdess-song": NamedCorpus(
        "ravdess-song",
        "en",
        re.compile(
            r"03-02-(?P<emotion>0[1-6])-(?P<intensity>\d\d)-(?P<sentence>\d\d)-\d\d-(?P<speaker>\d\d)"
        ),
        ("ravdess-song", "ravdess-song.tar", "ravdess-song.zip", "audio_song_actors_01-24*"),
    ),
}
"""Corpora of song: read only where they are named, never with all speech that is there."""

_READERS: dict[str, Callable[[Path], list[LabelledClip]]] = {
    **{
        name: functools.partial(read_named, name=name, corpus=corpus)
        for name, corpus in (CORPORA | SUNG).items()
    },
    "crema-d-consensus": functools.partial(read_consensus, corpus=CORPORA["crema-d"]),
    "iemocap": read_iemocap,
}

TWINS = frozenset({"03-01-03-01-02-02-07"})
"""Recordings that repeat another under a second name, a fault of RAVDESS: trained on once."""


def read_speech(folder: Path, names: Sequence[str] = ()) -> tuple[LabelledClip, ...]:
    """Read the named corpora under a folder, each as `.tar`, `.zip` or unpacked.

    Without names, all of `CORPORA` that are there under a name of theirs. Clips are in order of
    their file names; one whose label is none of the seven classes has no `emotion`. Raises
    `SettingsError` where a corpus is unknown or not there.
    """
    unknown = [name for name in names if name not in _READERS]
    if unknown:
        known = ", ".join(sorted(_READERS))
        raise SettingsError(f"There is no speech corpus '{unknown[0]}'; known are {known}.")
    return tuple(clip for name in names or _present(folder) for clip in read_corpus(folder, name))


def read_corpus(folder: Path, name: str) -> list[LabelledClip]:
    """Read one corpus; raises `SettingsError` where it is not found or holds nothing of it."""
    return _READERS[name](folder)


def _present(folder: Path) -> list[str]:
    found = folder.is_dir() and [name for name in CORPORA if sources(folder, CORPORA[name])]
    if not found:
        raise SettingsError(
            f"No speech corpus was found under {folder}: "
            f"put one of {', '.join(CORPORA)} there, as NAME.tar, NAME.zip or a folder NAME."
        )
    return found
