"""The catalogue of corpora: description, terms and reader of each."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from lab.corpora.faces import read_face_clips
from lab.corpora.labelled_csv import read_labelled_csv
from lab.corpora.labelled_folder import read_labelled_folder
from lab.corpora.speech import read_corpus
from lab.corpora.video import read_video
from schemas.corpus import LabelledClip
from schemas.errors import SettingsError
from schemas.suggestions import suggestion

Modality = Literal["audio", "video", "face", "text", "audio and text", "any"]
Reader = Callable[[Path, str], Sequence[LabelledClip]]


class Entry(NamedTuple):
    """One corpus: languages are BCP 47, `terms` one sentence on its licence, `origin` who has it.

    `read` takes the folder and the corpus's name.
    """

    modality: Modality
    languages: tuple[str, ...]
    terms: str
    origin: str
    read: Reader


def read(name: str, folder: Path) -> tuple[LabelledClip, ...]:
    """Read a corpus by its name from the folder that holds it, in its original layout.

    Raises `SettingsError` for an unknown name, with the nearest known one, and what the corpus's
    reader raises where it is not there or damaged.
    """
    entry = CATALOGUE.get(name)
    if entry is None:
        remedy = suggestion(name.lower(), CATALOGUE, likeness=0.4)
        raise SettingsError(f"There is no corpus '{name}'; {remedy}")
    return tuple(entry.read(folder, name))


def _faces(folder: Path, name: str) -> Sequence[LabelledClip]:
    del name  # a reader of one corpus
    return read_face_clips(folder)


def _texts(folder: Path, name: str) -> Sequence[LabelledClip]:
    """All languages and splits of a text corpus."""
    from lab.corpora.texts import TextSplit, corpus_named, read_texts

    corpus = corpus_named(name)
    splits: tuple[TextSplit, ...] = ("train", "dev", "test")
    return [
        clip for split in splits for clip in read_texts(folder, corpus, split, corpus.languages)
    ]


def _folder(folder: Path, name: str) -> Sequence[LabelledClip]:
    del name
    return read_labelled_folder(folder)


def _table(table: Path, name: str) -> Sequence[LabelledClip]:
    del name
    return read_labelled_csv(table)


_RAVDESS = "CC BY-NC-SA 4.0: weights trained on it are non-commercial."
_CREMA_D = "Open Database License; the files may be shared, the actors consented to research."
_SAVEE = "Free for research, on registration."
_FRIENDS = "Lines of a television series, whose rights are others'; for research."
_TWEETS = "No licence is stated; posts by users, for research."

_ATTRIBUTION = "CC BY 4.0."

UNRESTRICTED = frozenset({_ATTRIBUTION})
"""Terms that allow commercial use of what was learned from a corpus."""

CATALOGUE: dict[str, Entry] = {
    # voices; crema-d's labels are what the actor meant, crema-d-consensus' what listeners heard
    "ravdess": Entry("audio", ("en",), _RAVDESS, "Zenodo, speech audio", read_corpus),
    "ravdess-song": Entry("audio", ("en",), _RAVDESS, "Zenodo, song audio", read_corpus),
    "savee": Entry("audio", ("en",), _SAVEE, "University of Surrey", read_corpus),
    "crema-d": Entry("audio", ("en",), _CREMA_D, "Cheyney University, GitHub", read_corpus),
    "crema-d-consensus": Entry(
        "audio", ("en",), _CREMA_D, "Cheyney University, GitHub", read_corpus
    ),
    "tess": Entry(
        "audio",
        ("en",),
        "CC BY-NC-ND 4.0: for non-commercial use, unchanged.",
        "University of Toronto, Borealis",
        read_corpus,
    ),
    "emodb": Entry(
        "audio", ("de",), "Freely available.", "Technical University Berlin", read_corpus
    ),
    "emovo": Entry("audio", ("it",), "Free for research.", "Fondazione Ugo Bordoni", read_corpus),
    "nemo": Entry(
        "audio",
        ("pl",),
        "CC BY-NC-SA 4.0: weights trained on it are non-commercial.",
        "Adam Mickiewicz University, GitHub",
        read_corpus,
    ),
    "iemocap": Entry(
        "audio and text",
        ("en",),
        "Non-commercial research under a signed agreement; must not be passed on.",
        "University of Southern California, SAIL",
        read_corpus,
    ),
    # filmed voices
    "ravdess-video": Entry("video", ("en",), _RAVDESS, "Zenodo, speech video", read_video),
    "crema-d-video": Entry("video", ("en",), _CREMA_D, "Cheyney University, GitHub", read_video),
    "savee-video": Entry("video", ("en",), _SAVEE, "University of Surrey", read_video),
    "iemocap-video": Entry(
        "video",
        ("en",),
        "Non-commercial research under a signed agreement; must not be passed on.",
        "University of Southern California, SAIL; utterances cut out of its dialogues",
        read_video,
    ),
    # faces
    "fer2013": Entry(
        "face",
        (),
        "Pictures found on the web, for research; the votes of FERPlus are MIT.",
        "Kaggle; FERPlus from Microsoft, GitHub",
        _faces,
    ),
    # words
    "goemotions": Entry("text", ("en",), _ATTRIBUTION, "Google Research, GitHub", _texts),
    "meld": Entry("text", ("en",), _FRIENDS, "DeCLaRe Lab, GitHub", _texts),
    "mmeld": Entry("text", ("fr", "es"), _FRIENDS, "M-MELD, GitHub", _texts),
    "emorynlp": Entry("text", ("en",), _FRIENDS, "Emory NLP, GitHub", _texts),
    "dailydialog": Entry(
        "text",
        ("en", "de", "it"),
        "CC BY-NC-SA 4.0: weights trained on it are non-commercial.",
        "DailyDialog; translations from XDailyDialog, GitHub",
        _texts,
    ),
    "xed": Entry("text", ("en", "de", "fr", "it", "es"), _ATTRIBUTION, "Helsinki NLP", _texts),
    "emoevent": Entry("text", ("en", "es"), _TWEETS, "University of Jaen, GitHub", _texts),
    "brighter": Entry(
        "text", ("en", "de", "es"), _ATTRIBUTION, "SemEval-2025 task 11, GitHub", _texts
    ),
    "multiemotions": Entry(
        "text",
        ("it",),
        "CC BY-NC-SA 4.0: weights trained on it are non-commercial.",
        "MultiEmotions-It, GitHub",
        _texts,
    ),
    "dair": Entry("text", ("en",), "For education and research.", "dair-ai", _texts),
    "emocontext": Entry("text", ("en",), _TWEETS, "SemEval-2019 task 3", _texts),
    "imdb": Entry("text", ("en",), "No licence is stated; for research.", "Stanford", _texts),
    # anybody's
    "folder": Entry("any", (), "The terms of whoever made it.", "a folder per class", _folder),
    "csv": Entry("any", (), "The terms of whoever made it.", "a table of samples", _table),
}
"""Name -> corpus. For `fer2013` and `csv` the folder may be the table itself."""
